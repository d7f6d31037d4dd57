//! What `.ci/instructions` runs under valgrind, and the server beside it.
//!
//! ```sh
//! instructions serve                              # prints two endpoints, ends with its input
//! instructions WORK COUNT ENDPOINT                # does it, and prints nothing
//! ```
//!
//! `read` and `poll` are the library's, `read-by-hand` and `poll-by-hand` the same by a client by
//! hand; `many` waits for so many runs, and `overdue` sees their ends after the deadline. Each is done
//! on one thread. A run at the first endpoint has two messages of 200 bytes, at the second two of 500 kB.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be counted ends"
)]
#![allow(
    dead_code,
    reason = "the server and the peer are those of `costs`, and do more"
)]

#[path = "../../tests/support/fault_server/fast_clock.rs"]
mod fast_clock;
#[path = "../costs/peer.rs"]
mod peer;
#[path = "../costs/server/mod.rs"]
mod server;
#[path = "../costs/setting.rs"]
mod setting;

use std::future::ready;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dinoai::time::{Clock, Sleep, VirtualClock};

use self::fast_clock::FastClock;
use self::peer::{Peer, STATUS, WHOLE};
use self::server::Server;
use self::server::script::{Script, ends_at};
use self::setting::{FAR_OFF, client, markdown, number_in, runtime};

const USAGE: &str = "usage: instructions serve | (read | poll | read-by-hand | poll-by-hand | many | overdue) COUNT \
     ENDPOINT";

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve"] => serve(),
        [work, count, endpoint] => {
            let count = count.parse().expect(USAGE);
            match work {
                "read" => read(count, endpoint),
                "poll" => poll(count, endpoint),
                "read-by-hand" => read_by_hand(count, endpoint),
                "poll-by-hand" => poll_by_hand(count, endpoint),
                "many" => many(count, endpoint),
                "overdue" => overdue(count, endpoint),
                _ => panic!("{USAGE}"),
            }
        }
        _ => panic!("{USAGE}"),
    }
}

/// Serves runs with two messages each, which end at the look that their id ends with.
fn serve() {
    let servers = [200, 500_000].map(|bytes| {
        Server::start(Script::new(markdown(bytes), |id, look| {
            ends_at(look, number_in(id), 2)
        }))
    });
    for server in &servers {
        println!("{}", server.endpoint());
    }
    // Whoever has started it keeps its input open.
    let _ = std::io::stdin().read_to_end(&mut vec![]);
}

/// An id that no other process has, of a run that ends at this look.
fn id(name: &str, last: u32) -> String {
    format!("{name}-{}-{last}", std::process::id())
}

fn read(count: u32, endpoint: &str) {
    let client = client(endpoint, VirtualClock::new());
    runtime().block_on(async {
        for _ in 0..count {
            client.get_run("run-1").await.expect("it can be read");
        }
    });
}

fn read_by_hand(count: u32, endpoint: &str) {
    let peer = Peer::of(endpoint);
    let body = peer::ready(WHOLE, "run-1");
    runtime().block_on(async {
        for _ in 0..count {
            peer.run(&body).await;
        }
    });
}

/// A clock that is at once where a sleep would end: a poll is counted, and not the pause before it.
#[derive(Debug, Default)]
struct JumpingClock {
    nanoseconds: AtomicU64,
}

impl Clock for JumpingClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let nanoseconds = u64::try_from(duration.as_nanos()).expect("a pause is no century");
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        Box::pin(ready(()))
    }
}

fn poll(count: u32, endpoint: &str) {
    let client = client(endpoint, JumpingClock::default());
    let session = client.session(id("poll", count)).expect("an id");
    let wait = session.wait().timeout(FAR_OFF);
    runtime().block_on(async { wait.await }).expect("it ends");
}

fn poll_by_hand(count: u32, endpoint: &str) {
    let peer = Peer::of(endpoint);
    let body = peer::ready(STATUS, &id("by-hand", count));
    runtime().block_on(async {
        while peer.status(&body).await.status != "COMPLETED" {}
        peer.run(&peer::ready(WHOLE, "run-1")).await;
    });
}

/// Each of them ends at its fifth look.
fn many(count: u32, endpoint: &str) {
    let client = client(endpoint, FastClock::with_second(Duration::from_millis(100)));
    let ids = (0..count).map(|number| id(&format!("many-{number}"), 5));
    runtime().block_on(async {
        let wait = client.wait_all(ids).expect("no id is blank");
        let mut results = wait.timeout(FAR_OFF).results();
        while let Some((_, result)) = results.next().await {
            result.expect("each run completes");
        }
    });
}

/// Each of them has ended, which is seen after the deadline.
fn overdue(count: u32, endpoint: &str) {
    let client = client(endpoint, VirtualClock::new());
    let ids = (0..count).map(|number| id(&format!("overdue-{number}"), 1));
    runtime().block_on(async {
        let wait = client.wait_all(ids).expect("no id is blank");
        let mut results = wait.timeout(Duration::from_millis(1)).results();
        while let Some((_, result)) = results.next().await {
            result.expect("each run completes");
        }
    });
}
