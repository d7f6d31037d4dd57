//! The emulator as its user holds it: the builder that starts it, and what it tells.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::backend::{Backend, Schemas};
use crate::clock::{Clock, Pace};
use crate::credentials;
use crate::edges::Edges;
use crate::error::Error;
use crate::fault::{Fault, Plan};
use crate::http::{self, Shared};
use crate::requests::{Record, Request};
use crate::runs::Run;
use crate::scenario::Scenario;
use crate::server::{self, Server};
use crate::world::{Scenarios, Workspace, World};

/// A running emulator: a DinoAI agents API on a port of the loopback address.
///
/// It stops when it is dropped: its port is free again and its connections are closed. Any
/// number of emulators run side by side; they share nothing.
///
/// ```
/// use dinoai_emulator::Emulator;
///
/// # fn main() -> Result<(), dinoai_emulator::Error> {
/// let emulator = Emulator::builder().start_blocking()?;
/// assert!(emulator.endpoint().starts_with("http://127.0.0.1:"));
/// assert!(emulator.runs().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    endpoint: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Held for its drop, which stops serving.
    _server: Server,
}

impl Emulator {
    /// Starts an emulator with the defaults: a free port, [`Backend::Current`], and
    /// [`Scenario::completes`] for every run.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] and [`Error::Thread`] where the system refuses a port or a thread.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Chooses how an emulator is started.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The endpoint's URL: `http://127.0.0.1:<port>/api/v1/<company token>/graphql`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address that the emulator listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The demo key, to be sent with the [`secret`](Self::secret) as `X-API-KEY` and
    /// `X-API-SECRET`.
    pub fn key(&self) -> &str {
        credentials::KEY
    }

    /// The demo secret that belongs to the [`key`](Self::key).
    pub fn secret(&self) -> &str {
        credentials::SECRET
    }

    /// The demo workspace token, to be sent as `Authorization: Bearer …`.
    pub fn workspace_token(&self) -> &str {
        credentials::WORKSPACE_TOKEN
    }

    /// The demo company token, to be sent as `Authorization: Bearer …` with the
    /// [`workspace_uid`](Self::workspace_uid) as `X-Paradime-Workspace`.
    pub fn company_token(&self) -> &str {
        credentials::COMPANY_TOKEN
    }

    /// The demo workspace's uid, which every run belongs to.
    pub fn workspace_uid(&self) -> &str {
        credentials::WORKSPACE_UID
    }

    /// Every HTTP request received so far, in the order in which their heads came in.
    ///
    /// A request whose answer the client has seen is complete.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.all()
    }

    /// Every run started so far, in order: those that were triggered and, after the run that
    /// started them, their children.
    pub fn runs(&self) -> Vec<Run> {
        self.shared.runs()
    }

    /// Adds a fault at the end of the plan.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.plan.add([fault]);
    }

    /// The faults that are still ahead, in order.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.plan.ahead()
    }

    /// Empties the plan: the next requests are answered well.
    pub fn clear_faults(&self) {
        self.shared.plan.clear();
    }

    /// The time since the emulator's start on its own clock, which stages that last a time, the
    /// lifetime of sessions and the timestamps of messages go by.
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.now()
    }

    /// Moves the emulator's clock forward. What has ended by then has ended the next time that
    /// anybody looks.
    pub fn advance(&self, time: Duration) {
        self.shared.clock.advance(time);
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Emulator")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// How an emulator is to be started. See [`Emulator::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    backend: Backend,
    scenarios: Vec<(String, Scenario)>,
    default_scenario: Option<Scenario>,
    model_families: BTreeSet<String>,
    branches: BTreeSet<String>,
    edges: Edges,
    pace: Pace,
    faults: Vec<Fault>,
    host: IpAddr,
    port: u16,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            scenarios: Vec::new(),
            default_scenario: None,
            model_families: BTreeSet::new(),
            branches: BTreeSet::new(),
            edges: Edges::new(),
            pace: Pace::default(),
            faults: Vec::new(),
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
        }
    }
}

impl Builder {
    /// Serves this backend. The default is [`Backend::Current`].
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Lets the runs of this agent follow this scenario. A second one for the same agent
    /// replaces the first.
    pub fn scenario(mut self, agent: impl Into<String>, scenario: Scenario) -> Self {
        self.scenarios.push((agent.into(), scenario));
        self
    }

    /// Lets every other run follow this scenario: those of agents without one of their own, and
    /// those that only a message started. The default is [`Scenario::completes`].
    pub fn default_scenario(mut self, scenario: Scenario) -> Self {
        self.default_scenario = Some(scenario);
        self
    }

    /// Makes a model family known, beside `standard` and `fast`. A trigger that names any other
    /// runs with a warning.
    pub fn model_family(mut self, slug: impl Into<String>) -> Self {
        self.model_families.insert(slug.into());
        self
    }

    /// Makes a branch, tag or commit known, beside `main`. With at least one known, a trigger
    /// with any other base branch runs on `main`, silently, as the API does:
    /// [`Run::checked_out`] tells. By default every base branch is there.
    pub fn branch(mut self, name: impl Into<String>) -> Self {
        self.branches.insert(name.into());
        self
    }

    /// Switches on the API's edges. The default is [`Edges::new`].
    pub fn edges(mut self, edges: Edges) -> Self {
        self.edges = edges;
        self
    }

    /// Adds a fault at the end of the plan of what happens to the next requests.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Stops the emulator's clock: only [`Emulator::advance`] moves it. By default time passes.
    pub fn stopped_clock(mut self) -> Self {
        self.pace = Pace::Stopped;
        self
    }

    /// Listens on this address. The default is 127.0.0.1.
    ///
    /// With any address that is not a loopback one, everybody who reaches this machine can use
    /// the emulator: its credentials are public. The control path stays with this machine.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Listens on this port. The default is 0: a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the emulator. It listens when this returns, and serves without the caller's
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Sdl`] if the backend's own SDL is not valid, [`Error::Listen`] if the port is
    /// taken, [`Error::Thread`] if the system refuses a thread.
    pub async fn start(self) -> Result<Emulator, Error> {
        self.start_blocking()
    }

    /// Starts the emulator, for callers that are not asynchronous.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_blocking(self) -> Result<Emulator, Error> {
        let scenarios = Scenarios {
            by_agent: self
                .scenarios
                .into_iter()
                .map(|(agent, scenario)| (agent, Arc::new(scenario)))
                .collect(),
            default: self.default_scenario.map(Arc::new),
        };
        let mut statuses = scenarios.statuses();
        statuses.extend(self.edges.undeclared_status.clone());
        let schemas = Schemas::new(&self.backend, &statuses)?;
        let (listener, address) =
            server::listen(self.host, self.port).map_err(|source| Error::Listen {
                host: self.host,
                port: self.port,
                source,
            })?;
        let edges = Arc::new(self.edges);
        let workspace = Workspace {
            scenarios,
            model_families: self.model_families,
            branches: self.branches,
            edges: Arc::clone(&edges),
        };
        let shared = Arc::new(Shared {
            path: format!("/api/v1/{}/graphql", credentials::ENDPOINT_TOKEN),
            schemas,
            world: Mutex::new(World::new(workspace)),
            record: Record::default(),
            clock: Clock::new(self.pace),
            edges,
            plan: Plan::new(self.faults),
        });
        let server = Server::start(listener, http::service(Arc::clone(&shared)))?;
        Ok(Emulator {
            endpoint: format!("http://{}{}", reachable(address), shared.path),
            address,
            shared,
            _server: server,
        })
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
