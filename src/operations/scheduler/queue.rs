//! [`Queue`]: the looks that waits have asked for: which are due, and how many go into one request.

use std::collections::BTreeMap;
use std::time::Duration;

use super::BATCH;
use super::look::{BatchFailures, Look, Reply};

/// How many batches have to be answered before larger ones are tried again.
const BATCHES_BEFORE_LARGER_ONES: u32 = 100;
/// How often a batch may fail transiently, while other requests succeed, before it is halved.
const FAILURES_BEFORE_SMALLER_ONES: u32 = 3;
/// How many looks are considered for each one that goes into a request.
const CONSIDERED: usize = 2;

/// A look's place: when it is due, and a number.
pub(super) type Key = (Duration, u64);

/// A look, and who asked for it.
pub(super) struct Entry {
    pub(super) look: Look,
    pub(super) reply: Reply,
}

/// The looks that waits have asked for, and what is known of the server.
pub(super) struct Queue {
    by_due: BTreeMap<Key, Entry>,
    /// The deadline of each, with when it is due.
    by_deadline: BTreeMap<Key, Duration>,
    numbers: u64,
    /// Whether a driver is at work, and when it looks at the queue again.
    pub(super) is_driven: bool,
    driven_at: Option<Duration>,
    /// How many runs one request reads.
    batch: usize,
    /// How many batches were answered since one was refused.
    answered_since_refusal: u32,
    /// How many requests were answered at all.
    answered: u32,
    /// Whether the host is known to be right, and the credentials for reads.
    pub(super) is_proven: bool,
    pub(super) has_read: bool,
    /// When the server may be asked again.
    not_before: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            by_due: BTreeMap::new(),
            by_deadline: BTreeMap::new(),
            numbers: 0,
            is_driven: false,
            driven_at: None,
            batch: BATCH,
            answered_since_refusal: 0,
            answered: 0,
            is_proven: false,
            has_read: false,
            not_before: Duration::ZERO,
        }
    }
}

impl Queue {
    pub(super) fn insert(&mut self, look: Look, reply: Reply) -> Key {
        self.numbers += 1;
        let number = self.numbers;
        self.is_proven |= look.is_proven;
        let key = (look.due, number);
        self.by_deadline.insert((look.deadline, number), look.due);
        self.by_due.insert(key, Entry { look, reply });
        key
    }

    /// Takes a look out that nobody waits for any more; false if it has been sent.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        self.take(key).is_some()
    }

    fn take(&mut self, key: Key) -> Option<Entry> {
        let entry = self.by_due.remove(&key)?;
        self.by_deadline.remove(&(entry.look.deadline, key.1));
        Some(entry)
    }

    pub(super) fn forget_closed(&mut self) {
        let by_deadline = &mut self.by_deadline;
        self.by_due.retain(|(_, number), entry| {
            let is_open = !entry.reply.is_closed();
            if !is_open {
                by_deadline.remove(&(entry.look.deadline, *number));
            }
            is_open
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_due.is_empty()
    }

    /// Whether something is to be done before the driver looks again.
    pub(super) fn is_driven_too_late(&self) -> bool {
        let is_sooner = |next| self.driven_at.is_none_or(|at| next < at);
        self.next_event().is_some_and(is_sooner)
    }

    /// When something is to be done next; noted as when the driver looks again.
    pub(super) fn drive_at(&mut self) -> Option<Duration> {
        self.driven_at = self.next_event();
        self.driven_at
    }

    fn next_event(&self) -> Option<Duration> {
        let ((due, _), _) = self.by_due.first_key_value()?;
        let ((deadline, _), _) = self.by_deadline.first_key_value()?;
        Some(*deadline.min(due.max(&self.not_before)))
    }

    pub(super) fn hold(&mut self, until: Duration) {
        self.not_before = self.not_before.max(until);
    }

    pub(super) fn held_until(&self) -> Duration {
        self.not_before
    }

    /// Looks whose deadline has come, as many as go into one request.
    pub(super) fn take_overdue(&mut self, now: Duration) -> Vec<Entry> {
        let keys: Vec<Key> = self
            .by_deadline
            .range(..=(now, u64::MAX))
            .take(self.batch * CONSIDERED)
            .map(|((_, number), due)| (*due, *number))
            .collect();
        self.take_alike(keys)
    }

    /// Takes looks that read the same as the first of these, as many as go into one request.
    fn take_alike(&mut self, keys: Vec<Key>) -> Vec<Entry> {
        let wanted = |key: &Key| self.by_due.get(key).map(|entry| entry.look.wanted);
        let first = keys.first().and_then(wanted);
        let keys: Vec<Key> = keys
            .into_iter()
            .filter(|key| wanted(key) == first)
            .take(self.batch)
            .collect();
        keys.into_iter().filter_map(|key| self.take(key)).collect()
    }

    /// Whether a look is due.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let first = self.by_due.first_key_value();
        now >= self.not_before && first.is_some_and(|((due, _), _)| *due <= now)
    }

    /// The look that is due first, with others that are due, or may be taken along.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<Entry> {
        if !self.is_due(now) {
            return vec![];
        }
        let keys: Vec<Key> = self
            .by_due
            .iter()
            .take(self.batch * CONSIDERED)
            .filter(|((due, _), entry)| entry.look.soonest.min(*due) <= now)
            .map(|(key, _)| *key)
            .collect();
        self.take_alike(keys)
    }

    /// Notes a request in which at least one run could be read.
    pub(super) fn note_read(&mut self) {
        self.is_proven = true;
        self.has_read = true;
        self.answered = self.answered.wrapping_add(1);
        // The server may have refused a batch for a reason that has passed: now and then a larger
        // one is tried again.
        self.answered_since_refusal += 1;
        if self.answered_since_refusal >= BATCHES_BEFORE_LARGER_ONES {
            self.answered_since_refusal = 0;
            self.batch = (self.batch * 2).min(BATCH);
        }
    }

    pub(super) fn use_smaller_batches(&mut self, refused: usize) {
        self.batch = self.batch.min(refused / 2).max(1);
        self.answered_since_refusal = 0;
        tracing::debug!(
            batch = self.batch,
            "a batch was refused, using smaller ones"
        );
    }

    /// Counts a batch that failed transiently. If it did so three times in a row while other
    /// requests were answered, it may be too large for the server: batches become smaller.
    pub(super) fn note_failed_batch(&mut self, entries: &mut [Entry]) {
        let Some(first) = entries.first().filter(|_| entries.len() > 1) else {
            return;
        };
        let BatchFailures { failures, answered } = match first.look.batch_failures {
            BatchFailures { failures: 0, .. } => BatchFailures {
                failures: 1,
                answered: self.answered,
            },
            before => BatchFailures {
                failures: before.failures + 1,
                ..before
            },
        };
        let is_too_often = failures >= FAILURES_BEFORE_SMALLER_ONES && self.answered != answered;
        let after = match is_too_often {
            true => BatchFailures::default(),
            false => BatchFailures { failures, answered },
        };
        for entry in entries.iter_mut() {
            entry.look.batch_failures = after;
        }
        if is_too_often {
            self.use_smaller_batches(entries.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::model::SessionId;
    use crate::operations::scheduler::Wanted;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A look at a run of this number, due then; its wait ends an hour later.
    fn look(number: u64, due: u64) -> Look {
        Look {
            id: SessionId::for_test(number.to_string()),
            wanted: Wanted::Status,
            due: seconds(due),
            soonest: seconds(due / 2),
            deadline: seconds(due + 3600),
            started: false,
            is_proven: true,
            batch_failures: BatchFailures::default(),
        }
    }

    fn insert(queue: &mut Queue, look: Look) -> Key {
        // Who asked is gone: nothing here sends an answer.
        queue.insert(look, Reply::One(oneshot::channel().0))
    }

    fn numbers(entries: &[Entry]) -> Vec<u64> {
        let number = |entry: &Entry| entry.look.id.as_str().parse().unwrap();
        entries.iter().map(number).collect()
    }

    #[test]
    fn a_request_takes_what_is_due_first_and_then_what_may_be_taken_along() {
        let mut queue = Queue::default();
        for (number, due) in [(1, 30), (2, 10), (3, 19), (4, 21), (5, 10)] {
            insert(&mut queue, look(number, due));
        }
        assert!(queue.take_due(seconds(9)).is_empty());
        assert_eq!(queue.drive_at(), Some(seconds(10)));
        assert_eq!(numbers(&queue.take_due(seconds(10))), [2, 5, 3, 4]);
        assert_eq!(queue.drive_at(), Some(seconds(30)));
        assert!(queue.take_due(seconds(29)).is_empty());
        assert_eq!(numbers(&queue.take_due(seconds(30))), [1]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_request_takes_as_many_as_a_batch_has_and_only_what_reads_the_same() {
        let mut queue = Queue::default();
        for number in 0..80 {
            let wanted = match number % 4 {
                0 => Wanted::StatusAndChildren,
                _ => Wanted::Status,
            };
            let look = Look {
                wanted,
                ..look(number, 10)
            };
            insert(&mut queue, look);
        }
        let sizes: Vec<_> = std::iter::from_fn(|| Some(queue.take_due(seconds(10)).len()))
            .take_while(|size| *size > 0)
            .collect();
        assert_eq!(sizes, [20, 50, 10]);

        queue.use_smaller_batches(50);
        for number in 0..60 {
            insert(&mut queue, look(number, 10));
        }
        assert_eq!(queue.take_due(seconds(10)).len(), 25);
    }

    #[test]
    fn a_delay_holds_what_is_due_and_not_the_last_looks() {
        let mut queue = Queue::default();
        queue.hold(seconds(60));
        insert(&mut queue, look(1, 10));
        let ends = Look {
            deadline: seconds(40),
            ..look(2, 10)
        };
        insert(&mut queue, ends);
        assert_eq!(queue.drive_at(), Some(seconds(40)));
        assert!(queue.take_due(seconds(59)).is_empty());
        assert!(queue.take_overdue(seconds(39)).is_empty());
        assert_eq!(numbers(&queue.take_overdue(seconds(40))), [2]);
        assert_eq!(queue.drive_at(), Some(seconds(60)));
        assert_eq!(numbers(&queue.take_due(seconds(60))), [1]);
    }

    #[test]
    fn a_look_that_is_inserted_before_the_driver_looks_again_wakes_it() {
        let mut queue = Queue::default();
        insert(&mut queue, look(1, 30));
        assert!(queue.is_driven_too_late());
        queue.drive_at();
        insert(&mut queue, look(2, 40));
        assert!(!queue.is_driven_too_late());
        let sooner = insert(&mut queue, look(3, 20));
        assert!(queue.is_driven_too_late());
        assert!(queue.remove(sooner) && !queue.remove(sooner));
        assert!(!queue.is_driven_too_late());
        queue.forget_closed();
        assert!(queue.is_empty() && queue.drive_at().is_none());
    }
}
