//! `wait_run`: waits a while for a run, or for the turn of a follow-up, to end.

use std::num::NonZeroU32;
use std::time::Duration;

use dinoai::{Error, Run, RunStatus};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::deadline::Deadline;
use super::reply::{Problem, Reply, result};
use super::shared::{Conversation, Shared};
use super::transcript::{Excerpt, MOST_CHARACTERS, Shown, numbered};

pub(super) const NAME: &str = "wait_run";

pub(super) const DESCRIPTION: &str = "\
Waits for a run to end, for at most 45 seconds a call. If the run has ended, the reply has its status and the \
agent's answer. If not, the reply says so, which is no failure: runs take minutes to hours. Then call wait_run \
again with the same session_id, as often as it takes; waiting costs nothing and leaves the run as it is. After \
send_message it waits for the answer to that message. Several runs can be waited for at the same time, by a \
call each. A status COMPLETED is a success; FAILED, EXPIRED and STOPPED are ends without one.";

/// How many messages are shown before the answer, at most.
const MOST_MESSAGES: usize = 20;

/// For how long the turn of a follow-up may show no sign of life.
const GRACE: Duration = Duration::from_secs(120);

/// Which run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The run, as start_agent or list_runs has named it.
    session_id: String,
    /// How long to wait at most, 45 by default. More than 45 counts as 45.
    seconds: Option<NonZeroU32>,
}

/// How the run is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Waited {
    session_id: String,
    /// QUEUED, RUNNING, COMPLETED, FAILED, EXPIRED, STOPPED, or a word that is new.
    status: String,
    /// Whether the run, or the turn of the last message, has ended.
    ended: bool,
    /// The agent's last message, once that has ended; missing if it wrote none.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Shown>,
    /// What the agent wrote before the answer: since the last message that was sent to it from here, or
    /// since the start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    earlier_messages: Vec<Shown>,
    /// How many of them, the older ones, are left out: get_run shows them.
    #[serde(skip_serializing_if = "is_zero")]
    earlier_messages_left_out: usize,
    /// Why the status may be out of date.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_poll_failed: Option<String>,
    /// What to do next.
    next: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

pub(super) async fn wait_run(
    shared: &Shared<'_>,
    arguments: Arguments,
    deadline: Deadline,
) -> Reply {
    const MOST_SECONDS: u32 = 45;

    let conversation = shared.conversation(&arguments.session_id)?;
    let seconds = arguments.seconds.map_or(MOST_SECONDS, NonZeroU32::get);
    let seconds = Duration::from_secs(seconds.min(MOST_SECONDS).into());
    let until = Instant::now() + seconds.min(deadline.left());
    // The turn of a message that is on its way is not there to be waited for yet.
    let is_sent = timeout_at(until, conversation.sending.lock()).await.is_ok();
    let left = until.saturating_duration_since(Instant::now());
    if !is_sent || left.is_zero() {
        return Err(Problem::new(ON_ITS_WAY));
    }
    let wait = conversation.session.wait().timeout(left);
    let waited = tokio::select! {
        waited = wait.into_future() => waited,
        () = shared.until_closing() => return Err(Problem::new("nobody waits any more; the run goes on")),
    };
    match waited {
        Ok(run) => ended(shared, &conversation, &run).await,
        Err(Error::RunFailed { run, .. }) => ended(shared, &conversation, &run).await,
        Err(Error::WaitTimeout(timeout)) => {
            let Some(status) = &timeout.last_status else {
                let error = Error::WaitTimeout(timeout);
                return Err(shared.problem(error, AGAIN));
            };
            let is_silent = status.is_terminal()
                && timeout.last_error.is_none()
                && conversation.session.checkpoint().has_open_turn();
            let silence = match is_silent {
                true => conversation.silence.get() + timeout.elapsed,
                false => Duration::ZERO,
            };
            conversation.silence.set(silence);
            if silence >= GRACE {
                return Err(Problem::new(format!(
                    "the agent shows no sign of the last message after {} s (status {status}): it may be \
                     lost. Call get_run to see whether it is in the conversation. Ask the user before you \
                     send it again.",
                    silence.as_secs()
                )));
            }
            let next = match is_silent {
                true => "the agent has not taken up the last message yet: call wait_run again",
                false => "the run has not ended: call wait_run again with the same session_id",
            };
            result(&Waited {
                status: status.to_string(),
                ended: false,
                last_poll_failed: timeout.last_error.as_ref().map(ToString::to_string),
                ..of(&conversation, next)
            })
        }
        Err(error) => Err(shared.problem(error, AGAIN)),
    }
}

const ON_ITS_WAY: &str =
    "The last message is still on its way: call wait_run again with the same session_id.";

const AGAIN: &str = "Nothing was stopped: call wait_run again with the same session_id.";

fn of(conversation: &Conversation, next: impl Into<String>) -> Waited {
    Waited {
        session_id: conversation.session.id().to_string(),
        status: String::new(),
        ended: true,
        answer: None,
        earlier_messages: vec![],
        earlier_messages_left_out: 0,
        last_poll_failed: None,
        next: next.into(),
    }
}

async fn ended(shared: &Shared<'_>, conversation: &Conversation, run: &Run) -> Reply {
    shared.note_end(conversation, &run.status).await;
    let mut messages = numbered(run);
    messages.retain(|(_, message)| conversation.is_of_turn(message));
    let answer = messages.pop();
    let answer = answer.map(|(number, message)| Shown::part(number, message, 0, MOST_CHARACTERS));
    let earlier = Excerpt::newest(&messages, MOST_MESSAGES, MOST_CHARACTERS / 4);
    let next = next_after(&run.status, answer.as_ref());
    result(&Waited {
        status: run.status.to_string(),
        answer,
        earlier_messages: earlier.shown,
        earlier_messages_left_out: earlier.left_out,
        ..of(conversation, next)
    })
}

/// What to do about a run that has ended like this.
fn next_after(status: &RunStatus, answer: Option<&Shown>) -> String {
    let rest = answer.and_then(|shown| Some((shown.number, shown.next_offset?)));
    let rest = rest.map(|(number, offset)| {
        format!("the answer goes on: call get_run with message {number} and offset {offset}")
    });
    if *status != RunStatus::Completed {
        let rest = rest.map_or(String::new(), |rest| format!("; {rest}"));
        return format!(
            "the run has ended without success ({status}): tell the user so, with what the agent wrote as the \
             reason, if it wrote one{rest}. get_run shows what it did. send_message asks the agent to go on in \
             the same conversation. start_agent with the same key returns this run again: use a new key only if \
             the user wants another run"
        );
    }
    match (rest, answer) {
        (Some(rest), _) => rest,
        (None, Some(_)) => {
            "done: report the answer to the user; send_message asks the agent for more".to_owned()
        }
        (None, None) => "the agent wrote nothing: get_run shows the whole conversation".to_owned(),
    }
}
