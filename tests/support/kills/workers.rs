//! The processes of [`kills`](super): the test binary, started again for one test that does nothing without
//! [`WORKER`]; [`work`] is what it does then. [`Runs`] is their server, [`Worker`] one of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dinoai::journal::{Journal, State};
use dinoai::{Client, Credentials, Error, TriggerRun};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

use crate::support::fault_server::{FaultServer, Reply, Seen};

/// The endpoint of a worker's server, in its environment.
pub(crate) const WORKER: &str = "DINOAI_TEST_WORKER";

/// What a worker prints of a run whose id its journal does not take.
pub(crate) const UNRECORDED: &str = "unrecorded";

/// How many keys each of them has in hand.
const AT_ONCE: usize = 16;
/// For how long a worker waits for a run, in seconds, in its environment.
pub(crate) const TIMEOUT: &str = "DINOAI_TEST_TIMEOUT";
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a worker does: for each key that is read, a run is started once and waited for, and what
/// came of it is printed.
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
pub(crate) struct Runs {
    pub(crate) server: FaultServer,
    keys: Arc<Mutex<BTreeMap<String, Run>>>,
    /// Whether requests to start one are answered.
    pub(crate) answers: Arc<Mutex<bool>>,
    pub(crate) released: Arc<Notify>,
}

impl Runs {
    pub(crate) async fn start() -> Self {
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

    pub(crate) fn started(&self, key: &str) -> usize {
        self.keys
            .lock()
            .unwrap()
            .get(key)
            .map_or(0, |run| run.started)
    }

    pub(crate) fn end(&self, key: &str) {
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
pub(crate) struct Worker {
    pub(crate) child: Child,
    keys: ChildStdin,
    number: usize,
}

impl Worker {
    pub(crate) fn start(
        mut command: Command,
        number: usize,
        printed: &Sender<(usize, String)>,
    ) -> Self {
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

    pub(crate) fn tell(&mut self, key: &str) {
        writeln!(self.keys, "{key}").unwrap();
    }

    pub(crate) fn kill(&mut self) {
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

pub(crate) async fn state<J: Journal>(journal: &J, key: &str) -> Option<State> {
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
pub(crate) async fn results(
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
