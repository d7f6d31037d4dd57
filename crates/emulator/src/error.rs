//! Why an emulator could not be started. A started one answers every request, so this is the
//! only error of the crate.

use std::io;
use std::net::IpAddr;

/// Why an emulator could not be started.
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
}
