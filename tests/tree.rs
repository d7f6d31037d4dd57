//! What a tree reads, in which order and how many at once, and what it waits for.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::collections::HashMap;
use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Credentials, Error, OnTimeout, RunStatus, Session, Tree, TriggerRun};
use dinoai_emulator::{Child, Emulator, Scenario, Stage};
use fault_server::{FaultServer, Reply, Seen};
use serde_json::json;

const LOOK: &str = "DinoaiAgentRunDigest";
const READ: &str = "DinoaiAgentRun";
const STOP: &str = "StopDinoaiAgentRun";

/// A good answer to a look at a run, or to a read of it.
fn run(id: &str, status: &str, children: &[&str]) -> Reply {
    Reply::data(&json!({ "dinoaiAgentRun": {
        "ok": true,
        "agentSessionId": id,
        "status": status,
        "messages": [],
        "childSessionIds": children,
        "workspaceUid": "w1",
    } }))
}

fn no_such_run() -> Reply {
    let error = json!({ "message": "No such run.", "path": ["dinoaiAgentRun"] });
    Reply::json(
        200,
        &json!({ "data": { "dinoaiAgentRun": null }, "errors": [error] }),
    )
}

/// What a run's status and children are at each look, the last of them from then on.
type Life = Vec<(&'static str, Vec<&'static str>)>;

fn id_of(seen: &Seen) -> String {
    let id = seen.variables.get("id");
    id.and_then(|id| id.as_str()).unwrap_or_default().to_owned()
}

/// Answers for a family whose lives go on with each look. A read shows what the latest look did.
fn family(
    lives: impl IntoIterator<Item = (&'static str, Life)>,
) -> impl FnMut(&Seen) -> Reply + Send {
    let lives: HashMap<_, _> = lives.into_iter().collect();
    let mut looks: HashMap<String, usize> = HashMap::new();
    move |seen| {
        if seen.operation == STOP {
            return Reply::Good;
        }
        let id = id_of(seen);
        let Some(life) = lives.get(id.as_str()) else {
            return no_such_run();
        };
        let looks = looks.entry(id.clone()).or_default();
        if seen.operation == LOOK {
            *looks += 1;
        }
        let now = looks.saturating_sub(1).min(life.len() - 1);
        let (status, children) = &life[now];
        run(&id, status, children)
    }
}

fn always(status: &'static str, children: &[&'static str]) -> Life {
    vec![(status, children.to_vec())]
}

/// These statuses, one a look, without children.
fn lives(statuses: impl IntoIterator<Item = &'static str>) -> Life {
    statuses
        .into_iter()
        .map(|status| (status, vec![]))
        .collect()
}

fn root(server: &FaultServer) -> (Session, VirtualClock) {
    let (client, clock) = server.client();
    (client.session("root").unwrap(), clock)
}

fn ids(trees: &[Tree]) -> Vec<&str> {
    trees.iter().map(|tree| tree.session_id.as_str()).collect()
}

fn requests_for(server: &FaultServer, operation: &str, id: &str) -> usize {
    let seen = server.seen();
    let of_this = |seen: &&Seen| seen.operation == operation && id_of(seen) == id;
    seen.iter().filter(of_this).count()
}

#[tokio::test]
async fn a_family_is_read_several_at_a_time_and_never_more_than_the_bound() {
    let children: Vec<_> = (0..24).map(|number| format!("child-{number}")).collect();
    for (bound, more_than_one) in [(None, true), (Some(3), true), (Some(0), false)] {
        let names = children.clone();
        let server = FaultServer::scripted(move |seen| {
            let id = id_of(seen);
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let children = if id == "root" { &names[..] } else { &[] };
            let answer = run(&id, "COMPLETED", children);
            Reply::Late(Duration::from_millis(10), Box::new(answer))
        })
        .await;
        let read = root(&server).0.tree();
        let read = match bound {
            Some(bound) => read.concurrency(bound),
            None => read,
        };
        let tree = read.await.unwrap();
        assert_eq!(ids(&tree.children), children);
        assert_eq!(server.operations(), [READ; 25]);
        let bound = bound.unwrap_or(8).max(1);
        let most = server.most_under_way();
        assert!(most <= bound, "{most} at once, {bound} allowed");
        assert_eq!(most > 1, more_than_one, "{most} at once, {bound} allowed");
    }
}

#[tokio::test]
async fn a_wait_looks_at_a_family_under_the_same_bound() {
    let server = FaultServer::scripted(|seen| {
        let id = id_of(seen);
        let children: &[&str] = if id == "root" {
            &["a", "b", "c", "d", "e", "f"]
        } else {
            &[]
        };
        let answer = run(&id, "COMPLETED", children);
        Reply::Late(Duration::from_millis(10), Box::new(answer))
    })
    .await;
    let wait = root(&server).0.tree().concurrency(2).until_ended();
    wait.poll_interval(Duration::from_secs(10)).await.unwrap();
    assert_eq!(server.most_under_way(), 2);
}

#[tokio::test]
async fn siblings_stand_in_the_apis_order_whichever_answers_first() {
    let server = FaultServer::scripted(|seen| {
        let (children, late): (&[&str], u64) = match id_of(seen).as_str() {
            "root" => (&["z", "a", "m"], 0),
            "z" => (&["z-2", "z-1"], 40),
            "a" => (&["a-1"], 20),
            _ => (&[], 0),
        };
        let answer = run(&id_of(seen), "COMPLETED", children);
        Reply::Late(Duration::from_millis(late), Box::new(answer))
    })
    .await;
    let tree = root(&server).0.tree().await.unwrap();
    assert_eq!(ids(&tree.children), ["z", "a", "m"]);
    assert_eq!(ids(&tree.children[0].children), ["z-2", "z-1"]);
    assert_eq!(ids(&tree.children[1].children), ["a-1"]);
    let order: Vec<_> = tree.runs().map(|run| run.session_id.as_str()).collect();
    assert_eq!(order, ["root", "z", "z-2", "z-1", "a", "a-1", "m"]);
}

#[tokio::test]
async fn runs_that_name_each_other_in_a_circle_are_read_once_each() {
    let server = FaultServer::scripted(family([
        ("root", always("COMPLETED", &["root", "a", "b", "a"])),
        ("a", always("COMPLETED", &["b", "c", "root"])),
        ("b", always("COMPLETED", &["a"])),
        ("c", always("COMPLETED", &["c"])),
    ]))
    .await;
    let tree = root(&server).0.tree().await.unwrap();
    assert_eq!(ids(&tree.children), ["a", "b"]);
    assert_eq!(ids(&tree.children[0].children), ["c"]);
    assert_eq!((tree.runs().count(), server.arrived()), (4, 4));
    assert!(tree.has_ended() && tree.unread.is_empty());
}

#[tokio::test]
async fn a_wait_for_a_circle_ends() {
    let server = FaultServer::scripted(family([
        ("root", always("COMPLETED", &["root", "a"])),
        ("a", always("COMPLETED", &["root", "a"])),
    ]))
    .await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!(tree.runs().count(), 2);
}

#[tokio::test]
async fn a_child_that_cannot_be_read_is_reported_and_the_rest_stands() {
    let server = FaultServer::scripted(family([
        ("root", always("COMPLETED", &["a", "gone", "b"])),
        ("a", always("FAILED", &["a-1"])),
        ("a-1", always("RUNNING", &[])),
        ("b", always("COMPLETED", &["gone-too"])),
    ]))
    .await;
    let tree = root(&server).0.tree().await.unwrap();
    let read: Vec<_> = tree.runs().map(|run| run.session_id.as_str()).collect();
    assert_eq!(read, ["root", "a", "a-1", "b"]);
    let failures: Vec<_> = tree.failures().collect();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0].0.as_str(), "gone");
    assert_eq!(failures[0].1.session_id().unwrap().as_str(), "gone");
    assert!(matches!(failures[0].1, Error::GraphQl { .. }));
    assert!(!tree.has_ended());
    insta::assert_snapshot!(tree);
}

#[tokio::test]
async fn a_run_that_cannot_be_read_at_all_is_the_error_of_get_run() {
    let server = FaultServer::scripted(family([])).await;
    let (session, _) = root(&server);
    for error in [
        session.tree().await.unwrap_err(),
        session.tree().until_ended().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::GraphQl { .. }), "{error:?}");
        assert_eq!(error.session_id().unwrap().as_str(), "root");
    }
    assert_eq!(server.arrived(), 2);
}

#[tokio::test]
async fn a_temporary_failure_while_reading_is_tried_again_for_that_run_alone() {
    let mut failures = 3;
    let mut answer = family([
        ("root", always("COMPLETED", &["a", "b"])),
        ("a", always("COMPLETED", &[])),
        ("b", always("COMPLETED", &[])),
    ]);
    let server = FaultServer::scripted(move |seen| {
        if id_of(seen) == "a" && failures > 0 {
            failures -= 1;
            return Reply::html(503);
        }
        answer(seen)
    })
    .await;
    let tree = root(&server).0.tree().await.unwrap();
    assert_eq!((tree.runs().count(), server.arrived()), (3, 3 + 3));
}

#[tokio::test]
async fn nothing_is_read_below_the_thirty_second_generation() {
    let server = FaultServer::scripted(|seen| {
        let id = id_of(seen);
        let generation: usize = id.trim_start_matches("root").parse().unwrap_or(0);
        let child = format!("root{}", generation + 1);
        run(&id, "COMPLETED", &[&child])
    })
    .await;
    let tree = root(&server).0.tree().await.unwrap();
    assert_eq!((tree.runs().count(), server.arrived()), (33, 33));
    let mut last = &tree;
    while let Some(child) = last.children.first() {
        assert!(last.unread.is_empty());
        last = child;
    }
    assert_eq!(last.session_id.as_str(), "root32");
    assert_eq!(last.unread.len(), 1);
    assert_eq!(last.unread[0].as_str(), "root33");
    let drawing = tree.to_string();
    let last_lines: Vec<_> = drawing.lines().rev().take(2).map(str::trim).collect();
    assert_eq!(last_lines, ["└── 1 more, not read", "└── root32 COMPLETED"]);
}

#[tokio::test]
async fn a_family_is_drawn_as_a_tree() {
    let server = FaultServer::scripted(family([
        ("root", always("RUNNING", &["a", "b"])),
        ("a", always("COMPLETED", &["a-1", "a-2"])),
        ("a-1", always("FAILED", &[])),
        ("a-2", always("PAUSED", &["a-2-1"])),
        ("a-2-1", always("STOPPED", &[])),
        ("b", always("EXPIRED", &[])),
    ]))
    .await;
    insta::assert_snapshot!(root(&server).0.tree().await.unwrap());
}

#[tokio::test]
async fn a_run_without_children_needs_no_time_to_settle() {
    let server = FaultServer::scripted(family([("root", lives(["RUNNING", "COMPLETED"]))])).await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended();
    let tree = wait.poll_interval(Duration::from_secs(3)).await.unwrap();
    assert_eq!(tree.to_string(), "root COMPLETED");
    assert_eq!(clock.sleeps(), [Duration::from_secs(3)]);
    assert_eq!(server.operations(), [LOOK, LOOK, READ]);
}

#[tokio::test]
async fn all_descendants_are_waited_for_however_the_first_run_reads() {
    let mut grandchild = vec!["RUNNING"; 40];
    grandchild.push("FAILED");
    let server = FaultServer::scripted(family([
        ("root", always("COMPLETED", &["a"])),
        ("a", always("COMPLETED", &["a-1"])),
        ("a-1", lives(grandchild)),
    ]))
    .await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended();
    let tree = wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    assert_eq!(tree.runs().last().unwrap().status, RunStatus::Failed);
    assert!(tree.has_ended());
    // 40 looks at the run that is going, then 10 s in which nothing changes.
    assert_eq!(clock.now(), Duration::from_secs(40 + 1 + 10));
    assert_eq!(requests_for(&server, READ, "a-1"), 1);
}

#[tokio::test]
async fn children_that_appear_while_it_waits_are_waited_for_too() {
    let mut parent = vec![("RUNNING", vec![]); 3];
    parent.push(("COMPLETED", vec!["late"]));
    let mut late = vec![("RUNNING", vec![]); 5];
    late.push(("COMPLETED", vec!["later"]));
    let server = FaultServer::scripted(family([
        ("root", parent),
        ("late", late),
        ("later", lives(["QUEUED", "RUNNING", "RUNNING", "STOPPED"])),
    ]))
    .await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    let ends: Vec<_> = tree
        .runs()
        .map(|run| (run.session_id.as_str(), run.status.as_str()))
        .collect();
    assert_eq!(
        ends,
        [
            ("root", "COMPLETED"),
            ("late", "COMPLETED"),
            ("later", "STOPPED")
        ]
    );
}

#[tokio::test]
async fn a_child_that_appears_only_in_the_last_read_is_waited_for_too() {
    let mut answer = family([
        ("root", always("COMPLETED", &[])),
        ("late", lives(["RUNNING", "RUNNING", "COMPLETED"])),
    ]);
    let mut reads = 0;
    let server = FaultServer::scripted(move |seen| {
        if id_of(seen) == "root" && (seen.operation == READ || reads > 0) {
            reads += 1;
            return run("root", "COMPLETED", &["late"]);
        }
        answer(seen)
    })
    .await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!(ids(&tree.children), ["late"]);
    assert!(tree.has_ended());
}

/// The first run is idle while its child is at work, and wakes two looks after its end.
fn wakes_again() -> impl FnMut(&Seen) -> Reply + Send {
    let woken = [["RUNNING"; 3], ["COMPLETED"; 3]].concat();
    let idle = ["COMPLETED"; 7].into_iter();
    let parent = idle.chain(woken).map(|status| (status, vec!["child"]));
    let child = [["RUNNING"; 5], ["COMPLETED"; 5]].concat();
    family([("root", parent.collect()), ("child", lives(child))])
}

#[tokio::test]
async fn a_parent_that_wakes_when_its_child_ends_is_waited_for() {
    let server = FaultServer::scripted(wakes_again()).await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended();
    let tree = wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    assert!(tree.has_ended());
    // Idle for 7 looks, awake for 3, then 10 s in which nothing changes.
    assert_eq!(clock.now(), Duration::from_secs(7 + 3 + 1 + 10));
}

#[tokio::test]
async fn the_time_to_settle_is_what_it_is_set_to() {
    let server = FaultServer::scripted(wakes_again()).await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended().settle_time(Duration::ZERO);
    let tree = wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    // Too short here: the parent still wakes afterwards.
    assert!(tree.has_ended());
    assert_eq!(clock.now(), Duration::from_secs(6));

    let server = FaultServer::scripted(wakes_again()).await;
    let (session, clock) = root(&server);
    let minute = Duration::from_secs(60);
    let wait = session.tree().until_ended().settle_time(minute);
    wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    assert_eq!(clock.now(), Duration::from_secs(7 + 3 + 1) + minute);
}

#[tokio::test]
async fn a_parent_that_is_called_back_on_the_emulator_has_the_childs_news() {
    let child = Child::from(Scenario::completed()).with_callback([
        Stage::new("RUNNING").reads(2),
        Stage::new("COMPLETED").message("assistant", "The sub-agent found two gaps."),
    ]);
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(child)
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "I asked a sub-agent.");
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::key_and_secret(
            emulator.key(),
            emulator.secret(),
        ))
        .clock(VirtualClock::new())
        .build()
        .unwrap();
    let session = client.start(TriggerRun::agent("a")).await.unwrap();
    let tree = session.tree().until_ended().await.unwrap();
    let answer = tree.run.as_ref().unwrap().answer();
    assert_eq!(answer, Some("The sub-agent found two gaps."));
    assert_eq!((tree.children.len(), tree.runs().count()), (1, 2));
}

/// A family whose child is answered with `failures` first, one a look, and is well then.
fn child_fails(failures: Vec<Reply>) -> impl FnMut(&Seen) -> Reply + Send {
    let mut failures = failures.into_iter();
    let mut answer = family([
        ("root", always("COMPLETED", &["child"])),
        ("child", lives(["RUNNING", "COMPLETED"])),
    ]);
    move |seen| {
        let is_look = id_of(seen) == "child" && seen.operation == LOOK;
        let failure = if is_look { failures.next() } else { None };
        failure.unwrap_or_else(|| answer(seen))
    }
}

#[tokio::test]
async fn a_child_that_fails_temporarily_is_waited_for_however_often() {
    let failures = vec![Reply::html(502); 30];
    let server = FaultServer::scripted(child_fails(failures)).await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!((tree.runs().count(), tree.failures().count()), (2, 0));
    assert!(requests_for(&server, LOOK, "child") > 30);
}

#[tokio::test]
async fn a_child_that_cannot_be_read_for_a_while_is_waited_for() {
    let server = FaultServer::scripted(child_fails(vec![no_such_run(); 10])).await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!((tree.runs().count(), tree.failures().count()), (2, 0));
}

#[tokio::test]
async fn a_child_that_cannot_be_read_for_two_minutes_is_given_up_and_reported() {
    let server = FaultServer::scripted(family([
        ("root", always("COMPLETED", &["gone", "child"])),
        ("child", lives(["RUNNING", "RUNNING", "COMPLETED"])),
    ]))
    .await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended().settle_time(Duration::ZERO);
    let tree = wait.poll_interval(Duration::from_secs(30)).await.unwrap();
    assert_eq!((tree.runs().count(), tree.failures().count()), (2, 1));
    assert_eq!(requests_for(&server, LOOK, "gone"), 5);
    // Two minutes of it, and the rest of the tree was read no more often than it had to.
    assert!(clock.now() <= Duration::from_secs(210), "{:?}", clock.now());
    assert!(requests_for(&server, LOOK, "child") <= 4);
}

#[tokio::test]
async fn a_child_that_must_not_be_read_is_given_up_and_reported() {
    let mut answer = family([("root", always("COMPLETED", &["secret"]))]);
    let server = FaultServer::scripted(move |seen| match id_of(seen).as_str() {
        "secret" => Reply::Http(403, vec![], String::new()),
        _ => answer(seen),
    })
    .await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    let (id, error) = tree.failures().next().unwrap();
    assert_eq!(id.as_str(), "secret");
    assert!(matches!(error, Error::Unauthorized { status: 403, .. }));
}

#[tokio::test]
async fn the_timeout_is_reported_of_the_first_run_and_does_not_stop_it_once_it_has_ended() {
    for on_timeout in [OnTimeout::Leave, OnTimeout::Stop] {
        let server = FaultServer::scripted(family([
            ("root", always("COMPLETED", &["child"])),
            ("child", always("RUNNING", &[])),
        ]))
        .await;
        let (session, clock) = root(&server);
        let minute = Duration::from_secs(60);
        let wait = session.tree().until_ended().timeout(minute);
        let error = wait.on_timeout(on_timeout).await.unwrap_err();
        let Error::WaitTimeout(timeout) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(timeout.session_id.as_str(), "root");
        assert_eq!(timeout.last_status, Some(RunStatus::Completed));
        assert_eq!((timeout.elapsed, clock.now()), (minute, minute));
        assert_eq!(
            timeout.polls as usize,
            requests_for(&server, LOOK, "root"),
            "{error}"
        );
        let operations = server.operations();
        let stops = operations.iter().filter(|name| *name == STOP).count();
        // The first run has ended: there is nothing to stop.
        assert!(stops == 0 && timeout.stopped.is_none());
        let text = error.to_string();
        assert!(
            text.contains("not all of its descendants have ended"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_first_run_that_is_still_going_at_the_timeout_is_stopped_where_that_was_asked_for() {
    let server = FaultServer::scripted(family([("root", always("RUNNING", &[]))])).await;
    let (session, _) = root(&server);
    let wait = session
        .tree()
        .until_ended()
        .timeout(Duration::from_secs(60));
    let error = wait.on_timeout(OnTimeout::Stop).await.unwrap_err();
    let Error::WaitTimeout(timeout) = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(timeout.stopped, Some(Ok(_))), "{error}");
    assert_eq!(server.operations().last().unwrap(), STOP);
}

#[tokio::test]
async fn a_wait_that_could_never_end_is_refused_before_any_request() {
    let server = FaultServer::scripted(family([])).await;
    let (session, _) = root(&server);
    let wait = || session.tree().until_ended();
    for wait in [
        wait().timeout(Duration::ZERO),
        wait().poll_interval(Duration::ZERO),
    ] {
        let error = wait.await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error:?}");
    }
    assert_eq!(server.arrived(), 0);
}
#[tokio::test]
async fn a_child_that_fails_temporarily_in_the_last_read_is_read_all_the_same() {
    let mut answer = family([
        ("root", always("COMPLETED", &["child"])),
        ("child", always("COMPLETED", &[])),
    ]);
    let mut failures = 1;
    let server = FaultServer::scripted(move |seen| {
        if id_of(seen) == "child" && seen.operation == READ && failures > 0 {
            failures -= 1;
            return Reply::html(502);
        }
        answer(seen)
    })
    .await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!(tree.to_string(), "root COMPLETED\n└── child COMPLETED");
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_at_a_child_is_honoured() {
    let mut answer = family([
        ("root", always("COMPLETED", &["child"])),
        ("child", lives(["RUNNING", "RUNNING", "COMPLETED"])),
    ]);
    let mut looks = 0;
    let server = FaultServer::scripted(move |seen| {
        looks += usize::from(id_of(seen) == "child");
        match looks {
            2 => {
                looks += 1;
                Reply::too_many_requests("30")
            }
            _ => answer(seen),
        }
    })
    .await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended();
    wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    let sleeps: Vec<_> = clock.sleeps().iter().map(Duration::as_secs).collect();
    assert_eq!(sleeps[..3], [1, 30, 1]);
}

/// Everything reads as ended at once, so that only the time to settle is waited for; each look
/// takes four seconds by the clock.
#[tokio::test]
async fn a_look_at_a_large_tree_that_is_under_way_at_the_deadline_is_finished() {
    const RUNS: usize = 100;
    let clock = VirtualClock::new();
    let time = clock.clone();
    let children: Vec<_> = (1..RUNS).map(|number| format!("child-{number}")).collect();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == LOOK {
            time.advance(Duration::from_secs(4) / RUNS as u32);
        }
        let id = id_of(seen);
        let children: Vec<_> = children.iter().map(String::as_str).collect();
        let children = if id == "root" { &children[..] } else { &[] };
        run(&id, "COMPLETED", children)
    })
    .await;
    let (client, _) = fault_server::client(&server.endpoint(), |builder| {
        builder
            .clock(clock.clone())
            .request_timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(30))
    });
    let root = client.session("root").unwrap();
    let wait = root
        .tree()
        .until_ended()
        .settle_time(Duration::from_secs(600));
    let wait = wait.poll_interval(Duration::from_secs(24));
    // The first look ends after 4 s, the second begins after 28 s and ends after 32 s.
    let tree = wait.timeout(Duration::from_secs(30)).await.unwrap();
    assert!(tree.has_ended());
    assert_eq!((tree.runs().count(), tree.failures().count()), (RUNS, 0));
    let operations = server.operations();
    let looks = operations.iter().filter(|name| *name == LOOK).count();
    assert_eq!((looks, operations.len()), (2 * RUNS, 3 * RUNS));
    assert!(clock.now() >= Duration::from_secs(31), "{:?}", clock.now());
}

#[tokio::test]
async fn a_tree_that_has_ended_by_its_deadline_is_returned_although_it_has_just_changed() {
    let server = FaultServer::scripted(family([
        ("root", always("COMPLETED", &["child"])),
        (
            "child",
            lives(["RUNNING", "RUNNING", "RUNNING", "COMPLETED"]),
        ),
    ]))
    .await;
    let (session, _) = root(&server);
    let wait = session
        .tree()
        .until_ended()
        .timeout(Duration::from_secs(60));
    let tree = wait.poll_interval(Duration::from_secs(20)).await.unwrap();
    assert!(tree.has_ended());
    assert_eq!(tree.runs().count(), 2);
}
