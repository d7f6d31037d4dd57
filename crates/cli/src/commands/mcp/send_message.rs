//! `send_message`: sends a follow-up to a run.

use std::time::Duration;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::deadline::Deadline;
use super::reply::{Problem, Reply, result};
use super::shared::Shared;

pub(super) const NAME: &str = "send_message";

pub(super) const DESCRIPTION: &str = "\
Sends a follow-up message to a run that exists, for example a question about its answer or the next step. It \
wakes a run that has ended, and is accepted at once by one that is in progress. It costs money as a run does. \
Returns once the message is accepted: then call wait_run with the same session_id, which waits for the answer \
to it. A message has no key: every call sends it once more. So if a call fails with an unknown outcome, or was \
cancelled, do not send the message again: wait_run and get_run show what became of it.";

/// What to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The run, as start_agent or list_runs has named it.
    session_id: String,
    /// The text for the agent, which knows the conversation of this run and nothing else.
    message: String,
}

/// The message was accepted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sent {
    session_id: String,
    /// Always true: else the call fails.
    accepted: bool,
    /// What to do next.
    next: &'static str,
}

/// What is replied while that is not known.
pub(super) const LATE: &str = "\
The message is still on its way, and nobody knows yet whether the agent gets it. Do not send it again: call \
wait_run, which waits for what comes of it and then for the answer, or get_run, which shows whether the message \
is in the conversation.";

/// How long the message may take to leave, at least.
const FOR_THE_MESSAGE: Duration = Duration::from_secs(20);

pub(super) async fn send_message(
    shared: &Shared<'_>,
    arguments: Arguments,
    deadline: Deadline,
) -> Reply {
    const NOT_SENT: &str = "The message was not sent.";

    shared.check_allowed("sending a message")?;
    if arguments.message.trim().is_empty() {
        return Err(Problem::new("`message` is blank; nothing was sent"));
    }
    let conversation = shared.conversation(&arguments.session_id)?;
    let before_it = || deadline.left_before(FOR_THE_MESSAGE);
    // One after the other: what is there before a message is not the answer to it.
    let sending = timeout(before_it(), conversation.sending.lock()).await;
    let Ok(_sending) = sending else {
        return Err(Problem::new(format!(
            "another message to this run is still on its way. {NOT_SENT} Call wait_run first."
        )));
    };
    let before = conversation.session.run().timeout(before_it()).await;
    let before = before.map_err(|error| shared.problem(error, NOT_SENT))?;
    let send = conversation.session.send(arguments.message);
    match send.timeout(deadline.left()).await {
        Ok(accepted) => {
            conversation.begin_turn(&before);
            shared.started.note(&accepted.session_id);
            result(&Sent {
                session_id: accepted.session_id.to_string(),
                accepted: true,
                next: "call wait_run with this session_id for the agent's answer",
            })
        }
        Err(error) if error.may_have_started() => {
            conversation.begin_turn(&before);
            Err(shared.problem(
                error,
                "Nobody knows whether the agent got the message. Do not send it again: call wait_run, which \
                 waits for the answer if there is one, or get_run, which shows whether the message is in the \
                 conversation.",
            ))
        }
        Err(error) => Err(shared.problem(error, NOT_SENT)),
    }
}
