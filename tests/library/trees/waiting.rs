//! A wait for a tree waits for every descendant, also for those that appear meanwhile.

use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, OnTimeout, RunStatus, TriggerRun};
use dinoai_emulator::{Child, Emulator, Scenario, Stage};

use crate::support::emulated::client_of;
use crate::support::fault_server;
use crate::support::fault_server::{Reply, Seen};
use crate::support::operations::{DIGEST, READ, STOP};
use crate::support::samples::no_such_run;
use crate::support::shown_run::id_of;
use crate::trees::api::{always, ids, lives, looks, requests_for, root, run, serves, tree_of};

#[tokio::test]
async fn all_descendants_are_waited_for_however_the_first_run_reads() {
    let mut grandchild = vec!["RUNNING"; 40];
    grandchild.push("FAILED");
    let server = serves(tree_of([
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
    let server = serves(tree_of([
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
    let mut answer = tree_of([
        ("root", always("COMPLETED", &[])),
        ("late", lives(["RUNNING", "RUNNING", "COMPLETED"])),
    ]);
    let mut reads = 0;
    let server = serves(move |seen| {
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

/// The first run is idle while its child is in progress, and wakes two looks after its end.
fn wakes_again() -> impl FnMut(&Seen) -> Reply + Send {
    let woken = [["RUNNING"; 3], ["COMPLETED"; 3]].concat();
    let idle = ["COMPLETED"; 7].into_iter();
    let parent = idle.chain(woken).map(|status| (status, vec!["child"]));
    let child = [["RUNNING"; 5], ["COMPLETED"; 5]].concat();
    tree_of([("root", parent.collect()), ("child", lives(child))])
}

#[tokio::test]
async fn a_parent_that_wakes_when_its_child_ends_is_waited_for() {
    let server = serves(wakes_again()).await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended();
    let tree = wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    assert!(tree.has_ended());
    // Idle for 7 looks, awake for 3, then 10 s in which nothing changes.
    assert_eq!(clock.now(), Duration::from_secs(7 + 3 + 1 + 10));
}

#[tokio::test]
async fn the_quiet_period_is_what_it_is_set_to() {
    let server = serves(wakes_again()).await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended().quiet_period(Duration::ZERO);
    let tree = wait.poll_interval(Duration::from_secs(1)).await.unwrap();
    // Too short here: the parent still wakes afterwards.
    assert!(tree.has_ended());
    assert_eq!(clock.now(), Duration::from_secs(6));

    let server = serves(wakes_again()).await;
    let (session, clock) = root(&server);
    let minute = Duration::from_secs(60);
    let wait = session.tree().until_ended().quiet_period(minute);
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
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::agent("a")).await.unwrap();
    let tree = session.tree().until_ended().await.unwrap();
    let answer = tree.run.as_ref().unwrap().answer();
    assert_eq!(answer, Some("The sub-agent found two gaps."));
    assert_eq!((tree.children.len(), tree.runs().count()), (1, 2));
}

/// A tree whose child is answered with `failures` first, one a look, and is well then.
fn child_fails(failures: Vec<Reply>) -> impl FnMut(&Seen) -> Reply + Send {
    let mut failures = failures.into_iter();
    let mut answer = tree_of([
        ("root", always("COMPLETED", &["child"])),
        ("child", lives(["RUNNING", "COMPLETED"])),
    ]);
    move |seen| {
        let is_look = id_of(seen) == "child" && seen.operation == DIGEST;
        let failure = if is_look { failures.next() } else { None };
        failure.unwrap_or_else(|| answer(seen))
    }
}

#[tokio::test]
async fn a_child_that_fails_temporarily_is_waited_for_however_often() {
    let failures = vec![Reply::html(502); 30];
    let server = serves(child_fails(failures)).await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!((tree.runs().count(), tree.failures().count()), (2, 0));
    assert!(requests_for(&server, DIGEST, "child") > 30);
}

#[tokio::test]
async fn a_child_that_cannot_be_read_for_a_while_is_waited_for() {
    let server = serves(child_fails(vec![no_such_run(); 10])).await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!((tree.runs().count(), tree.failures().count()), (2, 0));
}

#[tokio::test]
async fn a_child_that_cannot_be_read_for_two_minutes_is_given_up_and_reported() {
    let server = serves(tree_of([
        ("root", always("COMPLETED", &["gone", "child"])),
        ("child", lives(["RUNNING", "RUNNING", "COMPLETED"])),
    ]))
    .await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended().quiet_period(Duration::ZERO);
    let tree = wait.poll_interval(Duration::from_secs(30)).await.unwrap();
    assert_eq!((tree.runs().count(), tree.failures().count()), (2, 1));
    assert_eq!(requests_for(&server, DIGEST, "gone"), 5);
    // Two minutes of it, and the rest of the tree was read no more often than it had to.
    assert!(clock.now() <= Duration::from_secs(210), "{:?}", clock.now());
    assert!(requests_for(&server, DIGEST, "child") <= 4);
}

#[tokio::test]
async fn a_child_that_must_not_be_read_is_given_up_and_reported() {
    let mut answer = tree_of([("root", always("COMPLETED", &["secret"]))]);
    let server = serves(move |seen| match id_of(seen) {
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
        let server = serves(tree_of([
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
            requests_for(&server, DIGEST, "root"),
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
    let server = serves(tree_of([("root", always("RUNNING", &[]))])).await;
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
    let server = serves(tree_of([])).await;
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
    let mut answer = tree_of([
        ("root", always("COMPLETED", &["child"])),
        ("child", always("COMPLETED", &[])),
    ]);
    let mut failures = 1;
    let server = serves(move |seen| {
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
    let mut answer = tree_of([
        ("root", always("COMPLETED", &["child"])),
        ("child", lives(["RUNNING", "RUNNING", "COMPLETED"])),
    ]);
    let mut looks = 0;
    let server = serves(move |seen| {
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

/// Everything reads as ended at once, so that only the quiet period is waited for; each look
/// takes four seconds by the clock.
#[tokio::test]
async fn a_look_at_a_large_tree_that_is_under_way_at_the_deadline_is_finished() {
    const RUNS: usize = 100;
    let clock = VirtualClock::new();
    let time = clock.clone();
    let children: Vec<_> = (1..RUNS).map(|number| format!("child-{number}")).collect();
    let server = serves(move |seen| {
        if seen.operation == DIGEST {
            time.advance(Duration::from_secs(4) / RUNS as u32);
        }
        let id = id_of(seen).to_owned();
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
        .quiet_period(Duration::from_secs(600));
    let wait = wait.poll_interval(Duration::from_secs(24));
    // The first look ends after 4 s, the second begins after 28 s and ends after 32 s.
    let tree = wait.timeout(Duration::from_secs(30)).await.unwrap();
    assert!(tree.has_ended());
    assert_eq!((tree.runs().count(), tree.failures().count()), (RUNS, 0));
    // The first run alone and its children in two requests, all in two requests, all reads.
    assert_eq!(looks(&server), 2 * RUNS);
    assert_eq!(server.arrived(), (1 + 2) + 2 + RUNS);
    assert!(clock.now() >= Duration::from_secs(31), "{:?}", clock.now());
}

#[tokio::test]
async fn a_tree_that_has_ended_by_its_deadline_is_returned_although_it_has_just_changed() {
    let server = serves(tree_of([
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
