//! `start_agent`: starts a run, once for its key.

use std::time::Duration;

use dinoai::{Error, Session, SessionId, StartedOnce};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::deadline::Deadline;
use super::reply::{Problem, Reply, result};
use super::shared::Shared;
use crate::args::RequestArgs;
use crate::commands::run::trigger_run;
use crate::report::hint;

pub(super) const NAME: &str = "start_agent";

pub(super) const DESCRIPTION: &str = "\
Starts a run of a DinoAI agent in the user's Paradime workspace, or attaches to the run that was started \
before under the same key. A run costs money and takes minutes to hours; the agent may change files, query \
the warehouse and open pull requests. Returns at once with a session_id: then call wait_run with it until the \
run has ended. `key` names the intention, not the call: for example `nightly/2026-11-25` or \
`review/pull-request-418`. The same key never starts a second run, so if a call was lost, timed out or was \
cancelled, call again with the same key and the same arguments. Use a new key only where the user wants \
another run. To say more to a run that exists, use send_message.";

/// What to start.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Names the intention, for example `nightly/2026-11-25`. The same key never starts a second run, and
    /// belongs to one request: other arguments are refused under it.
    key: String,
    /// Agent to run, as in `.dinoai/agents/<agent>.yml` of the workspace's repository, for example
    /// `data-quality-checker`. Without one, the message alone is the task. Either of both is needed.
    agent: Option<String>,
    /// What the agent is to do, or what to look at. Be precise: it knows nothing of this conversation.
    message: Option<String>,
    /// Branch, tag or commit to check out. One that does not exist is silently replaced by the default
    /// branch.
    base_branch: Option<String>,
    /// Model family to use. Leave it out unless the user names one.
    model_family: Option<String>,
}

/// The run of the key.
#[derive(Serialize, JsonSchema)]
pub(super) struct Started {
    /// Identifies the run: for wait_run, get_run, send_message and stop_run.
    session_id: String,
    /// How the key has led to it.
    outcome: Outcome,
    /// The run's status, QUEUED or RUNNING for example; null if it could not be read.
    status: Option<String>,
    /// What the API has changed about the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// What to do next.
    next: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// This call has started the run.
    Started,
    /// The run was started before under this key, and goes on as far as is known.
    Attached,
    /// The run was started before under this key, and has ended.
    Ended,
}

/// What is replied while it is not known what came of the start.
pub(super) const LATE: &str = "\
No answer has come in time. The start goes on, and the key keeps its run: call start_agent with the same key and \
the same arguments again, which waits for what comes of it and never starts a second run. Do not use another \
key instead: that could start the work twice.";

/// How long what follows the start may take: its status, or what the journal says of the key.
const SOON: Duration = Duration::from_secs(5);

pub(super) async fn start_agent(
    shared: &Shared<'_>,
    arguments: Arguments,
    deadline: Deadline,
) -> Reply {
    shared.check_allowed("starting a run")?;
    let ledger = shared.ledger.as_ref();
    let ledger = ledger.map_err(|failure| Problem::new(&failure.message))?;
    let key = arguments.key;
    if key.trim() == "auto" {
        return Err(Problem::new(
            "`key` cannot be auto, which is the command's word for a CI job: name the intention, for example \
             nightly/2026-11-25",
        ));
    }
    let request = RequestArgs {
        agent: arguments.agent,
        message: arguments.message,
        slack_channel: None,
        slack_thread: None,
        base_branch: arguments.base_branch,
        model_family: arguments.model_family,
    };
    let request = trigger_run(request).map_err(|failure| Problem::new(failure.message))?;
    let start = ledger.start_by(shared.client, key.clone(), request, shared.output);
    let started = start.timeout(deadline.left_before(SOON)).await;
    let unknown = |why: &str| {
        let (option, quoted) = (&ledger.option, hint::quoted(&key));
        let commands = format!(
            "if a run is there, to name it: dinoai resolve{option} {quoted} SESSION\n\
             if there is none, to free the key: dinoai retry{option} {quoted}"
        );
        Problem::new(format!(
            "{why}\nNobody knows whether a run was started under this key, so nothing is sent again. Do not \
             use another key instead: that could start the work twice. Ask the user to look into the \
             workspace (or Slack), and to decide:\n{}\nThen call start_agent with the same key again.",
            shared.output.hint_for_account(&commands)
        ))
    };
    match started {
        Ok(StartedOnce::Started(session) | StartedOnce::Restarted { session, .. }) => {
            shared.started.note(session.id());
            done(&session, Outcome::Started, deadline).await
        }
        Ok(StartedOnce::Attached(session)) => done(&session, Outcome::Attached, deadline).await,
        Ok(StartedOnce::Ended(run)) => {
            shared.started.note_end(&run.session_id);
            result(&Started {
                status: Some(run.status.to_string()),
                ..of(&run.session_id, Outcome::Ended)
            })
        }
        Ok(StartedOnce::Unknown { reason, .. }) => match ledger.is_being_started(&key).await {
            true => Err(Problem::new(IN_FLIGHT)),
            false => Err(unknown(&reason)),
        },
        Ok(_) => Err(unknown("what was found under this key is not known here")),
        Err(error) if error.may_have_started() => Err(unknown(&error.to_string())),
        Err(error) => {
            let next = next_after(&error);
            Err(shared.problem(error, next))
        }
    }
}

/// What is to be done while somebody else starts the run.
const IN_FLIGHT: &str = "\
Another program is starting the run of this key, and had not said yet what came of it. This call has sent \
nothing. Call start_agent with the same key and the same arguments again in a moment: it finds the run of that \
program. Do not use another key instead: that could start the work twice.";

/// A run that goes on, as far as is known.
async fn done(session: &Session, outcome: Outcome, deadline: Deadline) -> Reply {
    // That it has started is known; its status is extra, and must not delay that.
    let status = session
        .status()
        .timeout(SOON.min(deadline.left()))
        .await
        .ok();
    result(&Started {
        status: status.map(|status| status.to_string()),
        warning: session.warning().map(str::to_owned),
        ..of(session.id(), outcome)
    })
}

fn of(id: &SessionId, outcome: Outcome) -> Started {
    let next = match outcome {
        Outcome::Ended => "call wait_run with this session_id: it returns the answer at once",
        _ => "call wait_run with this session_id, again and again until the run has ended",
    };
    Started {
        session_id: id.to_string(),
        outcome,
        status: None,
        warning: None,
        next,
    }
}

fn next_after(error: &Error) -> &'static str {
    match error {
        Error::InvalidRequest { .. } => "",
        Error::Journal { .. } => {
            "Only the user can put the journal right; then call start_agent with the same key again."
        }
        _ => {
            "Nothing was started. Once that is put right, call start_agent with the same key again."
        }
    }
}
