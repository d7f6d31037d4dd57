//! A tree has each descendant once, in the order of the API, under a bound of requests.

use std::time::Duration;

use dinoai::Error;

use crate::support::fault_server::Reply;
use crate::support::operations::{DIGEST, READ};
use crate::support::shown_run::id_of;
use crate::trees::api::{always, ids, lives, root, run, serves, tree_of};

#[tokio::test]
async fn descendants_are_read_several_at_a_time_and_never_more_than_the_bound() {
    let children: Vec<_> = (0..24).map(|number| format!("child-{number}")).collect();
    for (bound, more_than_one) in [(None, true), (Some(3), true), (Some(0), false)] {
        let names = children.clone();
        let server = serves(move |seen| {
            let id = id_of(seen).to_owned();
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
async fn a_wait_looks_at_descendants_under_the_same_bound() {
    let server = serves(|seen| {
        let id = id_of(seen).to_owned();
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
    let server = serves(|seen| {
        let (children, late): (&[&str], u64) = match id_of(seen) {
            "root" => (&["z", "a", "m"], 0),
            "z" => (&["z-2", "z-1"], 40),
            "a" => (&["a-1"], 20),
            _ => (&[], 0),
        };
        let answer = run(id_of(seen), "COMPLETED", children);
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
    let server = serves(tree_of([
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
    let server = serves(tree_of([
        ("root", always("COMPLETED", &["root", "a"])),
        ("a", always("COMPLETED", &["root", "a"])),
    ]))
    .await;
    let tree = root(&server).0.tree().until_ended().await.unwrap();
    assert_eq!(tree.runs().count(), 2);
}

#[tokio::test]
async fn a_child_that_cannot_be_read_is_reported_and_the_rest_stands() {
    let server = serves(tree_of([
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
    let server = serves(tree_of([])).await;
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
    let mut answer = tree_of([
        ("root", always("COMPLETED", &["a", "b"])),
        ("a", always("COMPLETED", &[])),
        ("b", always("COMPLETED", &[])),
    ]);
    let server = serves(move |seen| {
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
    let server = serves(|seen| {
        let id = id_of(seen).to_owned();
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
async fn descendants_are_drawn_as_a_tree() {
    let server = serves(tree_of([
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
async fn a_run_without_children_needs_no_quiet_period() {
    let server = serves(tree_of([("root", lives(["RUNNING", "COMPLETED"]))])).await;
    let (session, clock) = root(&server);
    let wait = session.tree().until_ended();
    let tree = wait.poll_interval(Duration::from_secs(3)).await.unwrap();
    assert_eq!(tree.to_string(), "root COMPLETED");
    assert_eq!(clock.sleeps(), [Duration::from_secs(3)]);
    assert_eq!(server.operations(), [DIGEST, DIGEST, READ]);
}
