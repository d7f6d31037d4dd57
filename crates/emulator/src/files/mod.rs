//! The YAML files that an emulator can be given: the vendor's of agents, and ours of scenarios.
//!
//! Both are read by [`yaml`], which knows the line of every value. What must hold for any file at all
//! is said in `fuzzing`.

pub(crate) mod agents;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub(crate) mod scenarios;
pub(crate) mod yaml;
