//! How much memory the answers take that are made, and that nobody has read yet.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::reply::Reply;

/// How many bytes they take together: 24 MiB, which is the longest answer.
const MOST_BYTES: usize = 24 << 20;

/// Shorter ones always leave: what they take is bounded by the number of connections.
const SHORT: usize = 64 << 10;

/// The room for all of them.
pub(crate) struct InFlight(Arc<Semaphore>);

/// The room that one takes, until this is dropped.
#[derive(Default)]
pub(crate) struct Room {
    /// Boxed, since most answers have none.
    _permit: Option<Box<OwnedSemaphorePermit>>,
}

impl InFlight {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_BYTES)))
    }

    /// The answer, if there is room for it, which it then takes; otherwise one that says so.
    pub(crate) fn hold(&self, mut reply: Reply) -> Reply {
        reply.room = Room::default();
        if reply.body.len() <= SHORT {
            return reply;
        }
        let permit = Arc::clone(&self.0).try_acquire_many_owned(permits(reply.body.len()));
        if let Ok(permit) = permit {
            reply.room._permit = Some(Box::new(permit));
            return reply;
        }
        let most = MOST_BYTES >> 20;
        let mut refusal = Reply::detail(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!(
                "Answers that were not read yet take the {most} MiB that the emulator has for \
                 them: read or drop some, and ask again."
            ),
        );
        refusal.set(header::RETRY_AFTER, HeaderValue::from_static("1"));
        refusal.operation_name = reply.operation_name;
        refusal.trace = reply.trace;
        refusal
    }

    /// Waits until there is room for as many bytes, or for all that there are.
    pub(crate) async fn room(&self, bytes: usize) -> Room {
        let permit = Arc::clone(&self.0).acquire_many_owned(permits(bytes));
        // Nobody closes the semaphore.
        Room {
            _permit: permit.await.ok().map(Box::new),
        }
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.min(MOST_BYTES)).unwrap_or(u32::MAX)
}

/// Bytes that take their room with them.
struct Held {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// The bytes, which have this room until they have left.
    pub(crate) fn with(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }
}
