//! What the tests here share: an API of runs that have children.

use std::collections::HashMap;

use dinoai::time::VirtualClock;
use dinoai::{Session, Tree};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{DIGEST, STOP};
use crate::support::samples::no_such_run;
use crate::support::shown_run::id_of;

/// A good answer to a look at a run, or to a read of it.
pub(crate) fn run(id: &str, status: &str, children: &[&str]) -> Reply {
    Reply::data(&json!({ "dinoaiAgentRun": {
        "ok": true,
        "agentSessionId": id,
        "status": status,
        "messages": [],
        "childSessionIds": children,
        "workspaceUid": "w1",
    } }))
}

/// What a run's status and children are at each look, the last of them from then on.
type Life = Vec<(&'static str, Vec<&'static str>)>;

/// Answers for runs whose lives go on with each look. A read shows what the latest look did.
pub(crate) fn tree_of(
    lives: impl IntoIterator<Item = (&'static str, Life)>,
) -> impl FnMut(&Seen) -> Reply + Send {
    let lives: HashMap<_, _> = lives.into_iter().collect();
    let mut looks: HashMap<String, usize> = HashMap::new();
    move |seen| {
        if seen.operation == STOP {
            return Reply::Good;
        }
        let id = id_of(seen).to_owned();
        let Some(life) = lives.get(id.as_str()) else {
            return no_such_run();
        };
        let looks = looks.entry(id.clone()).or_default();
        if seen.operation == DIGEST {
            *looks += 1;
        }
        let now = looks.saturating_sub(1).min(life.len() - 1);
        let (status, children) = &life[now];
        run(&id, status, children)
    }
}

pub(crate) fn always(status: &'static str, children: &[&'static str]) -> Life {
    vec![(status, children.to_vec())]
}

/// These statuses, one a look, without children.
pub(crate) fn lives(statuses: impl IntoIterator<Item = &'static str>) -> Life {
    statuses
        .into_iter()
        .map(|status| (status, vec![]))
        .collect()
}

pub(crate) fn root(server: &FaultServer) -> (Session, VirtualClock) {
    let (client, clock) = server.client();
    (client.session("root").unwrap(), clock)
}

pub(crate) fn ids(trees: &[Tree]) -> Vec<&str> {
    trees.iter().map(|tree| tree.session_id.as_str()).collect()
}

pub(crate) fn requests_for(server: &FaultServer, operation: &str, id: &str) -> usize {
    let seen = server.seen();
    let of_this = |seen: &&Seen| seen.operation == operation && id_of(seen) == id;
    seen.iter().filter(of_this).count()
}
