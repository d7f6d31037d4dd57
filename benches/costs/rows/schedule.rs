//! How late a wait sees the end of its run, by its default schedule.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};

use crate::server::Server;
use crate::server::script::{Script, Shown};
use crate::setting::{client, runtime};
use crate::table::{Row, number};

const WAITS: u32 = 200;
/// By then the pause has its full length, and every later one is a smaller share.
const WAITED: Duration = Duration::from_secs(300);
/// Shorter runs are polled each second.
const SHORT: f64 = 10.0;

/// The times of the polls of each wait, since it began.
fn polls() -> Vec<Vec<f64>> {
    let clock = VirtualClock::new();
    let looks = Arc::new(Mutex::new(Vec::new()));
    let (noted, now) = (looks.clone(), clock.clone());
    let server = Server::start(Script::new("Done.", move |_, _| {
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push(now.now());
        Shown {
            status: "RUNNING",
            ..Shown::default()
        }
    }));
    let client = client(&server.endpoint(), clock.clone());
    let runtime = runtime();
    let wait = |number: u32| {
        let begun = clock.now();
        let session = client.session(format!("run-{number}")).expect("an id");
        let wait = session.wait().timeout(WAITED);
        let timed_out = runtime.block_on(async { wait.await });
        timed_out.expect_err("the run does not end");
        let looks = std::mem::take(&mut *looks.lock().unwrap_or_else(PoisonError::into_inner));
        looks
            .iter()
            .map(|look| (*look - begun).as_secs_f64())
            .collect()
    };
    (0..WAITS).map(wait).collect()
}

pub(crate) fn rows() -> Vec<Row> {
    let (mut share, mut seconds) = (0.0_f64, 0.0_f64);
    for polls in polls() {
        // The last one is made at the timeout.
        for pair in polls[..polls.len() - 1].windows(2) {
            let (before, seen) = (pair[0], pair[1]);
            // A run that ends right after a poll is seen to have ended at the next one; one that
            // is to count as long ends when it is long enough, or later.
            if seen > SHORT {
                let ended = before.max(SHORT);
                share = share.max((seen - ended) / ended);
            }
            if before < SHORT {
                seconds = seconds.max(seen.min(SHORT) - before);
            }
        }
    }
    vec![
        Row::new("latest sight of the end, of a run of 10 s or longer: share of its length")
            .ours(format!("{} %", number(share * 100.0)))
            .goal("10 %", share <= 0.1 + 1e-9)
            .count(),
        Row::new("latest sight of the end, of a shorter run")
            .ours(format!("{} s", number(seconds)))
            .goal("1 s", seconds <= 1.0 + 1e-9)
            .count(),
    ]
}
