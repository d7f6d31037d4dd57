//! [`Queue`]: the looks that waits have asked for: which are due, and how many go into one request.

use std::collections::BTreeMap;
use std::time::Duration;

use super::look::{BatchFailures, Look, Reply};
use super::{BATCH, LAST_LOOK, LONGEST_RETRY_AFTER, Wanted};
use crate::error::Error;

/// How many batches have to be answered before larger ones are tried again.
const BATCHES_BEFORE_LARGER_ONES: u32 = 100;
/// How often a batch may fail transiently, while other requests succeed, before it is halved.
const FAILURES_BEFORE_SMALLER_ONES: u32 = 3;
/// How often it may fail transiently while nothing is answered at all, before one of its runs is looked
/// at alone.
const FAILURES_BEFORE_PROBE: u32 = 5;
/// How long after one such look the next may follow.
const BETWEEN_PROBES: Duration = Duration::from_secs(10);
/// How many looks are considered for each one that goes into a request.
const CONSIDERED: usize = 2;
/// A wait that ends sooner than this could cut a request short, which takes a minute at most by default.
const SOON: Duration = Duration::from_secs(60);

/// A look's place: when it is due, and a number.
pub(super) type Key = (Duration, u64);

/// A look, and who asked for it.
pub(super) struct Entry {
    pub(super) look: Look,
    pub(super) reply: Reply,
    number: u64,
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
    /// How many runs one request reads: of their statuses, and of their children as well, which costs a
    /// server more.
    sizes: [BatchSize; 2],
    /// How many requests were answered at all.
    answered: u32,
    /// Whether the host is known to be right, and the credentials for reads.
    pub(super) is_proven: bool,
    pub(super) has_read: bool,
    /// When the server may be asked again.
    not_before: Duration,
    /// When one run alone may be looked at, to find out whether the server fails or refuses a batch.
    next_probe: Duration,
    /// The number of the one that is in flight.
    probe: Option<u64>,
}

/// How many runs one request reads.
#[derive(Debug, Clone, Copy)]
struct BatchSize {
    runs: usize,
    /// How many batches were answered since one was refused.
    answered_since_refusal: u32,
}

impl Default for BatchSize {
    fn default() -> Self {
        Self {
            runs: BATCH,
            answered_since_refusal: 0,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            by_due: BTreeMap::new(),
            by_deadline: BTreeMap::new(),
            numbers: 0,
            is_driven: false,
            driven_at: None,
            sizes: [BatchSize::default(); 2],
            answered: 0,
            is_proven: false,
            has_read: false,
            not_before: Duration::ZERO,
            next_probe: Duration::ZERO,
            probe: None,
        }
    }
}

impl Queue {
    pub(super) fn insert(&mut self, look: Look, reply: Reply) -> Key {
        self.numbers += 1;
        self.is_proven |= look.is_proven;
        self.place(Entry {
            look,
            reply,
            number: self.numbers,
        })
    }

    fn place(&mut self, entry: Entry) -> Key {
        let Entry { look, number, .. } = &entry;
        let key = (look.due, *number);
        self.by_deadline.insert((look.deadline, *number), look.due);
        self.by_due.insert(key, entry);
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

    /// Whether this look is to be sent, or its wait ends, before the driver looks again.
    pub(super) fn is_driven_too_late(&self, look: &Look) -> bool {
        let next = look.due.max(self.not_before).min(look.deadline);
        self.driven_at.is_none_or(|at| next < at)
    }

    /// Takes the looks that were due at a time, of waits that know nothing of the host.
    pub(super) fn take_unproven(&mut self, time: Duration) -> Vec<Entry> {
        let due = self.by_due.range(..=(time, u64::MAX));
        let keys: Vec<Key> = due
            .filter(|(_, entry)| !entry.look.is_proven)
            .map(|(key, _)| *key)
            .collect();
        keys.into_iter().filter_map(|key| self.take(key)).collect()
    }

    /// Puts the looks back whose waits end later than the request that failed could last, and returns
    /// the others.
    pub(super) fn take_back(&mut self, mut entries: Vec<Entry>, deadline: Duration) -> Vec<Entry> {
        let end = deadline.saturating_add(LAST_LOOK);
        let is_bounded = |entry: &mut Entry| entry.look.deadline <= end;
        let bounded = entries.extract_if(.., is_bounded).collect();
        for entry in entries {
            self.place(entry);
        }
        bounded
    }

    /// When something is to be done next, after what could be sent now has been; noted as when the
    /// driver looks again. What is due and could not be sent waits for what is in flight, but not
    /// beyond its deadline.
    pub(super) fn drive_at(&mut self, now: Duration) -> Option<Duration> {
        let due = self.by_due.first_key_value();
        let due = due.map(|((due, _), _)| *due.max(&self.not_before));
        let deadline = self
            .by_deadline
            .range((now, u64::MAX)..)
            .next()
            .map(|((deadline, _), _)| *deadline);
        let due = due.filter(|due| *due > now);
        self.driven_at = due.into_iter().chain(deadline).min();
        self.driven_at
    }

    /// Obeys a delay that the server has asked for: it holds for all.
    pub(super) fn hold_for(&mut self, error: &Error, now: Duration) {
        if let Some(asked) = error.retry_after() {
            self.hold_until(now.saturating_add(asked.min(LONGEST_RETRY_AFTER)));
        }
    }

    pub(super) fn hold_until(&mut self, time: Duration) {
        self.not_before = self.not_before.max(time);
    }

    pub(super) fn held_until(&self) -> Duration {
        self.not_before
    }

    /// Looks whose deadline has come, as many as go into one request.
    pub(super) fn take_overdue(&mut self, now: Duration) -> Vec<Entry> {
        let keys: Vec<Key> = self
            .by_deadline
            .range(..=(now, u64::MAX))
            .take(BATCH * CONSIDERED)
            .map(|((_, number), due)| (*due, *number))
            .collect();
        self.take_alike(keys, now)
    }

    /// Takes looks that are like the first of these, as many as go into one request: they read the
    /// same, and a wait that ends soon, which bounds the request, is with others that do.
    fn take_alike(&mut self, keys: Vec<Key>, now: Duration) -> Vec<Entry> {
        let soon = now.saturating_add(SOON);
        let kind = |key: &Key| {
            let look = &self.by_due.get(key)?.look;
            Some((look.wanted, look.deadline < soon))
        };
        let Some(first) = keys.first().and_then(kind) else {
            return vec![];
        };
        let keys: Vec<Key> = keys
            .into_iter()
            .filter(|key| kind(key) == Some(first))
            .take(self.sizes[first.0 as usize].runs)
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
            .take(BATCH * CONSIDERED)
            .filter(|((due, _), entry)| entry.look.soonest.min(*due) <= now)
            .map(|(key, _)| *key)
            .collect();
        self.take_alike(keys, now)
    }

    /// One of the looks that are due, to be sent alone: where batches have failed again and again, and
    /// nothing else was answered.
    pub(super) fn take_probe(&mut self, now: Duration) -> Option<Vec<Entry>> {
        let (key, entry) = self.by_due.first_key_value()?;
        let (key, BatchFailures { failures, answered }) = (*key, entry.look.batch_failures);
        // Nothing was answered in between.
        let may_be_larger = self.answered == answered && self.by_due.len() > 1;
        let is_due = self.is_due(now) && now >= self.next_probe && self.probe.is_none();
        if failures < FAILURES_BEFORE_PROBE || !may_be_larger || !is_due {
            return None;
        }
        self.next_probe = now.saturating_add(BETWEEN_PROBES);
        self.probe = Some(key.1);
        self.take(key).map(|entry| vec![entry])
    }

    /// Notes that these looks are in flight no more.
    pub(super) fn note_end_of_probe(&mut self, entries: &[Entry]) {
        if entries.iter().any(|entry| Some(entry.number) == self.probe) {
            self.probe = None;
        }
    }

    /// Notes a request that was answered, so that the server is there.
    pub(super) fn note_answered(&mut self) {
        self.answered = self.answered.wrapping_add(1);
    }

    /// Notes a poll in which at least one run could be read.
    pub(super) fn note_read(&mut self, wanted: Wanted) {
        self.is_proven = true;
        self.has_read = true;
        self.note_answered();
        // The server may have refused a batch for a reason that has passed: now and then a larger
        // one is tried again.
        let size = &mut self.sizes[wanted as usize];
        size.answered_since_refusal += 1;
        if size.answered_since_refusal >= BATCHES_BEFORE_LARGER_ONES {
            size.answered_since_refusal = 0;
            size.runs = (size.runs * 2).min(BATCH);
        }
    }

    /// Halves a batch that was refused; returns the size of batches from now on.
    pub(super) fn use_smaller_batches(&mut self, wanted: Wanted, refused: usize) -> usize {
        let size = &mut self.sizes[wanted as usize];
        size.runs = size.runs.min(refused / 2).max(1);
        size.answered_since_refusal = 0;
        size.runs
    }

    /// Counts a batch that failed transiently. If it did so three times in a row while other
    /// requests were answered, it may be too large for the server: batches become smaller, and their
    /// size is returned.
    pub(super) fn note_failed_batch(&mut self, entries: &mut [Entry]) -> Option<usize> {
        if entries.len() < 2 {
            return None;
        }
        // A run that has just joined has not failed with the others.
        let before = entries.iter().map(|entry| entry.look.batch_failures);
        let before = before.max_by_key(|before| before.failures);
        let now = match before.unwrap_or_default() {
            BatchFailures { failures: 0, .. } => BatchFailures {
                failures: 1,
                answered: self.answered,
            },
            before => BatchFailures {
                failures: before.failures + 1,
                ..before
            },
        };
        let is_too_often =
            now.failures >= FAILURES_BEFORE_SMALLER_ONES && self.answered != now.answered;
        let after = match is_too_often {
            true => BatchFailures::default(),
            false => now,
        };
        for entry in entries.iter_mut() {
            entry.look.batch_failures = after;
        }
        let wanted = entries.first()?.look.wanted;
        is_too_often.then(|| self.use_smaller_batches(wanted, entries.len()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::model::SessionId;

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
        assert_eq!(queue.drive_at(seconds(9)), Some(seconds(10)));
        assert_eq!(numbers(&queue.take_due(seconds(10))), [2, 5, 3, 4]);
        assert_eq!(queue.drive_at(seconds(29)), Some(seconds(30)));
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

        queue.use_smaller_batches(Wanted::Status, 50);
        for number in 0..60 {
            insert(&mut queue, look(number, 10));
        }
        assert_eq!(queue.take_due(seconds(10)).len(), 25);
    }

    /// Else a flow of short waits would cut every request short.
    #[test]
    fn a_look_whose_wait_ends_soon_goes_with_others_that_do() {
        let mut queue = Queue::default();
        for number in 0..40 {
            let deadline = seconds(if number % 4 == 1 { 40 } else { 4000 });
            let look = Look {
                deadline,
                ..look(number, 10)
            };
            insert(&mut queue, look);
        }
        let sizes = [(); 3].map(|()| queue.take_due(seconds(10)).len());
        assert_eq!(sizes, [30, 10, 0]);
    }

    #[test]
    fn what_reads_more_is_refused_alone_and_a_batch_that_fails_again_and_again_is_probed() {
        let mut queue = Queue::default();
        queue.use_smaller_batches(Wanted::StatusAndChildren, 50);
        for number in 0..40 {
            let batch_failures = BatchFailures {
                failures: 5,
                ..BatchFailures::default()
            };
            let look = Look {
                batch_failures,
                ..look(number, 10)
            };
            insert(&mut queue, look);
        }
        assert!(queue.take_probe(seconds(9)).is_none());
        let probe = queue.take_probe(seconds(10)).unwrap();
        assert_eq!(probe.len(), 1);
        assert!(queue.take_probe(seconds(30)).is_none());
        queue.note_end_of_probe(&probe);
        assert!(queue.take_probe(seconds(19)).is_none());
        assert_eq!(queue.take_due(seconds(10)).len(), 39);
    }

    #[test]
    fn a_delay_holds_what_is_due_and_not_the_last_looks() {
        let mut queue = Queue {
            not_before: seconds(60),
            ..Queue::default()
        };
        insert(&mut queue, look(1, 10));
        let ends = Look {
            deadline: seconds(40),
            ..look(2, 10)
        };
        insert(&mut queue, ends);
        assert_eq!(queue.drive_at(seconds(39)), Some(seconds(40)));
        assert!(queue.take_due(seconds(59)).is_empty());
        assert!(queue.take_overdue(seconds(39)).is_empty());
        assert_eq!(numbers(&queue.take_overdue(seconds(40))), [2]);
        assert_eq!(queue.drive_at(seconds(59)), Some(seconds(60)));
        assert_eq!(numbers(&queue.take_due(seconds(60))), [1]);
    }

    #[test]
    fn a_look_that_is_inserted_before_the_driver_looks_again_wakes_it() {
        let mut queue = Queue::default();
        insert(&mut queue, look(1, 30));
        assert!(queue.is_driven_too_late(&look(1, 30)));
        queue.drive_at(seconds(0));
        assert!(!queue.is_driven_too_late(&look(2, 40)));
        assert!(queue.is_driven_too_late(&look(3, 20)));
        let ends = Look {
            deadline: seconds(25),
            ..look(4, 40)
        };
        assert!(queue.is_driven_too_late(&ends));
        let sooner = insert(&mut queue, look(3, 20));
        assert!(queue.remove(sooner) && !queue.remove(sooner));
        queue.forget_closed();
        assert!(queue.is_empty() && queue.drive_at(seconds(0)).is_none());
    }
}
