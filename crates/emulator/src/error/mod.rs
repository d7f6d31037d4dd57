//! Why an emulator could not be started, or a fault not be planned. A started one answers every
//! request, so this is the only error of the crate.

mod diagnostic;
mod sanitize;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

pub use diagnostic::Diagnostic;
pub(crate) use sanitize::sanitize;

/// Why an emulator could not be started, or a fault not be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The port could not be listened on, most often because another program has it.
    #[error(
        "cannot listen on {host}, port {port}: {source}; choose another port, or 0 for a free one"
    )]
    Listen {
        /// The address that was asked for.
        host: IpAddr,
        /// The port that was asked for.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused the thread or the event queue that the emulator runs on.
    #[error("cannot start the emulator's thread: {0}")]
    Thread(#[source] io::Error),
    /// The SDL of [`Backend::sdl`](crate::Backend::sdl) is not a valid schema.
    #[error("the backend's SDL is not a valid schema: {0}")]
    Sdl(String),
    /// A file or a folder could not be read.
    #[error("cannot read {}: {source}", sanitize(&file.to_string_lossy()))]
    File {
        /// What was to be read.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What [`Builder::allow_host`](crate::Builder::allow_host) was given is not a host.
    #[error("'{0}' is not a host: write its name or address without scheme, port and path")]
    HostName(String),
    /// A fault that cannot happen, or one more than a [plan](crate::Fault#limits) holds.
    #[error("the fault is not planned: {0}")]
    Fault(String),
    /// Files of agents, or of scenarios, are not what they should be.
    #[error("{}", listed(.0))]
    Files(Vec<Diagnostic>),
}

/// One diagnostic a line.
fn listed(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
