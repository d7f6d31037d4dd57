//! `dinoai` without a command: what `paradime dinoai` does.

use std::time::Duration;

use crate::failure::Failure;
use crate::message;
use crate::options::{
    Answer, AtTimeout, Chat, Command, OnInterrupt, Pace, Request, Run, Send, Vendor, Waiting,
};

/// As long as a run can take: the vendor's command waits for ever.
const VERY_LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// The command that does the same.
pub(crate) fn command(vendor: Vendor) -> Result<Command, Failure> {
    if vendor.model_family.is_some() && vendor.session.is_some() {
        return Err(Failure::usage(
            "--model-family is for a new session; that of an existing session cannot be changed",
        ));
    }
    let pace = Pace {
        timeout: VERY_LONG,
        poll_interval: None,
    };
    let waiting = Waiting {
        pace,
        on_timeout: AtTimeout::Leave,
        on_interrupt: OnInterrupt::Leave,
        steps: true,
    };
    let message = message::given_or_piped(vendor.message)?;
    Ok(match (message, vendor.session) {
        (None, session) => Command::Chat(Chat {
            agent: vendor.agent,
            model_family: vendor.model_family,
            session,
            pace,
        }),
        (message, Some(session)) => Command::Send(Send {
            session,
            message,
            message_file: None,
            answer: Answer::default(),
            waiting,
        }),
        (message, None) => Command::Run(Run {
            request: Request {
                agent: vendor.agent,
                message,
                slack_channel: None,
                slack_thread: None,
                base_branch: None,
                model_family: vendor.model_family,
            },
            message_file: None,
            detach: false,
            answer: Answer::default(),
            waiting,
        }),
    })
}
