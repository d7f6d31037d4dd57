//! Reaches for the endpoint, apart from any request: its name, its addresses, a connection.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use dinoai::reqwest::Url;

use crate::environment;

/// How long a connection to one address may take.
const LONGEST: Duration = Duration::from_secs(5);

/// How far it went.
pub(super) enum Reached {
    /// The name has no address.
    Unresolved(String),
    /// No address lets itself be connected to.
    Unconnected {
        address: SocketAddr,
        problem: String,
    },
    Connected {
        address: SocketAddr,
        took: Duration,
    },
    /// Requests go another way.
    Proxied(&'static str),
}

/// Looks the name of the endpoint up and connects to it.
pub(super) async fn reach(origin: String) -> Reached {
    let looked = tokio::task::spawn_blocking(move || look(&origin)).await;
    looked.unwrap_or_else(|_| Reached::Unresolved("the look-up has ended".to_owned()))
}

fn look(origin: &str) -> Reached {
    let addresses = Url::parse(origin)
        .map_err(|error| error.to_string())
        .and_then(|url| url.socket_addrs(|| None).map_err(|error| error.to_string()));
    if let Some(variable) = environment::proxy(origin)
        && !is_loopback(&addresses)
    {
        return Reached::Proxied(variable);
    }
    let addresses = match addresses {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) => return Reached::Unresolved("it has no address".to_owned()),
        Err(problem) => return Reached::Unresolved(problem),
    };
    let mut failed = None;
    for address in addresses {
        let begun = Instant::now();
        match TcpStream::connect_timeout(&address, LONGEST) {
            Ok(_) => {
                let took = begun.elapsed();
                return Reached::Connected { address, took };
            }
            Err(error) => {
                let problem = error.to_string();
                failed.get_or_insert(Reached::Unconnected { address, problem });
            }
        }
    }
    failed.unwrap_or_else(|| Reached::Unresolved("it has no address".to_owned()))
}

/// No proxy is used for this machine.
fn is_loopback(addresses: &Result<Vec<SocketAddr>, String>) -> bool {
    let addresses = addresses.as_deref().unwrap_or_default();
    addresses.iter().any(|address| address.ip().is_loopback())
}

impl fmt::Display for Reached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(problem) => {
                write!(formatter, "its name could not be resolved ({problem})")
            }
            Self::Unconnected { address, problem } => {
                write!(formatter, "no connection to {address} ({problem})")
            }
            Self::Connected { address, took } => {
                write!(formatter, "connected to {address} in {took:.0?}")
            }
            Self::Proxied(variable) => {
                write!(formatter, "through the proxy that {variable} names")
            }
        }
    }
}
