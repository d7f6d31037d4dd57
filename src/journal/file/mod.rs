//! [`FileJournal`]: a journal in a file, which many processes can share.

mod disk;
mod folders;
mod lines;
mod locks;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::disk::{Answer, Disk, Order};
use super::entry::Entry;
use super::store::{Journal, JournalFuture, Stored, Version, Written};
use crate::error::JournalError;

/// How long what is asked waits for more of it, which then shares its sync: less than a request takes.
const GATHERS: Duration = Duration::from_millis(2);

/// A journal in a file: JSON lines, one for each time that a key was stored.
///
/// Many processes of one machine can share it. What is stored is on the disk before anything goes on: file
/// and folder are synced. Beside the file is a folder for its locks, `runs.jsonl.locks` for `runs.jsonl`;
/// where file locks do not work, such as on some network file systems, the journal is refused. The file is
/// for people, too: read it with `jq`, and do not edit it. It holds no message's text and no credential, and
/// only its user can read it.
///
/// It is written anew once most of it is outdated: 1,000 keys take less than 1 MB. If its last line was cut off
/// by a crash, that is [reported](Self::damage), and left there.
///
/// Clones share everything. It holds no lock while no call is being made, so it may be dropped at any time.
#[derive(Clone)]
pub struct FileJournal {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    disk: Mutex<Disk>,
    queue: Mutex<Queue>,
}

/// What was asked and is still to be done.
#[derive(Default)]
struct Queue {
    asked: Vec<(Order, Reply)>,
    /// Whether a thread is at it, which does all that is asked meanwhile with one sync.
    is_served: bool,
}

type Reply = oneshot::Sender<Result<Answer, JournalError>>;

impl FileJournal {
    /// Opens the journal in a file, or makes it, with the folders that lead to it.
    ///
    /// It holds up the thread for as long as that takes.
    ///
    /// ```
    /// use dinoai::journal::FileJournal;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("runs.jsonl");
    /// let journal = FileJournal::open(path)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`JournalError`] if it cannot be read, written or locked; if it is no journal, and not empty; if it is
    /// one of another format; if a line of it is damaged and not the last.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let disk = Disk::open(path)?;
        Ok(Self {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                disk: Mutex::new(disk),
                queue: Mutex::default(),
            }),
        })
    }

    /// The file, as it was given.
    ///
    /// ```
    /// # fn example(journal: dinoai::journal::FileJournal) {
    /// println!("{}", journal.path().display());
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// What is damaged at the end of the file, in words, if this journal has found something.
    ///
    /// Nothing was started by what cannot be read; a session id in it counts. The damaged bytes stay in
    /// the file, and are marked by the next line.
    ///
    /// ```
    /// # fn example(journal: dinoai::journal::FileJournal) {
    /// if let Some(damage) = journal.damage() {
    ///     eprintln!("{}: {damage}", journal.path().display());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        lock(&self.shared.disk).damage.clone()
    }

    async fn ask(&self, order: Order) -> Result<Answer, JournalError> {
        let (reply, answer) = oneshot::channel();
        if let Some(server) = Server::of(&self.shared, order, reply) {
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(|| server.serve())),
                Err(_) => server.serve(),
            }
        }
        let gone = |_| JournalError::unavailable("the runtime that was writing is shutting down");
        answer.await.map_err(gone)?
    }
}

/// Does what is asked, until nothing is. Dropped before, with its runtime, what is asked fails.
struct Server {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Server {
    /// Asks for something; `None` if another serves the queue.
    fn of(shared: &Arc<Shared>, order: Order, reply: Reply) -> Option<Self> {
        let mut queue = lock(&shared.queue);
        queue.asked.push((order, reply));
        let is_served = std::mem::replace(&mut queue.is_served, true);
        (!is_served).then(|| Self {
            shared: shared.clone(),
            is_done: false,
        })
    }

    fn serve(mut self) {
        let shared = self.shared.clone();
        thread::sleep(GATHERS);
        let mut disk = lock(&shared.disk);
        while !self.is_done {
            let asked = {
                let mut queue = lock(&shared.queue);
                self.is_done = queue.asked.is_empty();
                queue.is_served = !self.is_done;
                std::mem::take(&mut queue.asked)
            };
            // What nobody waits for any more is not done: a claim would be nobody's.
            let asked = asked.into_iter().filter(|(_, reply)| !reply.is_closed());
            let (orders, replies): (Vec<_>, Vec<_>) = asked.unzip();
            for (answer, reply) in disk.carry_out(orders).into_iter().zip(replies) {
                let _ = reply.send(answer);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_done {
            *lock(&self.shared.queue) = Queue::default();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer to another question.
fn mistaken<T>() -> Result<T, JournalError> {
    Err(JournalError::unusable("the journal gave a wrong answer"))
}

impl Journal for FileJournal {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        Box::pin(async move {
            match self.ask(Order::Load(key.to_owned())).await? {
                Answer::Loaded(stored) => Ok(stored.map(|stored| *stored)),
                _ => mistaken(),
            }
        })
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            let order = Order::Store {
                key: key.to_owned(),
                entry: Box::new(entry.clone()),
                expected: expected.cloned(),
            };
            match self.ask(order).await? {
                Answer::Written(written) => Ok(written),
                _ => mistaken(),
            }
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        Box::pin(async move {
            match self.ask(Order::List).await? {
                Answer::Listed(listed) => Ok(listed),
                _ => mistaken(),
            }
        })
    }
}

impl fmt::Debug for FileJournal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileJournal")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}
