//! Reaches for the endpoint, apart from any request: its name, its addresses, a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
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
    let url = match Url::parse(origin) {
        Ok(url) => url,
        Err(error) => return Reached::Unresolved(error.to_string()),
    };
    let is_local = is_local(&url);
    if let Some(variable) = environment::proxy(origin).filter(|_| !is_local) {
        return Reached::Proxied(variable);
    }
    let addresses = match url.socket_addrs(|| None) {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) => return Reached::Unresolved("it has no address".to_owned()),
        Err(error) => return Reached::Unresolved(error.to_string()),
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

/// Whether the endpoint is this machine by its name, for which the library uses no proxy. What another name
/// resolves to does not matter to it.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    match address {
        Ok(address) => address.is_loopback(),
        Err(_) => host.strip_suffix('.').unwrap_or(host) == "localhost",
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_name_alone() {
        for (url, expected) in [
            ("http://127.0.0.1:4700", true),
            ("http://127.9.9.9", true),
            ("https://[::1]:4700", true),
            ("http://localhost:4700", true),
            ("http://LOCALHOST.:4700", true),
            ("https://api.localhost", false),
            ("https://192.0.2.2:4700", false),
            ("https://[2001:db8::1]", false),
            ("https://api.paradime.io", false),
        ] {
            assert_eq!(is_local(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
