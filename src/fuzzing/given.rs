//! A response as the input of the check describes it, and a transport that it arrives at.

use std::io::Read;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, HeaderValue};

use crate::config::{Credentials, Endpoint, Origins};
use crate::error::{Error, FailedCall};
use crate::model::SessionId;
use crate::transport::{HttpTransport, Operation, OperationInfo, Reader, Settings};

/// Small, so that a few bytes of gzip are beyond it.
pub(super) const LIMIT: usize = 16 * 1024;
/// No error's text is longer.
pub(super) const LONGEST_TEXT: usize = 20_000;
pub(super) const AGENT: &str = "data-quality-checker";
pub(super) const ASKED: &str = "xwzdneft6emspe0f";
/// In every secret: key, secret and the endpoint's path.
pub(super) const CANARY: &str = "canary";
/// In the texts of a run's messages, where a seed has some.
pub(super) const TRANSCRIPT: &str = "transcript-text";

pub(super) static TRANSPORT: LazyLock<HttpTransport> = LazyLock::new(|| {
    let endpoint = "http://127.0.0.1:1/api/v1/canaryPath0123/graphql";
    let settings = Settings {
        request_timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(5),
        response_limit: LIMIT,
        user_agent_suffix: None,
        hook: None,
    };
    HttpTransport::new(
        Endpoint::parse(endpoint, false).unwrap(),
        &Credentials::key_and_secret("canaryKey0123", "canarySecret0123"),
        settings,
        Origins::default(),
    )
    .unwrap()
});

/// A response as it comes from the connection.
pub(super) struct Given {
    pub(super) operation: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Given {
    pub(super) fn of(input: &[u8]) -> Option<Self> {
        let end = input.windows(2).position(|bytes| bytes == b"\n\n")?;
        let mut lines = input[..end].split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (operation, status) = first.split_once(' ')?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            headers.append(HeaderName::from_str(name).ok()?, value);
        }
        // Else a delay that is a date is counted from now on.
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if date.is_none_or(|date| httpdate::parse_http_date(date).is_err()) {
            let date = HeaderValue::from_static("Wed, 25 Nov 2026 09:59:30 GMT");
            headers.insert(DATE, date);
        }
        Some(Self {
            operation: operation.to_owned(),
            status: StatusCode::from_u16(status.parse().ok()?).ok()?,
            headers,
            body: input[end + 2..].to_vec(),
        })
    }

    /// The body as it can be read, and how much of it that is.
    pub(super) fn unpacked(&self) -> (Vec<u8>, Whole) {
        let end = self.body.len().min(LIMIT);
        let packed = &self.body[..end];
        let encoding = self.headers.get(CONTENT_ENCODING);
        let encoding = encoding.map(|encoding| encoding.as_bytes().to_ascii_lowercase());
        let is_packed = matches!(encoding.as_deref(), Some(b"gzip" | b"x-gzip"));
        let (body, end) = if is_packed && !packed.is_empty() {
            let mut body = vec![];
            let most = u64::try_from(LIMIT).unwrap() + 1;
            let read = MultiGzDecoder::new(packed)
                .take(most)
                .read_to_end(&mut body);
            let end = match read {
                _ if body.len() > LIMIT => Whole::TooLarge,
                Ok(_) => Whole::Yes,
                Err(_) => Whole::Broken,
            };
            body.truncate(LIMIT);
            (body, end)
        } else {
            (packed.to_vec(), Whole::Yes)
        };
        match self.body.len() > LIMIT {
            true => (body, Whole::TooLarge),
            false => (body, end),
        }
    }

    pub(super) fn arrive(
        &self,
        asked: Option<&str>,
        operation: &OperationInfo,
    ) -> Result<Arrived, Error> {
        let mut call = FailedCall {
            session_id: asked.map(|id| SessionId::new(id).unwrap()),
            ..operation.call()
        };
        let (status, headers) = (self.status, self.headers.clone());
        let response = TRANSPORT.arrive(&mut call, operation, status, headers, self.body.clone());
        Ok((response?, call))
    }

    pub(super) fn answer<O: Operation>(
        &self,
        asked: Option<&str>,
        agent: Option<&str>,
    ) -> Result<O::Output, Error> {
        let (response, call) = self.arrive(asked, &O::INFO)?;
        response.read(&reader::<O>(agent), &call, TRANSPORT.context())
    }

    /// The same, without the strict pass before the look at everything.
    pub(super) fn examined<O: Operation>(
        &self,
        asked: Option<&str>,
        agent: Option<&str>,
    ) -> Result<O::Output, Error> {
        let (response, call) = self.arrive(asked, &O::INFO)?;
        response.examined(&reader::<O>(agent), &call, TRANSPORT.context())
    }
}

fn reader<O: Operation>(agent: Option<&str>) -> Reader<O::ResponseData, O::Output> {
    Reader::of::<O>(agent.map(str::to_owned))
}

pub(super) type Arrived = (crate::transport::Response, FailedCall);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    Broken,
    TooLarge,
}
