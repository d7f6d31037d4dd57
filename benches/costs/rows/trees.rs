//! A run with its descendants.

use std::time::Duration;

use crate::fast_clock::FastClock;
use crate::server::Server;
use crate::server::script::{Script, Shown, ends_at};
use crate::setting::{FAR_OFF, client, runtime};
use crate::table::{Row, counted};

const CHILDREN: u64 = 31;
/// At this look a run has ended.
const LAST: u32 = 14;
const RUNS: u64 = 1 + CHILDREN + CHILDREN * CHILDREN;

pub(crate) fn rows() -> Vec<Row> {
    vec![tree()]
}

fn tree() -> Row {
    let server = Server::start(Script::new("Done.", |id, look| Shown {
        // Ids are `run`, `run-7` and `run-7-9`.
        children: match id.matches('-').count() {
            0 | 1 => (0..CHILDREN).map(|child| format!("{id}-{child}")).collect(),
            _ => vec![],
        },
        ..ends_at(look, LAST, 1)
    }));
    let client = client(
        &server.endpoint(),
        FastClock::with_second(Duration::from_millis(20)),
    );
    let session = client.session("run").expect("an id");
    let tree = runtime()
        .block_on(async { session.tree().until_ended().timeout(FAR_OFF).await })
        .expect("it ends");
    assert_eq!(tree.runs().count() as u64, RUNS, "every run is in the tree");
    let counts = server.take_counts();
    let looks = counts.sum(|name| name != "DinoaiAgentRun");
    let all = counts.sum(|_| true);
    let ratio = looks.runs as f64 / looks.requests as f64;
    // 993 runs are 20 requests, of which the last is not full.
    Row::new("`tree().until_ended()` of 993 runs, 14 looks at each and those of the quiet period: requests, reads of whole runs aside")
        .ours(format!("{} (with the reads {})", counted(looks.requests), counted(all.requests)))
        .peer(format!("{} (a request a run and look)", counted(looks.runs)))
        .ratio(ratio)
        .goal("a request for up to 50: 49", ratio >= 49.0)
        .count()
}
