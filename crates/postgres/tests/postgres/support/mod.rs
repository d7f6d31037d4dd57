//! What the tests share: servers, a proxy that counts, a pooler, and entries.

mod entries;
mod pooler;
mod proxy;
mod server;

pub(crate) use entries::{done, ended, error_of, find, free, started, store};
pub(crate) use pooler::Pooler;
pub(crate) use proxy::Proxy;
pub(crate) use server::{Options, PASSWORD, Server, encoded};
