//! Kills processes that start runs of keys, at moments that the journal's state says, and starts others
//! after them: each key has one run, or is unknown.
//!
//! The processes are this test binary, started again for one test that does nothing without
//! [`WORKER`]; [`work`] is what it does then.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dinoai::journal::{Journal, State};
use dinoai::{Client, Credentials, Error, TriggerRun};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

use crate::support::fault_server::{FaultServer, Reply, Seen};

/// The endpoint of a worker's server, in its environment.
pub(crate) const WORKER: &str = "DINOAI_TEST_WORKER";

/// For how many milliseconds a worker does not know that it has claimed a key, in its environment.
#[allow(dead_code, reason = "a claim in a file does not lapse")]
pub(crate) const PAUSE: &str = "DINOAI_TEST_PAUSE";

/// What a worker prints of a run whose id its journal does not take.
const UNRECORDED: &str = "unrecorded";

/// How many processes want each key.
const WORKERS: usize = 4;
/// How many keys each of them has in hand.
const AT_ONCE: usize = 16;
/// For how long a worker waits for a run, in seconds, in its environment.
const TIMEOUT: &str = "DINOAI_TEST_TIMEOUT";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// What a worker does: for each key that is read, a run is started once and waited for, and what
/// came of it is printed. Of `name` there is a journal.
pub(crate) async fn work<J: Journal + Clone>(endpoint: &str, journal: J) {
    let client = Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    let (keys, mut read) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for key in std::io::stdin().lines() {
            keys.send(key.unwrap()).unwrap();
        }
    });
    let timeout = std::env::var(TIMEOUT).map_or(PATIENCE, |seconds| {
        Duration::from_secs(seconds.parse().unwrap())
    });
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(key) = read.recv().await {
        let place = at_once.clone().acquire_owned().await.unwrap();
        let once = client.run_once(&*key, request(&key), &journal);
        let once = once
            .timeout(timeout)
            .poll_interval(Duration::from_millis(20));
        let name = key.clone();
        let once = once.on_unrecorded(move |id, _| println!("worker {name} {UNRECORDED} {id}"));
        tokio::spawn(async move {
            let outcome = match once.await {
                Ok(run) => format!("ended {}", run.session_id),
                Err(Error::KeyUnknown { .. }) => "unknown -".to_owned(),
                Err(error) => format!("failed {error:?}"),
            };
            println!("worker {key} {outcome}");
            drop(place);
        });
    }
}

fn request(key: &str) -> TriggerRun {
    TriggerRun::agent("checker").with_message(format!("Focus on {key}"))
}

/// What the server knows of a key.
#[derive(Debug, Default)]
struct Run {
    /// How often it was started.
    started: usize,
    is_over: bool,
}

/// A server whose runs end when a test says so.
struct Runs {
    server: FaultServer,
    keys: Arc<Mutex<BTreeMap<String, Run>>>,
    /// Whether requests to start one are answered.
    answers: Arc<Mutex<bool>>,
    released: Arc<Notify>,
}

impl Runs {
    async fn start() -> Self {
        let keys: Arc<Mutex<BTreeMap<String, Run>>> = Arc::default();
        let answers = Arc::new(Mutex::new(true));
        let released = Arc::new(Notify::new());
        let (known, may, release) = (keys.clone(), answers.clone(), released.clone());
        let server = FaultServer::scripted(move |seen| {
            let reply = answer(&mut known.lock().unwrap(), seen);
            match seen.operation.starts_with("Trigger") && !*may.lock().unwrap() {
                true => Reply::When(release.clone(), Box::new(reply)),
                false => reply,
            }
        })
        .await;
        Self {
            server,
            keys,
            answers,
            released,
        }
    }

    fn started(&self, key: &str) -> usize {
        self.keys
            .lock()
            .unwrap()
            .get(key)
            .map_or(0, |run| run.started)
    }

    fn end(&self, key: &str) {
        self.keys
            .lock()
            .unwrap()
            .entry(key.to_owned())
            .or_default()
            .is_over = true;
    }
}

fn answer(keys: &mut BTreeMap<String, Run>, seen: &Seen) -> Reply {
    if seen.operation.starts_with("Trigger") {
        let message = seen.variables["message"].as_str().unwrap();
        let key = message.trim_start_matches("Focus on ");
        let run = keys.entry(key.to_owned()).or_default();
        run.started += 1;
        let id = format!("{key}#{}", run.started);
        let accepted = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
        return Reply::data(&json!({ "triggerDinoaiAgentRun": accepted }));
    }
    let run = |id: &serde_json::Value| {
        let key = id.as_str().and_then(|id| id.split('#').next());
        let is_over = key
            .and_then(|key| keys.get(key))
            .is_some_and(|run| run.is_over);
        json!({
            "ok": true, "agentSessionId": id, "messages": [], "childSessionIds": [],
            "status": if is_over { "COMPLETED" } else { "RUNNING" }, "workspaceUid": "w",
        })
    };
    let runs = seen.variables.as_object().unwrap().iter();
    // One by one, or many under aliases.
    let runs = runs.map(|(name, id)| match name.strip_prefix("id") {
        Some("") => ("dinoaiAgentRun".to_owned(), run(id)),
        place => (format!("run{}", place.unwrap()), run(id)),
    });
    Reply::data(&serde_json::Value::Object(runs.collect()))
}

/// A process that starts runs.
struct Worker {
    child: Child,
    keys: ChildStdin,
    number: usize,
}

impl Worker {
    fn start(mut command: Command, number: usize, printed: &Sender<(usize, String)>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = printed.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(line) = line.split_once("worker ").map(|(_, line)| line) {
                    let _ = printed.send((number, line.to_owned()));
                }
            }
        });
        Self {
            keys: child.stdin.take().unwrap(),
            child,
            number,
        }
    }

    fn tell(&mut self, key: &str) {
        writeln!(self.keys, "{key}").unwrap();
    }

    /// Suspends it, or lets it go on.
    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success(), "kill {signal} {pid}");
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of the keys of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) ended: usize,
    pub(crate) unknown: usize,
    /// How often the journal had a claim when its owner was killed.
    pub(crate) killed_while_claimed: usize,
}

/// Kills so many processes, one a key, and checks what the others find. `worker` makes the command of a process
/// that calls [`work`] with the endpoint in [`WORKER`] and this journal; `disturb` is called for each key while
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

/// Suspends a process for each of so many keys while it has the claim, until that has lapsed and another has found
/// it dead. Says how many of them had sent their request by then: their ids are recorded. No other sends it.
#[allow(dead_code, reason = "a claim in a file does not lapse")]
pub(crate) async fn suspend<J: Journal>(
    journal: &J,
    keys: usize,
    worker: impl Fn() -> Command,
) -> usize {
    let runs = Runs::start().await;
    let (sender, printed) = channel();
    let mut had_sent = 0;
    for place in 0..keys {
        let key = format!("key-{place}");
        let start = |number| {
            let mut command = worker();
            command
                .env(WORKER, runs.server.endpoint())
                .env(TIMEOUT, "2");
            if place % 2 == 0 {
                command.env(PAUSE, "1000");
            }
            Worker::start(command, number, &sender)
        };
        let mut workers = [start(2 * place), start(2 * place + 1)];
        *runs.answers.lock().unwrap() = false;
        workers[0].tell(&key);
        while !matches!(state(journal, &key).await, Some(State::Claimed { .. })) {
            tokio::task::yield_now().await;
        }
        workers[0].signal("-STOP");
        let begun = Instant::now();
        while lapses_in(journal, &key).await > Duration::ZERO {
            assert!(begun.elapsed() < PATIENCE, "{key} does not lapse");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        workers[1].tell(&key);
        let found = results(&printed, &workers[1..], &key).await;
        assert_eq!(found, ["unknown -"], "{key}");
        workers[0].signal("-CONT");
        *runs.answers.lock().unwrap() = true;
        runs.released.notify_waiters();
        runs.end(&key);
        let itself = results(&printed, &workers[..1], &key).await;
        let started = runs.started(&key);
        let state = state(journal, &key).await;
        match started {
            0 => assert!(
                matches!(state, Some(State::Free { .. })),
                "{key} {itself:?} {state:?}"
            ),
            _ => {
                assert_eq!(started, 1, "{key}");
                workers[1].tell(&key);
                let found = results(&printed, &workers[1..], &key).await;
                assert_eq!(
                    found,
                    [format!("ended {key}#1")],
                    "{key} {itself:?} {state:?}"
                );
                had_sent += 1;
            }
        }
        assert!(runs.started(&key) <= 1);
    }
    had_sent
}

/// Loses the journal while a process has a claim, and gives it back once the id has come: it is recorded.
#[allow(dead_code, reason = "a file has no server")]
pub(crate) async fn outlive<J: Journal>(
    journal: &J,
    keys: usize,
    worker: impl Fn() -> Command,
    mut lose: impl AsyncFnMut(bool),
) {
    let runs = Runs::start().await;
    let (sender, printed) = channel();
    for place in 0..keys {
        let key = format!("key-{place}");
        let mut command = worker();
        command.env(WORKER, runs.server.endpoint());
        let mut workers = [Worker::start(command, place, &sender)];
        *runs.answers.lock().unwrap() = false;
        workers[0].tell(&key);
        let start = Instant::now();
        while runs.started(&key) == 0 {
            assert!(start.elapsed() < PATIENCE, "{key} is not sent");
            tokio::task::yield_now().await;
        }
        lose(true).await;
        *runs.answers.lock().unwrap() = true;
        runs.released.notify_waiters();
        let line = tokio::task::block_in_place(|| printed.recv_timeout(PATIENCE));
        assert_eq!(line.unwrap().1, format!("{key} {UNRECORDED} {key}#1"));
        lose(false).await;
        runs.end(&key);
        let found = results(&printed, &workers, &key).await;
        assert_eq!(found, [format!("ended {key}#1")]);
        let state = state(journal, &key).await;
        assert!(
            matches!(state, Some(State::Ended { .. })),
            "{key} {state:?}"
        );
        assert_eq!(runs.started(&key), 1);
    }
}

/// In what time a claim lapses.
async fn lapses_in<J: Journal>(journal: &J, key: &str) -> Duration {
    let stored = journal.load(key).await.unwrap().unwrap();
    match stored.entry.state {
        State::Claimed { lease, .. } => lease.saturating_sub(stored.age),
        state => panic!("{key}: {state:?}"),
    }
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

async fn state<J: Journal>(journal: &J, key: &str) -> Option<State> {
    let start = Instant::now();
    loop {
        match journal.load(key).await {
            Ok(stored) => return stored.map(|stored| stored.entry.state),
            // Its server may be down just now.
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
    }
}

/// What the workers print of a key, all of them.
async fn results(
    printed: &Receiver<(usize, String)>,
    workers: &[Worker],
    key: &str,
) -> Vec<String> {
    let mut results = BTreeMap::new();
    while results.len() < workers.len() {
        let next = tokio::task::block_in_place(|| printed.recv_timeout(PATIENCE));
        let (number, line) = next.unwrap_or_else(|_| panic!("{key}: {results:?} in {PATIENCE:?}"));
        let is_alive = workers.iter().any(|worker| worker.number == number);
        if let (true, Some(result)) = (is_alive, line.strip_prefix(&format!("{key} ")))
            && !result.starts_with(UNRECORDED)
        {
            results.insert(number, result.to_owned());
        }
    }
    results.into_values().collect()
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
