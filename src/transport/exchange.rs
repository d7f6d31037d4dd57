//! One request and its response, raced against how long the body may take to leave and how long the
//! response may take to come.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use tokio_util::sync::CancellationToken;

use super::body::Seal;
use super::gzip::{UnpackError, gzip_limited};
use crate::error::Cause;
use crate::time::BootTime;

/// How long one attempt may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits<'a> {
    /// Until the body has left.
    pub(crate) to_leave: Duration,
    /// Until the response is here.
    pub(crate) to_end: Duration,
    /// After which no body leaves any more.
    pub(crate) closed: Option<&'a CancellationToken>,
    /// From when on it does not leave any more, even if the machine was suspended until then.
    pub(crate) leaves_before: Option<BootTime>,
}

impl Limits<'_> {
    /// Whether the client is closed, so that no body leaves any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some_and(CancellationToken::is_cancelled)
    }

    /// Whether it is too late for the body to leave.
    pub(super) fn is_too_late(&self) -> bool {
        self.leaves_before.is_some_and(BootTime::has_passed)
    }
}

/// What has arrived of a response.
#[derive(Default)]
pub(super) struct Received {
    pub(super) head: Option<(StatusCode, HeaderMap)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// Unpacks a body that the HTTP client left as it is, since it reads `Content-Encoding: gzip`
    /// in lower case only. What can be unpacked of a broken one is kept.
    pub(super) fn unpack(&mut self, limit: usize) -> Result<BodyEnd, Cause> {
        let is_packed = self.head.as_ref().is_some_and(|(_, headers)| {
            let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
            encoding.is_some_and(|encoding| {
                encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip")
            })
        });
        if !is_packed {
            return Ok(BodyEnd::Whole);
        }
        match gzip_limited(&self.body, limit) {
            Ok(body) => {
                self.body = body;
                Ok(BodyEnd::Whole)
            }
            Err(UnpackError::TooLarge { read }) => {
                self.body = read;
                Ok(BodyEnd::TooLarge)
            }
            Err(UnpackError::Broken { read, source }) => {
                self.body = read;
                Err(Arc::new(source))
            }
        }
    }
}

/// How a response ended.
pub(super) enum BodyEnd {
    Whole,
    TooLarge,
}

pub(super) async fn exchange(
    response: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
    limit: usize,
    received: &mut Received,
    progress: &AtomicUsize,
) -> Result<BodyEnd, reqwest::Error> {
    let mut response = response.await?;
    received.head = Some((response.status(), std::mem::take(response.headers_mut())));
    progress.fetch_add(1, Ordering::Relaxed);
    let length = response.content_length();
    let length = length.and_then(|length| usize::try_from(length).ok());
    while let Some(chunk) = response.chunk().await? {
        let left = limit - received.body.len();
        append(
            &mut received.body,
            &chunk[..chunk.len().min(left)],
            length,
            limit,
        );
        if chunk.len() > left {
            return Ok(BodyEnd::TooLarge);
        }
        progress.fetch_add(1, Ordering::Relaxed);
    }
    Ok(BodyEnd::Whole)
}

/// How much is reserved for a body at once because its head says that it comes.
const BELIEVED: usize = 1024 * 1024;

/// Adds a chunk to a body. `length`: how long it gets, if its head says so; it is never longer
/// than `limit`.
///
/// A head is quickly sent, and the length in it may be a lie: beyond what is believed, a body is
/// given less than the double of what has arrived. It grows by eighths, quarters and halves of its
/// length, so that the last step is from one half to the whole. One that was packed, whose length
/// nobody says, grows by a quarter.
fn append(body: &mut Vec<u8>, chunk: &[u8], length: Option<usize>, limit: usize) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut capacity = length.unwrap_or(needed + needed / 4).min(limit).max(needed);
        while capacity / 2 >= needed.max(BELIEVED) {
            capacity /= 2;
        }
        body.reserve_exact(capacity - body.len());
    }
    body.extend_from_slice(chunk);
}

/// Waits for an exchange within its limits; `None` if it was given up. A body that has left is
/// waited for until the second limit.
pub(super) async fn race<T>(
    mut exchange: Pin<&mut impl Future<Output = T>>,
    limits: Limits<'_>,
    seal: &Seal,
    progress: &AtomicUsize,
) -> Option<T> {
    let start = tokio::time::Instant::now();
    let end = {
        let leaving = pin!(within(exchange.as_mut(), limits.to_leave, progress));
        match limits.closed {
            None => leaving.await,
            Some(closed) => match select(leaving, pin!(closed.cancelled())).await {
                Either::Left((end, _)) => end,
                Either::Right(_) => None,
            },
        }
    };
    let left = limits.to_end.saturating_sub(start.elapsed());
    if end.is_some() || seal.seal() || left.is_zero() {
        return end;
    }
    within(exchange, left, progress).await
}

/// Waits for a response first and for a timer second. A response that has arrived by the time
/// the timer is looked at counts, however late that is: the caller's thread may have been busy.
async fn within<T>(
    mut exchange: Pin<&mut impl Future<Output = T>>,
    limit: Duration,
    progress: &AtomicUsize,
) -> Option<T> {
    /// How often the runtime gets to read what has arrived, without anything coming of it.
    const LOOKS: u32 = 8;
    /// An endless response is given up all the same.
    const LONGEST: Duration = Duration::from_secs(1);

    let timer = std::pin::pin!(tokio::time::sleep(limit));
    match select(exchange.as_mut(), timer).await {
        Either::Left((end, _)) => return Some(end),
        Either::Right(_) => {}
    }
    let start = Instant::now();
    let (mut looks, mut seen) = (0, progress.load(Ordering::Relaxed));
    while looks < LOOKS && start.elapsed() < LONGEST {
        tokio::task::yield_now().await;
        let look = poll_fn(|context| Poll::Ready(exchange.as_mut().poll(context)));
        if let Poll::Ready(end) = look.await {
            return Some(end);
        }
        let now = progress.load(Ordering::Relaxed);
        looks = if now == seen { looks + 1 } else { 0 };
        seen = now;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use bytes::Bytes;
    use http_body::Body;
    use tokio::time::Instant;

    use super::*;

    const LIMITS: Limits<'_> = Limits {
        to_leave: Duration::from_secs(2),
        to_end: Duration::from_secs(3),
        closed: None,
        leaves_before: None,
    };

    /// How many seconds an attempt to which nobody answers takes.
    async fn seconds_without_a_response(seal: &Seal) -> u64 {
        let start = Instant::now();
        let progress = AtomicUsize::new(0);
        let end = race(pin!(pending::<()>()), LIMITS, seal, &progress).await;
        assert!(end.is_none());
        start.elapsed().as_secs()
    }

    /// A body of this many bytes in chunks of this size, whose head says another length.
    fn arrives(bytes: usize, chunk: usize, length: Option<usize>) -> Vec<u8> {
        const LIMIT: usize = 64 * 1024 * 1024;
        let whole: Vec<u8> = (0..=u8::MAX).cycle().take(bytes).collect();
        let mut body = vec![];
        for chunk in whole.chunks(chunk) {
            append(&mut body, chunk, length, LIMIT);
            let most = 2 * body.len().max(length.map_or(8, |_| BELIEVED));
            assert!(body.capacity() < most, "{} of {length:?}", body.len());
            assert!(body.capacity() <= LIMIT);
        }
        assert!(body == whole);
        body
    }

    #[test]
    fn a_body_is_given_its_length_and_no_lie_more_than_what_has_arrived() {
        for bytes in [58, 1_000_003, 3_000_003] {
            let body = arrives(bytes, 8_192, Some(bytes));
            assert_eq!(body.capacity(), bytes);
            arrives(bytes, 10, None);
            arrives(bytes, 1_000, Some(usize::MAX));
            arrives(bytes, 1_000, Some(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_has_left_is_awaited_longer_than_one_that_has_not() {
        let seal = Seal::new(None);
        let mut body = seal.body(Bytes::from_static(b"{}"));
        poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert_eq!(seconds_without_a_response(&seal).await, 3);

        let seal = Seal::new(None);
        let mut body = seal.body(Bytes::from_static(b"{}"));
        assert_eq!(seconds_without_a_response(&seal).await, 2);
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert!(matches!(frame, Some(Err(_))));
    }
}
