//! Runs: how each of them goes on, and all of them together.
//!
//! The [`store`] has every run of an emulator; [`state`] is one of them, [`record`] what is said of it to
//! the program that has started the emulator. Which scenario a run follows is said by [`workspace`].

mod record;
mod state;
mod store;
mod workspace;

pub use record::{Message, Run, Slack};
pub(crate) use state::{RunState, TranscriptMessage};
pub(crate) use store::{NotSent, RunStore, TriggerInput};
pub(crate) use workspace::{Scenarios, UnknownAgent, Workspace};
