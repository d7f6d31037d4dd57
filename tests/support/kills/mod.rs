//! Kills processes that start runs of keys, at moments that the journal's state says, and starts others
//! after them: each key has one run, or is unknown.

pub(crate) mod workers;

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Instant;

use dinoai::journal::{Journal, State};

use self::workers::{PATIENCE, Runs, WORKER, Worker, results, state};

/// How many processes want each key.
const WORKERS: usize = 4;
/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Once it has been given the key.
    AtOnce,
    /// Once the journal has its claim.
    Claimed,
    /// Once its request has reached the server.
    Sent,
    /// Once its request has been answered.
    Answered,
    /// Once the journal has its id.
    Started,
    /// Once the journal has the end.
    Ended,
}

const MOMENTS: [Moment; 6] = [
    Moment::AtOnce,
    Moment::Claimed,
    Moment::Sent,
    Moment::Answered,
    Moment::Started,
    Moment::Ended,
];

/// What came of the keys of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) ended: usize,
    pub(crate) unknown: usize,
    /// How often the journal had a claim when its owner was killed.
    pub(crate) killed_while_claimed: usize,
}

/// Kills so many processes, one a key, and checks what the others find. `worker` makes the command of a process
/// that calls [`work`](workers::work) with the endpoint in [`WORKER`] and this journal; `disturb` is called for each key while
/// it is being started.
pub(crate) async fn kill<J: Journal>(
    journal: &J,
    kills: usize,
    worker: impl Fn() -> Command,
    mut disturb: impl AsyncFnMut(usize),
) -> Outcomes {
    let runs = Runs::start().await;
    let (sender, printed) = channel();
    let mut numbers = 0;
    let mut start = || {
        let mut command = worker();
        command.env(WORKER, runs.server.endpoint());
        numbers += 1;
        Worker::start(command, numbers, &sender)
    };
    let mut workers: Vec<_> = (0..WORKERS).map(|_| start()).collect();
    let mut outcomes = Outcomes::default();
    for place in 0..kills {
        let (key, moment) = (format!("key-{place}"), MOMENTS[place % MOMENTS.len()]);
        let victim = round(journal, &runs, &mut workers, &key, moment, place).await;
        let state = state(journal, &key).await;
        // Another may have found it dead by now.
        let its = format!("{}-", workers[victim].child.id());
        let was_claimed = match state {
            Some(State::Claimed { owner, .. } | State::Unknown { owner, .. }) => {
                owner.starts_with(&its)
            }
            _ => false,
        };
        outcomes.killed_while_claimed += usize::from(was_claimed);
        runs.released.notify_waiters();
        *runs.answers.lock().unwrap() = true;
        disturb(place).await;
        runs.end(&key);
        // The retry of the one that was killed.
        workers[victim] = start();
        workers[victim].tell(&key);
        let found = results(&printed, &workers, &key).await;
        check(&runs, &key, moment, was_claimed, &found, &mut outcomes);
    }
    outcomes
}

/// Gives so many keys to all workers at once, and checks that each was started once.
pub(crate) async fn flood(keys: usize, worker: impl Fn() -> Command) {
    let runs = Runs::start().await;
    let (sender, printed) = channel();
    let start = |number| {
        let mut command = worker();
        command.env(WORKER, runs.server.endpoint());
        Worker::start(command, number, &sender)
    };
    let mut workers: Vec<_> = (0..WORKERS).map(start).collect();
    let keys: Vec<_> = (0..keys).map(|place| format!("key-{place}")).collect();
    for key in &keys {
        runs.end(key);
        for worker in &mut workers {
            worker.tell(key);
        }
    }
    for _ in 0..keys.len() * WORKERS {
        let next = tokio::task::block_in_place(|| printed.recv_timeout(PATIENCE));
        let (_, line) = next.unwrap();
        let (key, result) = line.split_once(' ').unwrap();
        assert_eq!(result, format!("ended {key}#1"));
    }
    for key in &keys {
        assert_eq!(runs.started(key), 1, "{key}");
    }
}

/// Tells all workers of a key, and kills one at its moment.
async fn round<J: Journal>(
    journal: &J,
    runs: &Runs,
    workers: &mut [Worker],
    key: &str,
    moment: Moment,
    place: usize,
) -> usize {
    *runs.answers.lock().unwrap() = !matches!(moment, Moment::Sent | Moment::Claimed);
    if moment == Moment::Ended {
        runs.end(key);
    }
    for worker in &mut *workers {
        worker.tell(key);
    }
    let start = Instant::now();
    let mut owner = None;
    loop {
        assert!(
            start.elapsed() < PATIENCE,
            "{key} has not come to {moment:?}"
        );
        let state = match moment {
            // Without asking the journal, which would hold them up.
            Moment::AtOnce => None,
            _ => state(journal, key).await,
        };
        if let Some(State::Claimed { owner: its, .. }) = &state {
            let pid = its.split('-').next().unwrap();
            owner = workers
                .iter()
                .position(|worker| worker.child.id().to_string() == pid);
        }
        let has_come = match moment {
            Moment::AtOnce => true,
            Moment::Claimed => owner.is_some(),
            Moment::Sent | Moment::Answered => runs.started(key) > 0,
            Moment::Started => matches!(state, Some(State::Started { .. } | State::Ended { .. })),
            Moment::Ended => matches!(state, Some(State::Ended { .. })),
        };
        if has_come {
            break;
        }
        tokio::task::yield_now().await;
    }
    let victim = owner.unwrap_or(place % WORKERS);
    workers[victim].kill();
    victim
}

fn check(
    runs: &Runs,
    key: &str,
    moment: Moment,
    was_claimed: bool,
    found: &[String],
    outcomes: &mut Outcomes,
) {
    let started = runs.started(key);
    let case =
        format!("{key}, killed {moment:?}, claimed: {was_claimed}, started {started}: {found:?}");
    assert!(started <= 1, "{case}");
    let first = &found[0];
    assert!(found.iter().all(|other| other == first), "{case}");
    match &**first {
        "unknown -" => {
            assert!(was_claimed, "{case}");
            outcomes.unknown += 1;
        }
        ended => {
            assert_eq!(ended, format!("ended {key}#1"), "{case}");
            assert_eq!(started, 1, "{case}");
            outcomes.ended += 1;
        }
    }
}
