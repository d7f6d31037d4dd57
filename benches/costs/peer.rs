//! The honest peer: a client by hand, of `reqwest` and `serde_json` alone, that has each body ready.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::{Deserialize, Serialize};

/// The library's own documents.
pub(crate) const WHOLE: (&str, &str) = (
    "DinoaiAgentRun",
    include_str!("../../graphql/dinoai_agent_run.graphql"),
);
pub(crate) const STATUS: (&str, &str) = (
    "DinoaiAgentRunStatus",
    include_str!("../../graphql/dinoai_agent_run_status.graphql"),
);

/// A client of one endpoint, with the settings and headers of the library's reads, and its limit of
/// time, which the library keeps by itself.
pub(crate) struct Peer {
    http: reqwest::Client,
    endpoint: reqwest::Url,
}

/// Of `T`, the response.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Data<T>,
}

#[derive(Deserialize)]
struct Data<T> {
    #[serde(rename = "dinoaiAgentRun")]
    run: T,
}

/// A status, into a plain struct.
#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "what is read is there to be read")]
pub(crate) struct PlainStatus {
    pub(crate) ok: bool,
    pub(crate) status: String,
}

/// A run, into a plain struct.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is read is there to be read")]
pub(crate) struct PlainRun {
    pub(crate) ok: bool,
    pub(crate) agent_session_id: String,
    pub(crate) status: String,
    pub(crate) messages: Vec<PlainMessage>,
    pub(crate) child_session_ids: Vec<String>,
    pub(crate) workspace_uid: String,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "what is read is there to be read")]
pub(crate) struct PlainMessage {
    pub(crate) ts: f64,
    pub(crate) role: String,
    pub(crate) content: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    query: &'a str,
    operation_name: &'a str,
    variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    id: &'a str,
}

/// The body of a request about a run, to be sent as often as one likes.
pub(crate) fn ready((operation_name, query): (&str, &str), id: &str) -> Bytes {
    let variables = Variables { id };
    let request = Request {
        query,
        operation_name,
        variables,
    };
    serde_json::to_vec(&request).expect("texts are JSON").into()
}

impl Peer {
    pub(crate) fn of(endpoint: &str) -> Self {
        let http = reqwest::Client::builder()
            .tls_certs_only([])
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            .gzip(true)
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60))
            .default_headers(headers())
            .build()
            .expect("a client without certificates can be built");
        Self {
            http,
            endpoint: endpoint.parse().expect("an endpoint is a URL"),
        }
    }

    /// Sends a body, and reads the response.
    pub(crate) async fn post(&self, body: &Bytes) -> Bytes {
        let request = self.http.post(self.endpoint.clone()).body(body.clone());
        let response = request.send().await.expect("the server answers");
        response.bytes().await.expect("the response is whole")
    }

    pub(crate) async fn status(&self, body: &Bytes) -> PlainStatus {
        let response = self.post(body).await;
        let envelope: Envelope<_> = serde_json::from_slice(&response).expect("it is a status");
        envelope.data.run
    }

    pub(crate) async fn run(&self, body: &Bytes) -> PlainRun {
        let response = self.post(body).await;
        let envelope: Envelope<_> = serde_json::from_slice(&response).expect("it is a run");
        envelope.data.run
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let accepted = "application/graphql-response+json, application/json;q=0.9";
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("dinoai/0.1.0"));
    for (name, value) in [("x-api-key", "key"), ("x-api-secret", "secret")] {
        let mut value = HeaderValue::from_static(value);
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    headers
}
