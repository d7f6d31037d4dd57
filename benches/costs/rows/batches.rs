//! Many runs that start and end at any time: `run_all`, and waits that run at the same time.

use std::time::Duration;

use dinoai::TriggerRun;

use crate::Effort;
use crate::fast_clock::FastClock;
use crate::rows::waits::statuses;
use crate::server::Server;
use crate::server::script::{Script, ends_at};
use crate::setting::{FAR_OFF, client, number_in, runtime};
use crate::table::{Row, counted};

/// How long a second takes by the clock of these runs.
const SECOND: Duration = Duration::from_millis(10);

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let runs = match effort {
        Effort::Full => 10_000,
        Effort::Quick => 1_000,
    };
    vec![rolling(runs, 100), single_waits(1_000)]
}

/// Runs that end after 20 to 51 looks.
fn server() -> Server {
    Server::start(Script::new("Done.", |id, look| {
        ends_at(look, 20 + number_in(id) % 32, 1)
    }))
}

fn rolling(runs: usize, concurrency: usize) -> Row {
    let server = server();
    let client = client(&server.endpoint(), FastClock::with_second(SECOND));
    let requests = (0..runs).map(|_| TriggerRun::agent("data-quality-checker"));
    let mut completed = 0;
    runtime().block_on(async {
        let all = client.run_all(requests, concurrency);
        let mut results = all.timeout(FAR_OFF).results();
        while let Some((_, result)) = results.next().await {
            completed += usize::from(result.is_ok());
        }
    });
    assert_eq!(completed, runs, "every run completes");
    let runs = counted(runs as u64);
    let what = format!("`run_all` of {runs} requests, 100 at a time: statuses a request");
    statuses(what, &server.take_counts()).count()
}

fn single_waits(waits: u32) -> Row {
    let server = server();
    let client = client(&server.endpoint(), FastClock::with_second(SECOND));
    runtime().block_on(async {
        let waits: Vec<_> = (0..waits)
            .map(|number| {
                let session = client.session(format!("run-{number}")).expect("an id");
                tokio::spawn(async move { session.wait().await })
            })
            .collect();
        for wait in waits {
            wait.await
                .expect("no wait panics")
                .expect("each run completes");
        }
    });
    let what = "1,000 tasks with a `session.wait()` each: statuses a request";
    statuses(what.to_owned(), &server.take_counts()).count()
}
