//! What the tests here share: an API of runs that have children.

use std::collections::HashMap;

use dinoai::time::VirtualClock;
use dinoai::{Session, Tree};
use serde_json::{Map, Value, json};

use crate::many_runs::api::asked;
use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{DIGEST, STATUSES, STOP};
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

pub(crate) async fn serves(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> FaultServer {
    FaultServer::scripted(for_each_run(answer)).await
}

/// Answers a request for many runs as one for each of them. A failure that is not GraphQL is that of
/// the whole request.
pub(crate) fn for_each_run(
    mut answer: impl FnMut(&Seen) -> Reply + Send,
) -> impl FnMut(&Seen) -> Reply + Send {
    move |seen| {
        if seen.operation != STATUSES {
            return answer(seen);
        }
        let (mut data, mut errors) = (Map::new(), vec![]);
        for (alias, id) in asked(seen) {
            let one = Seen {
                operation: DIGEST.to_owned(),
                variables: json!({ "id": id }),
                ..seen.clone()
            };
            let reply = answer(&one);
            let Reply::Http(200, _, body) = &reply else {
                return reply;
            };
            let mut body: Value = serde_json::from_str(body).unwrap();
            data.insert(alias.clone(), body["data"]["dinoaiAgentRun"].take());
            for mut error in body["errors"].as_array().cloned().unwrap_or_default() {
                error["path"] = json!([alias]);
                errors.push(error);
            }
        }
        match errors.is_empty() {
            true => Reply::data(&json!(data)),
            false => Reply::json(200, &json!({ "data": data, "errors": errors })),
        }
    }
}

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

/// How many requests with this operation were about a run; looks among them that are shared.
pub(crate) fn requests_for(server: &FaultServer, operation: &str, id: &str) -> usize {
    let seen = server.seen();
    let of_this = |seen: &&Seen| match seen.operation == STATUSES && operation == DIGEST {
        true => asked(seen).iter().any(|(_, asked)| asked == id),
        false => seen.operation == operation && id_of(seen) == id,
    };
    seen.iter().filter(of_this).count()
}

/// At how many runs requests have looked, each as often as one did.
pub(crate) fn looks(server: &FaultServer) -> usize {
    let seen = server.seen();
    let looks = seen
        .iter()
        .filter(|seen| [DIGEST, STATUSES].contains(&seen.operation.as_str()));
    looks.map(|seen| asked(seen).len()).sum()
}
