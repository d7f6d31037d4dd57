//! What the tests here share: a conversation of two turns, and the ways to wait for the second.

use std::time::Duration;

use dinoai::{Event, Result, Session};
use serde_json::Value;

use crate::support::samples::seconds;
use crate::support::shown_run::{agent, user};

/// The conversation before the follow-up.
pub(crate) fn first_turn() -> Vec<Value> {
    vec![user(1.0, "start"), agent(2.0, "the first answer")]
}

/// The conversation once the follow-up is answered.
pub(crate) fn both_turns() -> Vec<Value> {
    let second = [user(100.0, "And now?"), agent(101.0, "the second answer")];
    [first_turn(), second.into()].concat()
}

/// The ways to wait for what comes of a follow-up.
pub(crate) const WAYS: [&str; 3] = ["ask", "wait", "watch"];

/// The agent's latest message at the end of a follow-up that is waited for in this way, with a
/// poll each six seconds.
pub(crate) async fn answer(
    way: &str,
    session: &Session,
    timeout: Duration,
) -> Result<Option<String>> {
    let interval = seconds(6);
    if way == "ask" {
        let ask = session.ask("And now?").timeout(timeout);
        let turn = ask.poll_interval(interval).await?;
        return Ok(turn.answer().map(str::to_owned));
    }
    session.send("And now?").await?;
    let run = match way {
        "wait" => {
            let wait = session.wait().timeout(timeout);
            wait.poll_interval(interval).await?
        }
        "watch" => {
            let watch = session.watch().timeout(timeout);
            let mut watch = watch.poll_interval(interval).events();
            loop {
                match watch.next().await.unwrap()? {
                    Event::Ended(run) => break run,
                    _ => continue,
                }
            }
        }
        "tree" => {
            let wait = session.tree().until_ended().timeout(timeout);
            let tree = wait.poll_interval(interval).await?;
            tree.runs().next().unwrap().clone()
        }
        other => panic!("{other}"),
    };
    Ok(run.answer().map(str::to_owned))
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
