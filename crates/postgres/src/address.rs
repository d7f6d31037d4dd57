//! [`Address`]: the servers that a URL names, how TLS is to be used with them, and what they are called.

use std::fmt;
use std::time::Duration;

use dinoai::journal::JournalError;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslNegotiation, TargetSessionAttrs};

use crate::tls::Connector;
use crate::url::{Parts, SslMode, malformed, take_apart};

/// The port of a server that names none.
const PORT: u16 = 5432;
/// When a connection that is not used is first looked after, so that one that a firewall has forgotten is
/// found before it is needed.
const KEEPALIVES_IDLE: Duration = Duration::from_secs(60);

/// Where the journal is.
pub(crate) struct Address {
    /// In the order in which they are tried.
    pub(crate) servers: Vec<Server>,
    pub(crate) is_random: bool,
    pub(crate) connector: Connector,
}

/// One server.
#[derive(Clone)]
pub(crate) struct Server {
    /// With this host alone.
    pub(crate) config: Config,
    pub(crate) name: Name,
}

/// What a server is called in errors: `db.example:5432/runs`, and the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) place: String,
    pub(crate) database: String,
    pub(crate) user: String,
}

impl Address {
    /// Reads a URL. `password`: where it has none.
    pub(crate) fn of(url: &str, password: Option<&str>) -> Result<Self, JournalError> {
        let mut parts = take_apart(url)?;
        if let (None, Some(password)) = (parts.config.get_password(), password) {
            parts.config.password(password);
        }
        let connector = Connector::of(&parts)?;
        Ok(Self {
            servers: servers(&parts)?,
            is_random: parts.config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            connector,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, server) in self.servers.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(formatter, "{comma}{}", server.name.place)?;
        }
        Ok(())
    }
}

/// One configuration for each host, so that each has its own time, and its own name in errors.
fn servers(parts: &Parts) -> Result<Vec<Server>, JournalError> {
    let config = &parts.config;
    let (hosts, addresses, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    let count = hosts.len().max(addresses.len());
    if count == 0 || hosts.contains(&Host::Tcp(String::new())) {
        return Err(malformed("it names no host"));
    }
    if !(addresses.is_empty() || hosts.is_empty() || hosts.len() == addresses.len()) {
        return Err(malformed("it has another number of hostaddr than of hosts"));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(malformed("it has another number of ports than of hosts"));
    }
    let servers = (0..count).map(|place| {
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(PORT);
        let address = addresses.get(place).copied();
        let host = hosts.get(place).cloned();
        let host = host.or_else(|| Some(Host::Tcp(address?.to_string())));
        let mut config = without_hosts(parts, count);
        let shown = match &host {
            Some(Host::Tcp(host)) if host.contains(':') => format!("[{host}]"),
            Some(Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        match host {
            Some(Host::Tcp(host)) => config.host(host),
            // As libpq: there is no TLS on a socket of the machine.
            #[cfg(unix)]
            Some(Host::Unix(path)) => config
                .host_path(path)
                .ssl_mode(tokio_postgres::config::SslMode::Disable),
            None => &mut config,
        };
        if let Some(address) = address {
            config.hostaddr(address);
        }
        config.port(port);
        let user = config.get_user().unwrap_or_default().to_owned();
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        let place = format!("{shown}:{port}/{database}");
        Server {
            config,
            name: Name {
                place,
                database,
                user,
            },
        }
    });
    Ok(servers.collect())
}

/// All of a configuration but the hosts, of which there are `count`.
fn without_hosts(parts: &Parts, count: usize) -> Config {
    use tokio_postgres::config::SslMode as Tls;

    let given = &parts.config;
    let mut config = Config::new();
    if let Some(user) = given.get_user() {
        config.user(user);
    }
    if let Some(password) = given.get_password() {
        config.password(password);
    }
    if let Some(database) = given.get_dbname() {
        config.dbname(database);
    }
    if let Some(options) = given.get_options() {
        config.options(options);
    }
    config.application_name(given.get_application_name().unwrap_or("dinoai"));
    config.ssl_mode(match parts.ssl_mode {
        None if parts.root_certificate.as_deref() == Some("system") => Tls::Require,
        None | Some(SslMode::Prefer) => Tls::Prefer,
        Some(SslMode::Disable) => Tls::Disable,
        Some(SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => Tls::Require,
    });
    if given.get_ssl_negotiation() == SslNegotiation::Direct {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    if let Some(timeout) = given.get_connect_timeout() {
        config.connect_timeout(*timeout);
    }
    if let Some(timeout) = given.get_tcp_user_timeout() {
        config.tcp_user_timeout(*timeout);
    }
    config.keepalives(given.get_keepalives());
    config.keepalives_idle(match parts.gives("keepalives_idle") {
        true => given.get_keepalives_idle(),
        false => KEEPALIVES_IDLE,
    });
    if let Some(interval) = given.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = given.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    // Of several servers, the one that takes writes is meant.
    config.target_session_attrs(match parts.gives("target_session_attrs") || count == 1 {
        true => given.get_target_session_attrs(),
        false => TargetSessionAttrs::ReadWrite,
    });
    config.channel_binding(given.get_channel_binding());
    config.load_balance_hosts(given.get_load_balance_hosts());
    config
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_postgres::config::{SslMode, TargetSessionAttrs};

    use super::Address;

    fn of(url: &str) -> Address {
        Address::of(url, None).unwrap()
    }

    #[test]
    fn each_host_is_a_server() {
        let address =
            of("postgres://u:p@a,b:6432,[::1]:7/runs?connect_timeout=3&application_name=x");
        assert_eq!(
            address.to_string(),
            "a:5432/runs, b:6432/runs, [::1]:7/runs"
        );
        for server in &address.servers {
            let config = &server.config;
            assert_eq!((config.get_hosts().len(), config.get_ports().len()), (1, 1));
            assert_eq!(config.get_password(), Some(&b"p"[..]));
            assert_eq!(config.get_user(), Some("u"));
            assert_eq!(config.get_application_name(), Some("x"));
            assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)));
            let meant = TargetSessionAttrs::ReadWrite;
            assert_eq!(config.get_target_session_attrs(), meant);
        }
        let any = of("postgres://a,b/runs?target_session_attrs=any");
        let attrs = any.servers[0].config.get_target_session_attrs();
        assert_eq!(attrs, TargetSessionAttrs::Any);
        let alone = of("postgres://a/runs");
        let attrs = alone.servers[0].config.get_target_session_attrs();
        assert_eq!(attrs, TargetSessionAttrs::Any);
    }

    #[test]
    fn sockets_and_addresses_are_servers() {
        let address = of("postgres://u@%2Frun%2Fpg:6/runs?sslmode=verify-full&sslrootcert=system");
        assert_eq!(address.to_string(), "/run/pg:6/runs");
        let config = &address.servers[0].config;
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
        let address = of("postgres:///runs?hostaddr=127.0.0.1&port=6");
        assert_eq!(address.to_string(), "127.0.0.1:6/runs");
        assert!(Address::of("postgres:///runs", None).is_err());
        assert!(Address::of("postgres://a,b:1/runs?port=2", None).is_err());
    }

    #[test]
    fn the_password_of_the_environment_is_used_where_the_url_has_none() {
        let password = |url| {
            let address = Address::of(url, Some("environment")).unwrap();
            let password = address.servers[0].config.get_password();
            password.map(|it| String::from_utf8_lossy(it).into_owned())
        };
        assert_eq!(
            password("postgres://u@a/runs").as_deref(),
            Some("environment")
        );
        assert_eq!(password("postgres://u:url@a/runs").as_deref(), Some("url"));
    }
}
