//! [`WriteQueue`]: what may block, a write to a pipe that nobody reads for one, done in order by a
//! thread of its own. So the thread that has to hear signals never waits for a reader.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Jobs that a thread does one after the other. Clones share the thread.
#[derive(Clone)]
pub(crate) struct WriteQueue {
    /// `None` if no thread could be started: then jobs are done at once.
    jobs: Option<Sender<Job>>,
}

impl WriteQueue {
    pub(crate) fn start(name: &str) -> Self {
        let (jobs, queued) = mpsc::channel::<Job>();
        let work = move || queued.into_iter().for_each(|job| job());
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        Self {
            jobs: thread.is_ok().then_some(jobs),
        }
    }

    pub(crate) fn push(&self, job: impl FnOnce() + Send + 'static) {
        match &self.jobs {
            // The thread is gone only if a job has panicked.
            Some(jobs) => drop(jobs.send(Box::new(job))),
            None => job(),
        }
    }

    /// Ends once everything that has been queued so far is done. May be dropped at any time.
    pub(crate) async fn until_done(&self) {
        let (sender, done) = oneshot::channel();
        // Fails if nobody waits any more.
        self.push(move || sender.send(()).unwrap_or_default());
        // Fails if the thread is gone, and then there is nothing to wait for.
        let _ = done.await;
    }

    /// Waits until everything that has been queued so far is done, for this long at most.
    pub(crate) fn block_until_done(&self, limit: Option<Duration>) {
        let (sender, done) = mpsc::channel();
        self.push(move || sender.send(()).unwrap_or_default());
        match limit {
            Some(limit) => drop(done.recv_timeout(limit)),
            None => drop(done.recv()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn jobs_are_done_in_order_and_waited_for() {
        let queue = WriteQueue::start("test");
        let (sender, done) = mpsc::channel();
        for number in 0..100 {
            let sender = sender.clone();
            queue.push(move || sender.send(number).unwrap());
        }
        queue.until_done().await;
        assert_eq!(
            done.try_iter().collect::<Vec<_>>(),
            (0..100).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_job_that_blocks_is_not_waited_for_longer_than_the_limit() {
        let queue = WriteQueue::start("test");
        let (release, blocked) = mpsc::channel::<()>();
        queue.push(move || blocked.recv().unwrap_or_default());
        queue.block_until_done(Some(Duration::from_millis(1)));
        drop(release);
        queue.block_until_done(None);
    }
}
