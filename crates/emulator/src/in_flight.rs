//! How much memory the answers take that are made, and that nobody has read yet.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use crate::reply::Reply;

/// How many bytes they take together: 24 MiB, which is the longest answer.
const MOST_BYTES: usize = 24 << 20;

/// Shorter ones always leave: what they take is bounded by the number of connections.
pub(crate) const SHORT: usize = 64 << 10;

/// How long a request waits for others to be read, in real time.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long a list lets others have what room there is.
const PAUSE: Duration = Duration::from_millis(20);

/// The room for all of them.
pub(crate) struct InFlight {
    room: Arc<Semaphore>,
    /// One answer waits in memory at a time. What is to be long waits before it is made.
    turn: Semaphore,
}

/// The right to wait for room with an answer that is made, and how long.
pub(crate) struct Turn<'a> {
    until: Instant,
    own: Option<SemaphorePermit<'a>>,
}

/// The room that one takes, until this is dropped.
#[derive(Default)]
pub(crate) struct Room {
    /// Boxed, since most answers have none.
    permit: Option<Box<OwnedSemaphorePermit>>,
}

impl InFlight {
    pub(crate) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(MOST_BYTES)),
            turn: Semaphore::new(1),
        }
    }

    /// Whether an answer waits for room.
    pub(crate) fn is_crowded(&self) -> bool {
        self.turn.available_permits() == 0
    }

    /// Waits until no other answer waits for room, or for as long as a request waits at most.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let mut turn = self.at_once();
        // Nobody closes the semaphore.
        let own = timeout_at(turn.until, self.turn.acquire()).await;
        turn.own = own.ok().and_then(Result::ok);
        turn
    }

    /// For an answer that hardly ever has to wait: it can only if no other does.
    pub(crate) fn at_once(&self) -> Turn<'_> {
        Turn {
            until: Instant::now() + LONGEST_WAIT,
            own: None,
        }
    }

    /// The answer, once there is room for it, which it then takes; or one that says that there was
    /// none.
    pub(crate) async fn hold(&self, mut reply: Reply, turn: Turn<'_>) -> Reply {
        let bytes = reply.body.len();
        if bytes <= SHORT {
            reply.room = Room::default();
            return reply;
        }
        let more = permits(bytes).saturating_sub(reply.room.permits());
        if let Some(permit) = self.acquire(more, turn).await {
            reply.room.add(permit);
            return reply;
        }
        let most = MOST_BYTES >> 20;
        let waited = LONGEST_WAIT.as_secs();
        let mut refusal = Reply::detail(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!(
                "Answers that were not read for {waited} seconds take the {most} MiB that the \
                 emulator has for them: read or drop some, and ask again."
            ),
        );
        refusal.set(header::RETRY_AFTER, HeaderValue::from_static("1"));
        refusal
    }

    async fn acquire(&self, bytes: u32, turn: Turn<'_>) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_many_owned(bytes) {
            return Some(permit);
        }
        let _own = turn.own.or_else(|| self.turn.try_acquire().ok())?;
        let permit = Arc::clone(&self.room).acquire_many_owned(bytes);
        timeout_at(turn.until, permit).await.ok()?.ok()
    }

    /// Waits until there is room for as many bytes, or for all that there are. Answers go first: a
    /// reader of a list would otherwise keep them from room that it cannot use yet.
    pub(crate) async fn room(&self, bytes: usize) -> Room {
        loop {
            let permit = Arc::clone(&self.room).try_acquire_many_owned(permits(bytes));
            if let Ok(permit) = permit {
                return Room {
                    permit: Some(Box::new(permit)),
                };
            }
            sleep(PAUSE).await;
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
    fn permits(&self) -> u32 {
        let permits = self
            .permit
            .as_ref()
            .map_or(0, |permit| permit.num_permits());
        u32::try_from(permits).unwrap_or(u32::MAX)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(Box::new(more)),
        }
    }

    /// The bytes, which have this room until they have left.
    pub(crate) fn with(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }
}
