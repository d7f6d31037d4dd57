//! `dinoai` without a command: what `paradime dinoai` does. [`command`] makes `run`, `send` or `chat` of
//! its options.

use std::time::Duration;

use super::message;
use crate::args::{
    AnswerArgs, AtTimeout, ChatArgs, Command, CompatArgs, FollowArgs, JournalArgs, OnInterrupt,
    OnceArgs, PollArgs, RequestArgs, RunArgs, SendArgs,
};
use crate::report::Failure;

/// As long as a run can take: the vendor's command waits for ever.
const VERY_LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// The command that does the same.
pub(crate) fn command(compat: CompatArgs) -> Result<Command, Failure> {
    if compat.model_family.is_some() && compat.session.is_some() {
        return Err(Failure::usage(
            "--model-family is for a new session; an existing session keeps its model family",
        ));
    }
    let poll = PollArgs {
        timeout: VERY_LONG,
        poll_interval: None,
    };
    let follow = FollowArgs {
        stall: None,
        poll,
        on_timeout: AtTimeout::Leave,
        on_interrupt: OnInterrupt::Leave,
        steps: true,
    };
    let message = message::given_or_piped(compat.message)?;
    Ok(match (message, compat.session) {
        (None, session) => Command::Chat(ChatArgs {
            agent: compat.agent,
            model_family: compat.model_family,
            session,
            continues: false,
            journal: JournalArgs::default(),
            poll,
        }),
        (message, Some(session)) => Command::Send(SendArgs {
            session: Some(session),
            last: false,
            journal: JournalArgs::default(),
            message,
            message_file: None,
            answer: AnswerArgs::default(),
            follow,
        }),
        (message, None) => Command::Run(RunArgs {
            request: RequestArgs {
                agent: compat.agent,
                message,
                slack_channel: None,
                slack_thread: None,
                base_branch: None,
                model_family: compat.model_family,
            },
            message_file: None,
            detach: false,
            once: OnceArgs::default(),
            answer: AnswerArgs::default(),
            follow,
        }),
    })
}
