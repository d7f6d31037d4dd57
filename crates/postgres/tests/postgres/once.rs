//! Two calls for one key start one run, through the whole library.

use dinoai::time::VirtualClock;
use dinoai::{Client, Credentials, TriggerRun};
use dinoai_emulator::Emulator;
use dinoai_postgres::PostgresJournal;

use crate::support::Server;

fn client_of(emulator: &Emulator) -> Client {
    let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
    let client = Client::builder().endpoint(emulator.endpoint());
    let client = client.credentials(credentials).clock(VirtualClock::new());
    client.build().unwrap()
}

#[tokio::test]
async fn two_calls_start_one_run() {
    let Some(server) = Server::start() else {
        return;
    };
    let emulator = Emulator::builder().start().await.unwrap();
    let url = server.url("postgres", "");
    let mut ids = vec![];
    for _ in 0..2 {
        // As two processes would.
        let journal = PostgresJournal::connect(&url).await.unwrap();
        let request = TriggerRun::agent("checker").with_message("Focus on orders");
        let run = client_of(&emulator).run_once("nightly/2026-11-25", request, &journal);
        ids.push(run.await.unwrap().session_id);
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(emulator.runs().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_start_one_run() {
    let Some(server) = Server::start() else {
        return;
    };
    let emulator = Emulator::builder().start().await.unwrap();
    let url = server.url("postgres", "");
    let calls = (0..8).map(|_| {
        let (client, url) = (client_of(&emulator), url.clone());
        tokio::spawn(async move {
            let journal = PostgresJournal::connect(url).await.unwrap();
            let request = TriggerRun::agent("checker");
            let started = client
                .start_once("nightly", request, &journal)
                .await
                .unwrap();
            started.session_id().cloned()
        })
    });
    let mut ids = vec![];
    for call in calls.collect::<Vec<_>>() {
        ids.push(call.await.unwrap().expect("an id"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(emulator.runs().len(), 1);
}
