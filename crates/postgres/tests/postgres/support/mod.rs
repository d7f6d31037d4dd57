//! What the tests share: servers, a proxy that counts, a pooler, and entries; and what the library's tests have
//! to kill processes.

mod entries;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../../../../../tests/support/fault_server/mod.rs"]
pub(crate) mod fault_server;
#[path = "../../../../../tests/support/kills/mod.rs"]
pub(crate) mod kills;
mod pooler;
mod proxy;
mod server;

pub(crate) use entries::{done, ended, error_of, find, free, started, store};
pub(crate) use pooler::Pooler;
pub(crate) use proxy::Proxy;
pub(crate) use server::{Options, PASSWORD, Server, encoded};
