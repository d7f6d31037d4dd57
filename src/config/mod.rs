//! Where a client's endpoint and credentials come from, and how they are kept out of what is shown.

mod credentials;
mod credentials_file;
mod endpoint;
mod origins;
mod save;
mod sources;

pub use credentials::Credentials;

pub(crate) use credentials::{name_workspace, names_workspace, workspace};
#[cfg(any(test, fuzzing))]
pub(crate) use credentials_file::{Content, line};
pub(crate) use endpoint::Endpoint;
pub(crate) use origins::{Origins, list};
pub(crate) use sources::{Account, Wanted};
