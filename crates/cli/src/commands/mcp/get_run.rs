//! `get_run`: the status of a run, and its newest messages or those before.

use std::num::NonZeroU32;

use dinoai::Run;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::deadline::Deadline;
use super::reply::{Problem, Reply, result};
use super::shared::Shared;
use super::transcript::{Excerpt, MOST_CHARACTERS, Shown, numbered};

pub(super) const NAME: &str = "get_run";

pub(super) const DESCRIPTION: &str = "\
Reads a run as it is now: its status, its newest messages, and the runs that it has started (sub-agents). \
Waits for nothing and changes nothing. A reply has at most 20000 characters of messages, and says what it \
leaves out: older messages are read with `before`, the rest of a long one with `message` and `offset`. To wait \
for the end of a run use wait_run, which needs fewer calls.";

/// How many children are named, at most.
const MOST_CHILDREN: usize = 100;

/// Which run, and what of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The run, as start_agent or list_runs has named it.
    session_id: String,
    /// How many messages to show at most, the newest first to count: 10 by default. More than 100 counts as
    /// 100.
    last: Option<NonZeroU32>,
    /// Only messages before the one with this number.
    before: Option<usize>,
    /// Only the message with this number.
    message: Option<usize>,
    /// Only what follows after this many characters, of the one message that `message` names.
    offset: Option<usize>,
}

/// A run, and a part of its conversation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Read {
    session_id: String,
    /// QUEUED, RUNNING, COMPLETED, FAILED, EXPIRED, STOPPED, or a word that is new.
    status: String,
    /// Whether it has ended; a message that is sent to it can wake it.
    ended: bool,
    /// Oldest first.
    messages: Vec<Shown>,
    /// How many messages the conversation has.
    message_count: usize,
    /// The runs that this run has started. Each can be read with get_run, and waited for.
    child_session_ids: Vec<String>,
    /// How many of them are not named.
    children_left_out: usize,
    /// What is left out, and how to read it.
    next: String,
}

pub(super) async fn get_run(
    shared: &Shared<'_>,
    arguments: Arguments,
    deadline: Deadline,
) -> Reply {
    if arguments.message.is_none() && arguments.offset.is_some() {
        return Err(Problem::new(
            "`offset` needs `message`, the number of one message",
        ));
    }
    if arguments.message.is_some() && (arguments.last.is_some() || arguments.before.is_some()) {
        return Err(Problem::new(
            "`message` names one message; leave out `last` and `before`",
        ));
    }
    let conversation = shared.conversation(&arguments.session_id)?;
    let run = conversation.session.run().timeout(deadline.left()).await;
    let run = run.map_err(|error| shared.problem(error, ""))?;
    if run.status.is_terminal() {
        shared.note_end(&conversation, &run.status).await;
    }
    let (messages, next) = part(&run, &arguments)?;
    let children = run.child_session_ids.iter().map(ToString::to_string);
    result(&Read {
        session_id: run.session_id.to_string(),
        status: run.status.to_string(),
        ended: run.status.is_terminal(),
        messages,
        message_count: run.messages.len(),
        child_session_ids: children.take(MOST_CHILDREN).collect(),
        children_left_out: run.child_session_ids.len().saturating_sub(MOST_CHILDREN),
        next,
    })
}

/// The messages that are asked for, and how to read those that are left out.
fn part(run: &Run, arguments: &Arguments) -> Result<(Vec<Shown>, String), Problem> {
    const DEFAULT: u32 = 10;
    const MOST: u32 = 100;

    let all = numbered(run);
    if let Some(wanted) = arguments.message {
        let found = all.iter().find(|(number, _)| *number == wanted);
        let Some((number, message)) = found else {
            let count = all.len();
            return Err(Problem::new(format!(
                "there is no message {wanted}: the conversation has {count}, from 1 on"
            )));
        };
        let offset = arguments.offset.unwrap_or(0);
        let shown = Shown::part(*number, message, offset, MOST_CHARACTERS);
        let next = rest_of(&shown).unwrap_or_else(|| "this is the end of the message".to_owned());
        return Ok((vec![shown], next));
    }
    let before = arguments.before.unwrap_or(usize::MAX);
    let newer = all.iter().filter(|(number, _)| *number >= before).count();
    let all = &all[..all.len() - newer];
    let most = arguments.last.map_or(DEFAULT, NonZeroU32::get).min(MOST);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let excerpt = Excerpt::newest(all, most, MOST_CHARACTERS);
    let mut next = vec![];
    next.extend(excerpt.shown.iter().find_map(rest_of));
    if let (Some(first), left_out @ 1..) = (excerpt.shown.first(), excerpt.left_out) {
        let first = first.number;
        next.push(format!(
            "older messages left out: {left_out}; to read them, call get_run with before {first}"
        ));
    }
    if newer > 0 {
        next.push(format!("newer messages left out: {newer}"));
    }
    if next.is_empty() {
        next.push("these are all messages".to_owned());
    }
    Ok((excerpt.shown, next.join("; ")))
}

/// How to read on in a message that is not shown to its end.
fn rest_of(shown: &Shown) -> Option<String> {
    let (number, offset) = (shown.number, shown.next_offset?);
    Some(format!(
        "message {number} goes on: call get_run with message {number} and offset {offset}"
    ))
}
