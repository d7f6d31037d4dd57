//! Starts an emulator: what it was given is checked, files are read, and it listens.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, RwLock};

use super::Builder;
use crate::backend::Schemas;
use crate::clock::Clock;
use crate::credentials;
use crate::emulator::Emulator;
use crate::error::Error;
use crate::fault::FaultPlan;
use crate::http::{self, Guard, InFlight, RequestLog, RequestLogLimits, Server, Shared};
use crate::run::{RunStore, Scenarios, Workspace};

impl Builder {
    /// Starts the emulator.
    ///
    /// It listens when this returns, and serves without the caller's runtime.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # async fn example() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start().await?;
    /// println!("listening at {}", emulator.endpoint());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::HostName`] if a host that is to be allowed is none, [`Error::Fault`] if a fault
    /// cannot happen or there are more than a plan holds, [`Error::Sdl`] if the backend's own SDL
    /// is not valid, [`Error::File`] and [`Error::Files`] if a file cannot be read or is not what
    /// it should be, [`Error::Listen`] if the port is taken, [`Error::Thread`] if the system
    /// refuses a thread.
    pub async fn start(self) -> Result<Emulator, Error> {
        self.start_blocking()
    }

    /// Starts the emulator, for callers that are not asynchronous.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// println!("listening at {}", emulator.endpoint());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_blocking(mut self) -> Result<Emulator, Error> {
        let plan = FaultPlan::new(std::mem::take(&mut self.faults)).map_err(Error::Fault)?;
        let allowed_hosts = std::mem::take(&mut self.allowed_hosts);
        let guard = Guard::new(allowed_hosts, self.host).map_err(Error::HostName)?;
        let limits = self
            .kept_requests
            .map_or_else(RequestLogLimits::default, RequestLogLimits::of);
        let agents = self.known_agents()?;
        let scenarios = self.known_scenarios()?;
        let mut statuses = scenarios.statuses();
        statuses.extend(self.quirks.undeclared_status.clone());
        let schemas = Schemas::new(&self.backend, &statuses)?;
        let (listener, address) =
            http::listen(self.host, self.port).map_err(|source| Error::Listen {
                host: self.host,
                port: self.port,
                source,
            })?;
        let quirks = Arc::new(self.quirks);
        let workspace = Workspace {
            agents,
            scenarios,
            model_families: self.model_families,
            branches: self.branches,
            quirks: Arc::clone(&quirks),
        };
        let shared = Arc::new(Shared {
            path: format!("/api/v1/{}/graphql", credentials::ENDPOINT_TOKEN),
            schemas,
            runs: Mutex::new(RunStore::new(workspace)),
            guard,
            workspaces: self.workspaces,
            request_log: RequestLog::new(limits),
            clock: Clock::new(self.pace),
            quirks,
            plan,
            in_flight: InFlight::new(),
            resets: RwLock::default(),
            was_reset: Arc::default(),
        });
        let server = Server::start(
            listener,
            http::router(Arc::clone(&shared)),
            Arc::clone(&shared.was_reset),
        )?;
        let endpoint = format!("http://{}{}", reachable(address), shared.path);
        Ok(Emulator::new(endpoint, address, shared, server))
    }

    /// The agents that may be triggered; `None` if all may.
    fn known_agents(&self) -> Result<Option<BTreeSet<String>>, Error> {
        #[cfg_attr(
            not(feature = "yaml"),
            expect(unused_mut, reason = "folders are YAML's")
        )]
        let mut agents = self.agents.clone();
        #[cfg_attr(
            not(feature = "yaml"),
            expect(unused_mut, reason = "folders are YAML's")
        )]
        let mut limited = !agents.is_empty();
        #[cfg(feature = "yaml")]
        for folder in &self.agent_folders {
            agents.extend(crate::files::agents::read(folder)?);
            limited = true;
        }
        Ok(limited.then_some(agents))
    }

    fn known_scenarios(&mut self) -> Result<Scenarios, Error> {
        let mut scenarios = Scenarios::default();
        scenarios.has_demo_agents = self.has_demo_agents;
        #[cfg(feature = "yaml")]
        for file in &self.scenario_files {
            for (agent, scenario) in crate::files::scenarios::read(file)? {
                scenarios.add(agent, scenario);
            }
        }
        for (agent, scenario) in self.scenarios.drain(..) {
            scenarios.add(Some(agent), scenario);
        }
        if let Some(scenario) = self.default_scenario.take() {
            scenarios.add(None, scenario);
        }
        Ok(scenarios)
    }
}

impl Emulator {
    /// Starts an emulator with the defaults: a free port,
    /// [`Backend::Current`](crate::Backend::Current), and
    /// [`Scenario::completed`](crate::Scenario::completed) for every run.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # async fn example() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::start().await?;
    /// println!("listening at {}", emulator.endpoint());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] and [`Error::Thread`] if the system refuses a port or a thread.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Chooses how an emulator is started.
    ///
    /// Every setting has a default: see [`Builder`].
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder()
    ///     .agent("data-quality-checker")
    ///     .default_scenario(Scenario::failed())
    ///     .start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// An address that this machine reaches a listener by: one that listens everywhere is on the
/// loopback address, too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
