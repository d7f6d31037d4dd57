//! The body of a request that can be sealed: from the moment an attempt is given up it cannot
//! leave any more, and whether it had left before is known for certain.
//!
//! The connection takes the body on another task than the caller's, perhaps on another thread,
//! and perhaps after the caller has given up. Both sides change one state by compare-and-swap,
//! so exactly one of them wins.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::time::BootTime;

/// Not taken by the connection yet.
const HELD: u8 = 0;
/// Taken by the connection: it may have reached the server.
const LEFT: u8 = 1;
/// It can never leave.
const SEALED: u8 = 2;

/// The attempt's side. Dropping it seals the body.
#[derive(Debug)]
pub(crate) struct Seal {
    state: Arc<AtomicU8>,
    body_left: Option<BodyLeft>,
    leaves_before: Option<BootTime>,
}

/// Whether the body of a call has left, for a caller that has to know it even if the call is
/// dropped. It is certain once the call has ended or was dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyLeft(Arc<AtomicBool>);

impl BodyLeft {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// The attempt that had left was certainly not carried out.
    pub(crate) fn reset(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Seal {
    pub(crate) fn new(body_left: Option<BodyLeft>) -> Self {
        Self {
            state: Arc::new(AtomicU8::new(HELD)),
            body_left,
            leaves_before: None,
        }
    }

    /// The same of a body that does not leave any more at this time, even if the machine was
    /// suspended until then.
    pub(crate) fn before(mut self, leaves_before: Option<BootTime>) -> Self {
        self.leaves_before = leaves_before;
        self
    }

    /// The body of the request.
    pub(crate) fn body(&self, bytes: Bytes) -> SealedBody {
        SealedBody {
            bytes: Some(bytes),
            state: self.state.clone(),
            leaves_before: self.leaves_before,
        }
    }

    /// Of a body that has left.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn left() -> Self {
        Self {
            state: Arc::new(AtomicU8::new(LEFT)),
            body_left: None,
            leaves_before: None,
        }
    }

    /// Seals the body. True: it has not left, and never will.
    pub(crate) fn seal(&self) -> bool {
        let before = self
            .state
            .compare_exchange(HELD, SEALED, Ordering::AcqRel, Ordering::Acquire);
        before != Err(LEFT)
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        if let (false, Some(body_left)) = (self.seal(), &self.body_left) {
            body_left.0.store(true, Ordering::Release);
        }
    }
}

/// The connection's side.
pub(crate) struct SealedBody {
    bytes: Option<Bytes>,
    state: Arc<AtomicU8>,
    leaves_before: Option<BootTime>,
}

/// Why a sealed body is not sent.
#[derive(Debug, thiserror::Error)]
#[error("the attempt was given up before the request had left")]
pub(crate) struct GivenUp;

impl http_body::Body for SealedBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let next = match self.leaves_before {
            Some(time) if time.has_passed() => SEALED,
            _ => LEFT,
        };
        let before = self
            .state
            .compare_exchange(HELD, next, Ordering::AcqRel, Ordering::Acquire);
        if before == Err(SEALED) || before.is_ok() && next == SEALED {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    fn taken(body: &mut SealedBody) -> bool {
        let frame = poll_fn(|context| http_body::Body::poll_frame(Pin::new(body), context));
        matches!(frame.now_or_never(), Some(Some(Ok(_))))
    }

    #[test]
    fn a_sealed_body_cannot_leave_and_one_that_has_left_cannot_be_sealed() {
        let body_left = BodyLeft::default();
        let seal = Seal::new(Some(body_left.clone()));
        let mut body = seal.body(Bytes::from_static(b"{}"));
        assert!(seal.seal() && seal.seal());
        assert!(!taken(&mut body));
        drop(seal);
        assert!(!body_left.get());

        let seal = Seal::new(Some(body_left.clone()));
        let mut body = seal.body(Bytes::from_static(b"{}"));
        assert!(taken(&mut body) && !seal.seal());
        drop(seal);
        assert!(body_left.get());
    }

    #[test]
    fn a_body_whose_time_has_passed_is_sealed_by_itself() {
        let late = Seal::new(None).before(Some(BootTime::now()));
        let mut body = late.body(Bytes::from_static(b"{}"));
        assert!(!taken(&mut body) && late.seal());

        let in_time = Seal::new(None).before(Some(BootTime::now().after(Duration::MAX)));
        let mut body = in_time.body(Bytes::from_static(b"{}"));
        assert!(taken(&mut body) && !in_time.seal());
    }

    #[test]
    fn a_dropped_attempt_is_sealed() {
        let seal = Seal::new(None);
        let mut body = seal.body(Bytes::from_static(b"{}"));
        drop(seal);
        assert!(!taken(&mut body));
    }

    #[test]
    fn of_two_threads_exactly_one_wins() {
        for _ in 0..2_000 {
            let seal = Seal::new(None);
            let mut body = seal.body(Bytes::from_static(b"{}"));
            let (sealed, left) = std::thread::scope(|scope| {
                let left = scope.spawn(|| taken(&mut body));
                (seal.seal(), left.join().unwrap())
            });
            assert_ne!(sealed, left);
        }
    }
}
