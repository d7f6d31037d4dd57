//! The address of the API, checked, and never shown with its path.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::error::Error;

const SETTING: &str = "endpoint";

/// The GraphQL endpoint. Its path holds a token, so it is shown as scheme and host alone.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Checks an endpoint. Errors never repeat the text, since it may hold a token anywhere.
    pub(crate) fn parse(text: &str, plain_http_allowed: bool) -> Result<Self, Error> {
        let refuse = |problem: &str| Err(Error::config(SETTING, problem));
        if text.trim().is_empty() {
            return refuse("is blank: give the URL shown when the API key was generated");
        }
        if !text.contains("://") {
            return refuse("has no scheme: it has to start with https://");
        }
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return refuse(&format!("is not a URL: {error}")),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("has to start with https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("contains user info (user:password@): give credentials separately");
        }
        let endpoint = Self { url };
        if endpoint.is_plain_http() && !endpoint.is_loopback() && !plain_http_allowed {
            return refuse(
                "is plain http to another machine, which would show the credentials on the \
                 way: use https, or allow_plain_http on the client's builder",
            );
        }
        Ok(endpoint)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Whether the host is this machine: an address of the loopback interface, or exactly
    /// `localhost`, which is [`pinned`](Self::pinned) to two of them. A name below it, such as
    /// `api.localhost`, is whatever a resolver says.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => is_localhost(name),
            Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
            Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
            None => false,
        }
    }

    /// The name that no resolver is asked for, since it is this machine, and its addresses. Their
    /// port, 0, stands for that of the URL.
    pub(crate) fn pinned(&self) -> Option<(&str, [SocketAddr; 2])> {
        let name = self.url.domain().filter(|name| is_localhost(name))?;
        let addresses = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        Some((name, addresses))
    }

    /// The parts that must not be shown: the path, the query, and every piece of them that is
    /// long enough to be a token, as they stand in the URL. A value of the query also as a form's,
    /// where a `+` is a space.
    pub(crate) fn secrets(&self) -> Vec<String> {
        const SHORTEST_TOKEN: usize = 8;
        let query = self.url.query();
        let values = query.into_iter().flat_map(|query| query.split('&'));
        let values = values.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        let pieces = self.url.path_segments().into_iter().flatten().chain(values);
        let pieces = pieces.map(str::to_owned);
        let read = self.url.query_pairs().map(|(_, value)| value.into_owned());
        let is_token = |piece: &String| percent_decode_str(piece).count() >= SHORTEST_TOKEN;

        let mut secrets = vec![];
        if self.url.path().len() > 1 {
            secrets.push(self.url.path().to_owned());
        }
        secrets.extend(query.map(str::to_owned));
        secrets.extend(pieces.chain(read).filter(is_token));
        secrets
    }
}

fn is_localhost(name: &str) -> bool {
    name.strip_suffix('.').unwrap_or(name) == "localhost"
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/…", self.url.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Endpoint::parse(text, false).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_endpoint_is_refused_by_name_and_not_repeated() {
        insta::assert_snapshot!(
            [
                "",
                "api.paradime.io/api/v1/canary/graphql",
                "ftp://api.paradime.io/canary",
                "https://user:canary@api.paradime.io/graphql",
                "https://canary@api.paradime.io/graphql",
                "http://api.paradime.io/canary",
                "http://10.0.0.1/canary",
                "https://",
                "https://exa mple/canary",
            ]
            .map(refusal)
            .join("\n"),
@r"
endpoint is blank: give the URL shown when the API key was generated
endpoint has no scheme: it has to start with https://
endpoint has to start with https://
endpoint contains user info (user:password@): give credentials separately
endpoint contains user info (user:password@): give credentials separately
endpoint is plain http to another machine, which would show the credentials on the way: use https, or allow_plain_http on the client's builder
endpoint is plain http to another machine, which would show the credentials on the way: use https, or allow_plain_http on the client's builder
endpoint is not a URL: empty host
endpoint is not a URL: invalid international domain name
");
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_it_is_allowed() {
        for local in [
            "http://localhost:4000/graphql",
            "http://localhost.:4000/graphql",
            "http://127.0.0.1/graphql",
            "http://127.9.9.9/graphql",
            "http://[::1]:1/graphql",
        ] {
            assert!(
                Endpoint::parse(local, false).unwrap().is_loopback(),
                "{local}"
            );
        }
        for remote in [
            "http://api.localhost/graphql",
            "http://localhost../graphql",
            "http://.localhost/graphql",
            "http://0.0.0.0/graphql",
            "http://[::ffff:127.0.0.1]/graphql",
            "http://localhost.example/graphql",
            "http://128.0.0.1/graphql",
            "http://127.0.0.1.example/graphql",
        ] {
            assert!(Endpoint::parse(remote, false).is_err(), "{remote}");
            assert!(Endpoint::parse(remote, true).is_ok(), "{remote}");
        }
    }

    #[test]
    fn localhost_alone_is_pinned_to_the_loopback_addresses() {
        let addresses = ["127.0.0.1:0", "[::1]:0"].map(|address| address.parse().unwrap());
        for (local, name) in [
            ("http://localhost:4000/graphql", "localhost"),
            ("https://LocalHost./graphql", "localhost."),
        ] {
            let endpoint = Endpoint::parse(local, false).unwrap();
            assert_eq!(endpoint.pinned(), Some((name, addresses)), "{local}");
        }
        for other in [
            "http://127.0.0.1:4000/graphql",
            "http://[::1]/graphql",
            "https://api.localhost/graphql",
            "https://localhost.example/graphql",
        ] {
            let endpoint = Endpoint::parse(other, false).unwrap();
            assert_eq!(endpoint.pinned(), None, "{other}");
        }
    }

    #[test]
    fn debug_shows_the_host_and_nothing_behind_it() {
        let endpoint = Endpoint::parse(
            "https://api.paradime.io/api/v1/canary/graphql?t=canary",
            false,
        )
        .unwrap();
        assert_eq!(format!("{endpoint:?}"), "https://api.paradime.io/…");
    }

    fn secrets(text: &str) -> Vec<String> {
        Endpoint::parse(text, false).unwrap().secrets()
    }

    #[test]
    fn the_path_its_token_and_the_query_are_secrets() {
        assert_eq!(
            secrets("https://host/api/v1/0123456789abcdef/graphql?t=a%20long+token&plain-token"),
            [
                "/api/v1/0123456789abcdef/graphql",
                "t=a%20long+token&plain-token",
                "0123456789abcdef",
                "a%20long+token",
                "plain-token",
                "a long token",
            ]
        );
    }

    #[test]
    fn a_piece_is_as_long_as_what_it_stands_for() {
        assert_eq!(
            secrets("https://host/a%20b%20c/a%20b%20c%20de/graphql"),
            ["/a%20b%20c/a%20b%20c%20de/graphql", "a%20b%20c%20de"]
        );
    }
}
