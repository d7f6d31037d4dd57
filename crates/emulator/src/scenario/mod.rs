//! How a run goes: the stages it passes through, and what appears in each.
//!
//! A scenario is a plan, not a state: any number of runs can follow the same one. [`recursive`] has
//! the types, which hold each other: a scenario has stages, a stage starts children, and a child can
//! have a scenario of its own. [`compose`] has the methods that make one of its parts, [`presets`]
//! those that are ready.

mod compose;
mod presets;
mod recursive;
mod status;
mod step;

pub use recursive::{Child, Scenario, Stage};
pub(crate) use recursive::{Effect, Effects, StageLength, StepAccess};
pub use status::Status;
pub use step::Step;
pub(crate) use step::StepRole;
