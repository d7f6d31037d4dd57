//! The nouns of the API as plain data: clone them, compare them, store them. No I/O.

mod run;
mod session_id;
mod step;
mod timestamp;
mod trigger;
mod workspace;

pub use run::{Accepted, Message, Run, RunStatus, UnknownStatus};
pub use session_id::{InvalidSessionId, SessionId};
pub use step::{RunSteps, StartupStep, Step, StepOptions};
pub use trigger::TriggerRun;
pub use workspace::Workspace;

pub(crate) use run::MessageKey;
pub(crate) use timestamp::rfc3339;
pub(crate) use trigger::Slack;
