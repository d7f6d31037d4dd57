//! Processes are killed while they start runs, and the server with them: each key has one run, or is unknown.

use std::process::Command;
use std::time::Duration;

use dinoai::journal::{Entry, Journal, JournalFuture, State, Stored, Version, Written};
use dinoai_postgres::PostgresJournal;

use crate::support::Server;
use crate::support::kills::workers::{WORKER, work};
use crate::support::kills::{flood, kill};

/// The journal of the workers, in their environment.
const JOURNAL: &str = "DINOAI_TEST_JOURNAL";
/// For how many milliseconds a worker does not know that it has claimed a key, in its environment.
pub(crate) const PAUSE: &str = "DINOAI_TEST_PAUSE";

/// How much faster claims lapse than they do, in the environment of the workers.
const FACTOR: &str = "DINOAI_TEST_FACTOR";
/// A minute and a half in three seconds.
const FASTER: u32 = 30;
/// A journal in which time passes faster.
#[derive(Clone)]
pub(crate) struct Faster(PostgresJournal, u32);

/// For how long a worker that has claimed a key does not know it yet, so that it is suspended before it sends.
async fn pause(entry: &Entry) {
    if let (State::Claimed { .. }, Ok(millis)) = (&entry.state, std::env::var(PAUSE)) {
        tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
    }
}

impl Faster {
    fn older(&self, mut stored: Stored) -> Stored {
        stored.age *= self.1;
        stored
    }
}

impl Journal for Faster {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        Box::pin(async move { Ok(self.0.load(key).await?.map(|stored| self.older(stored))) })
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            Ok(match self.0.store(key, entry, expected).await? {
                Written::Conflict(stored) => {
                    Written::conflict(stored.map(|stored| self.older(*stored)))
                }
                done => {
                    pause(entry).await;
                    done
                }
            })
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        self.0.list()
    }
}

pub(crate) async fn connect(url: &str, factor: u32) -> Faster {
    Faster(PostgresJournal::connect(url).await.unwrap(), factor)
}

/// What a process does that is started here.
#[tokio::test]
#[ignore = "is started by the other tests"]
async fn worker() {
    let (Ok(endpoint), Ok(url)) = (std::env::var(WORKER), std::env::var(JOURNAL)) else {
        return;
    };
    let factor = std::env::var(FACTOR).unwrap().parse().unwrap();
    // The server may be starting again.
    let journal = loop {
        match PostgresJournal::connect(&url).await {
            Ok(journal) => break Faster(journal, factor),
            Err(error) if error.is_transient() => {
                tokio::time::sleep(Duration::from_millis(5)).await
            }
            Err(error) => panic!("{error}"),
        }
    };
    work(&endpoint, journal).await;
}

pub(crate) fn workers(url: &str, factor: u32) -> impl Fn() -> Command {
    let url = url.to_owned();
    move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["kills::worker", "--exact", "--ignored", "--nocapture"]);
        command.env(JOURNAL, &url).env(FACTOR, factor.to_string());
        command
    }
}

/// `DINOAI_TEST_KILLS` says how many, for .ci/long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_one_run_or_an_unknown_key() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let kills = std::env::var("DINOAI_TEST_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let url = server.url("postgres", "");
    let journal = connect(&url, FASTER).await;
    // While the others wait for the run of the one that was killed.
    let disturb = async |place: usize| {
        if place % 5 == 1 {
            tokio::task::block_in_place(|| {
                server.kill();
                server.run_again();
            });
        }
    };
    let outcomes = kill(&journal, kills, workers(&url, FASTER), disturb).await;
    assert_eq!(outcomes.ended + outcomes.unknown, kills, "{outcomes:?}");
    let least = kills / 6;
    assert!(
        outcomes.unknown >= least && outcomes.ended >= least,
        "{outcomes:?}"
    );
    println!("{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_keys_that_four_processes_want_each_is_started_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let keys = std::env::var("DINOAI_TEST_KILLS").map_or(100, |_| 1000);
    let url = server.url("postgres", "");
    // The table is there before they are.
    let journal = connect(&url, FASTER).await;
    flood(keys, workers(&url, FASTER)).await;
    assert_eq!(journal.list().await.unwrap().len(), keys);
}
