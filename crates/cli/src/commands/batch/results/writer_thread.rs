//! [`WriterThread`]: a thread that writes what it is given, in order, and has one sync keep all that
//! was written before it.

use std::io;
use std::iter;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How long at most what was written is left unsynced, so that what comes meanwhile shares the sync.
const LEFT: Duration = Duration::from_secs(1);

/// Why something was not written, or is not kept.
pub(crate) type WriteError = Arc<io::Error>;

/// Whether something was written, or is kept.
pub(super) type Reply = oneshot::Receiver<Result<(), WriteError>>;

/// Where lines are written.
pub(crate) trait Sink: Send + 'static {
    /// Writes whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Waits until all that was written is on disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// When what was written is synced at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    Now,
    /// If it was lost, it would be found out again.
    Later,
    /// It is kept elsewhere: with what is synced after it.
    Never,
}

impl Urgency {
    fn delay(self) -> Option<Duration> {
        match self {
            Self::Now => Some(Duration::ZERO),
            Self::Later => Some(LEFT),
            Self::Never => None,
        }
    }
}

/// The replies to an order.
#[derive(Debug)]
pub(super) struct Replies {
    /// Lines are there for other processes, even if this one is killed.
    pub(super) written: Reply,
    /// They outlast a loss of power. `None` if nothing sees to it.
    pub(super) synced: Option<Reply>,
}

impl Replies {
    /// Those of something that was never written.
    pub(super) fn failed(error: io::Error) -> Self {
        let (sender, written) = oneshot::channel();
        // Received here.
        let _ = sender.send(Err(Arc::new(error)));
        Self {
            written,
            synced: None,
        }
    }

    /// Waits until the lines are kept as well as they are to be.
    pub(super) async fn kept(self) -> Result<(), WriteError> {
        received(self.synced.unwrap_or(self.written)).await
    }
}

pub(super) async fn received(reply: Reply) -> Result<(), WriteError> {
    reply.await.unwrap_or_else(|_| {
        let error = io::Error::other("the thread that writes them has ended");
        Err(Arc::new(error))
    })
}

/// A thread that writes what it is given, in order.
#[derive(Debug, Clone)]
pub(super) struct WriterThread {
    orders: mpsc::Sender<Order>,
    /// Set once something could not be written or synced; from then on nothing is.
    broken: Arc<OnceLock<WriteError>>,
}

#[derive(Debug)]
struct Order {
    lines: Arc<[u8]>,
    urgency: Urgency,
    written: oneshot::Sender<Result<(), WriteError>>,
    synced: Option<oneshot::Sender<Result<(), WriteError>>>,
}

impl WriterThread {
    pub(super) fn new(name: &str, sink: impl Sink) -> io::Result<Self> {
        let (sender, orders) = mpsc::channel();
        let broken = Arc::new(OnceLock::new());
        let writer = Self {
            orders: sender,
            broken: Arc::clone(&broken),
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || write_all(&orders, sink, &broken))?;
        Ok(writer)
    }

    pub(super) fn put(&self, lines: &Arc<[u8]>, urgency: Urgency) -> Replies {
        let (written, written_reply) = oneshot::channel();
        let (synced, synced_reply) = match urgency {
            Urgency::Never => (None, None),
            Urgency::Now | Urgency::Later => {
                let (sender, reply) = oneshot::channel();
                (Some(sender), Some(reply))
            }
        };
        // A reply that is dropped with its order says that the thread has ended.
        let _ = self.orders.send(Order {
            lines: Arc::clone(lines),
            urgency,
            written,
            synced,
        });
        Replies {
            written: written_reply,
            synced: synced_reply,
        }
    }

    /// Why it writes nothing any more.
    pub(super) fn problem(&self) -> Option<&WriteError> {
        self.broken.get()
    }
}

/// Writes at once, so that a kill loses nothing, and syncs when the first of what was written has to
/// be.
fn write_all(orders: &mpsc::Receiver<Order>, mut sink: impl Sink, broken: &OnceLock<WriteError>) {
    let mut unsynced = vec![];
    let mut sync_at: Option<Instant> = None;
    loop {
        let next = match sync_at {
            Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(first) => {
                let together: Vec<_> = iter::once(first).chain(orders.try_iter()).collect();
                let lines: Vec<_> = together.iter().map(|order| &*order.lines).collect();
                let written = unless_broken(broken, || sink.write(&lines.concat()));
                let now = Instant::now();
                for order in together {
                    // Not all wait for a reply, here and below.
                    let _ = order.written.send(written.clone());
                    unsynced.extend(order.synced);
                    let latest = order.urgency.delay().map(|delay| now + delay);
                    sync_at = sync_at.into_iter().chain(latest).min();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let is_due = sync_at.is_some_and(|at| at <= Instant::now());
        if is_due || broken.get().is_some() {
            let synced = unless_broken(broken, || sink.sync());
            sync_at = None;
            for reply in unsynced.drain(..) {
                let _ = reply.send(synced.clone());
            }
        }
    }
}

fn unless_broken(
    broken: &OnceLock<WriteError>,
    action: impl FnOnce() -> io::Result<()>,
) -> Result<(), WriteError> {
    if broken.get().is_none()
        && let Err(error) = action()
    {
        // Nobody else sets it.
        let _ = broken.set(Arc::new(error));
    }
    broken.get().map_or(Ok(()), |lost| Err(lost.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What was done to it, a sync as `/`; each one after so many fails.
    struct Recorded(Arc<Mutex<String>>, usize);

    impl Recorded {
        fn failing_after(syncs: usize) -> (WriterThread, Arc<Mutex<String>>) {
            let done: Arc<Mutex<String>> = Arc::default();
            let sink = Self(Arc::clone(&done), syncs);
            (WriterThread::new("recorded", sink).unwrap(), done)
        }
    }

    impl Sink for Recorded {
        fn write(&mut self, lines: &[u8]) -> io::Result<()> {
            let lines = std::str::from_utf8(lines).unwrap();
            self.0.lock().unwrap().push_str(lines);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.0.lock().unwrap().push('/');
            self.1 = self.1.checked_sub(1).ok_or(io::ErrorKind::Other)?;
            Ok(())
        }
    }

    fn lines(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    #[tokio::test]
    async fn all_is_written_at_once_and_one_sync_keeps_it() {
        let (writer, done) = Recorded::failing_after(1);
        let first = writer.put(&lines("a"), Urgency::Later);
        received(first.written).await.unwrap();
        assert_eq!(*done.lock().unwrap(), "a");
        let copy = writer.put(&lines("b"), Urgency::Never);
        assert!(copy.synced.is_none());
        let last = writer.put(&lines("c"), Urgency::Now);
        last.kept().await.unwrap();
        assert_eq!(*done.lock().unwrap(), "abc/");
        let mut synced = first.synced.unwrap();
        assert!(synced.try_recv().unwrap().is_ok());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_synced_too() {
        let (writer, done) = Recorded::failing_after(1);
        let only = writer.put(&lines("a"), Urgency::Later);
        only.kept().await.unwrap();
        assert_eq!(*done.lock().unwrap(), "a/");
    }

    #[tokio::test]
    async fn a_sync_that_fails_fails_for_all_and_nothing_is_written_after_it() {
        let (writer, done) = Recorded::failing_after(0);
        let first = writer.put(&lines("a"), Urgency::Later);
        received(first.written).await.unwrap();
        assert!(writer.put(&lines("b"), Urgency::Now).kept().await.is_err());
        assert!(received(first.synced.unwrap()).await.is_err());
        for urgency in [Urgency::Later, Urgency::Never] {
            let late = writer.put(&lines("c"), urgency);
            assert!(received(late.written).await.is_err());
        }
        assert_eq!(*done.lock().unwrap(), "ab/");
        assert!(writer.problem().is_some());
    }
}
