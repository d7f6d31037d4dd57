//! [`Builder`]: the settings of an emulator; [`starting`] checks them and starts it.

mod starting;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
#[cfg(feature = "yaml")]
use std::path::PathBuf;

use crate::backend::Backend;
use crate::clock::Pace;
use crate::credentials::Workspaces;
#[cfg(doc)]
use crate::emulator::Emulator;
#[cfg(doc)]
use crate::error::Error;
use crate::fault::Fault;
use crate::quirks::Quirks;
use crate::scenario::Scenario;

/// Builds and starts an [`Emulator`].
///
/// See [`Emulator::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    backend: Backend,
    agents: BTreeSet<String>,
    #[cfg(feature = "yaml")]
    agent_folders: Vec<PathBuf>,
    #[cfg(feature = "yaml")]
    scenario_files: Vec<PathBuf>,
    scenarios: Vec<(String, Scenario)>,
    default_scenario: Option<Scenario>,
    has_demo_agents: bool,
    workspaces: Workspaces,
    model_families: BTreeSet<String>,
    branches: BTreeSet<String>,
    quirks: Quirks,
    pace: Pace,
    faults: Vec<Fault>,
    host: IpAddr,
    port: u16,
    allowed_hosts: Vec<String>,
    kept_requests: Option<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            agents: BTreeSet::new(),
            #[cfg(feature = "yaml")]
            agent_folders: Vec::new(),
            #[cfg(feature = "yaml")]
            scenario_files: Vec::new(),
            scenarios: Vec::new(),
            default_scenario: None,
            has_demo_agents: false,
            workspaces: Workspaces::default(),
            model_families: BTreeSet::new(),
            branches: BTreeSet::new(),
            quirks: Quirks::new(),
            pace: Pace::default(),
            faults: Vec::new(),
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            allowed_hosts: Vec::new(),
            kept_requests: None,
        }
    }
}

impl Builder {
    /// Serves this backend.
    ///
    /// The default is [`Backend::Current`].
    ///
    /// ```
    /// use dinoai_emulator::{Backend, Emulator};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// // A client that asks for a base branch is refused, as by a backend that does not know it.
    /// let emulator = Emulator::builder().backend(Backend::PagesOnly).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Makes an agent known.
    ///
    /// With at least one known, a trigger of any other is refused with an error that lists them. By
    /// default every agent is known.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().agent("data-quality-checker").start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn agent(mut self, name: impl Into<String>) -> Self {
        self.agents.insert(name.into());
        self
    }

    /// Makes the agents of a folder known: the vendor's YAML files, `.dinoai/agents/<name>.yml`.
    ///
    /// They are read and checked when the emulator starts, which fails with [`Error::Files`] if one
    /// lacks a key that every agent has, or has it wrong.
    ///
    /// ```no_run
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().agents_folder(".dinoai/agents").start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "yaml")]
    pub fn agents_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.agent_folders.push(folder.into());
        self
    }

    /// Lets runs follow the scenarios of a YAML file.
    ///
    /// Its JSON schema is [`scenario_schema`](crate::scenario_schema). It is read when the emulator
    /// starts, which fails with [`Error::Files`] if the file is not one. A scenario given to the
    /// builder replaces that of a file.
    ///
    /// ```no_run
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().scenario_file("tests/scenarios.yml").start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "yaml")]
    pub fn scenario_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.scenario_files.push(file.into());
        self
    }

    /// Lets the runs of this agent follow this scenario.
    ///
    /// A second one for the same agent replaces the first.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder()
    ///     .scenario("data-quality-checker", Scenario::failed())
    ///     .start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn scenario(mut self, agent: impl Into<String>, scenario: Scenario) -> Self {
        self.scenarios.push((agent.into(), scenario));
        self
    }

    /// Lets every run that has no scenario of its own follow this one.
    ///
    /// Those are the runs of agents without one, and those that only a message started. The default
    /// is [`Scenario::completed`], or [`demo_agents`](Self::demo_agents).
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().default_scenario(Scenario::expired()).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_scenario(mut self, scenario: Scenario) -> Self {
        self.default_scenario = Some(scenario);
        self
    }

    /// Lets every run that has no scenario go as those of the [demo agents](crate#the-demo-agents)
    /// do.
    ///
    /// In real time, unless the clock is [stopped](Self::stopped_clock). Without this such a run
    /// goes as [`Scenario::completed`] says.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().demo_agents().stopped_clock().start_blocking()?;
    /// // Let a client start the agent docs-writer, and give up after a minute:
    /// emulator.advance(Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn demo_agents(mut self) -> Self {
        self.has_demo_agents = true;
        self
    }

    /// Adds a workspace, beside the demo workspace; one whose uid is known gets this name.
    ///
    /// A request that names its uid in `X-Paradime-Workspace` works in it, whatever its credentials. All
    /// workspaces have the same agents, and a run can be read from each.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().workspace("finance", "Finance").start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn workspace(mut self, uid: impl Into<String>, name: impl Into<String>) -> Self {
        self.workspaces.add(uid.into(), name.into());
        self
    }

    /// Makes a model family known, beside `standard` and `fast`.
    ///
    /// A trigger that names any other runs with a warning.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().model_family("frontier").start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn model_family(mut self, slug: impl Into<String>) -> Self {
        self.model_families.insert(slug.into());
        self
    }

    /// Makes a branch, tag or commit known, beside `main`.
    ///
    /// With at least one known, a trigger with any other base branch runs on `main`, silently, as
    /// the API does: [`Run::checked_out`](crate::Run::checked_out) says which. By default every
    /// base branch is there.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// // A trigger with any other base branch than this one runs on `main`.
    /// let emulator = Emulator::builder().branch("release").start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn branch(mut self, name: impl Into<String>) -> Self {
        self.branches.insert(name.into());
        self
    }

    /// Switches on quirks of the API.
    ///
    /// The default is [`Quirks::new`].
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Quirks};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().quirks(Quirks::new().stale_reads(2)).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Adds a fault at the end of the plan of what happens to the next requests.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder()
    ///     .fault(Fault::unavailable())
    ///     .fault(Fault::reset())
    ///     .start_blocking()?;
    /// assert_eq!(emulator.faults().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Stops the emulator's clock: only [`Emulator::advance`] moves it.
    ///
    /// By default time passes.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().stopped_clock().start_blocking()?;
    /// assert!(emulator.elapsed().is_zero());
    /// # Ok(())
    /// # }
    /// ```
    pub fn stopped_clock(mut self) -> Self {
        self.pace = Pace::Stopped;
        self
    }

    /// Listens on this address.
    ///
    /// The default is 127.0.0.1.
    ///
    /// With any address that is not a loopback one, everybody who reaches this machine can use
    /// the emulator: its credentials are public. The control path stays with this machine.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().host([0, 0, 0, 0].into()).start_blocking()?;
    /// assert!(emulator.address().ip().is_unspecified());
    /// # Ok(())
    /// # }
    /// ```
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Serves requests that were sent to this host, and those of pages that come from it.
    ///
    /// Without a scheme, a port and a path; can be called again.
    ///
    /// By default requests may be sent to `localhost` and to any IP address; with a
    /// [`host`](Self::host) that is not a loopback one also to any name without a dot, as those
    /// of containers are. Pages in browsers may come from `localhost`, from loopback addresses,
    /// and from the emulator itself. All else gets 403, so that no page on the web reaches the
    /// emulator through its reader's browser.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// // From within a container, this machine is often known by this name.
    /// let emulator = Emulator::builder()
    ///     .host([0, 0, 0, 0].into())
    ///     .allow_host("host.docker.internal")
    ///     .start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Keeps this many requests in the log, at least the latest, of whatever size.
    ///
    /// The default is the latest 10,000 that fit in 32 MiB.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().kept_requests(100).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn kept_requests(mut self, requests: usize) -> Self {
        self.kept_requests = Some(requests);
        self
    }

    /// Listens on this port.
    ///
    /// The default is 0: a free one.
    ///
    /// ```no_run
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().port(4000).start_blocking()?;
    /// assert_eq!(emulator.address().port(), 4000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }
}
