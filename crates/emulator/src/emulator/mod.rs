//! A running emulator: how to reach it, and what it reports; [`steering`] controls it.

mod steering;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::credentials;
use crate::http::{HEALTH, Request, Server, Shared};
use crate::run::Run;

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
    pub(crate) fn new(
        endpoint: String,
        address: SocketAddr,
        shared: Arc<Shared>,
        server: Server,
    ) -> Self {
        Self {
            endpoint,
            address,
            shared,
            _server: server,
        }
    }

    /// The endpoint's URL: `http://127.0.0.1:<port>/api/v1/<company token>/graphql`.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert!(emulator.endpoint().ends_with("/graphql"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The agents that may be triggered; `None` if all may.
    #[cfg(feature = "program")]
    pub(crate) fn known_agents(&self) -> Option<Vec<String>> {
        let runs = self.shared.run_store();
        runs.known_agents()
            .map(|agents| agents.iter().cloned().collect())
    }

    /// The URL of the [control path](crate#the-control-path), without a slash at its end.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert!(emulator.control().ends_with("/control"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn control(&self) -> String {
        format!("{}/control", self.origin())
    }

    /// The URL that responds to GET and HEAD with 200 while the emulator serves.
    ///
    /// For health checks. It takes no credentials.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert!(emulator.health().ends_with("/health"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn health(&self) -> String {
        format!("{}{HEALTH}", self.origin())
    }

    fn origin(&self) -> &str {
        let origin = self.endpoint.strip_suffix(&self.shared.path);
        origin.unwrap_or_default()
    }

    /// The address that the emulator listens on.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert!(emulator.address().ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The demo key, to be sent with the [`secret`](Self::secret) as `X-API-KEY` and
    /// `X-API-SECRET`.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// let headers = [("X-API-KEY", emulator.key()), ("X-API-SECRET", emulator.secret())];
    /// # Ok(())
    /// # }
    /// ```
    pub fn key(&self) -> &str {
        credentials::KEY
    }

    /// The demo secret that belongs to the [`key`](Self::key).
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// let headers = [("X-API-KEY", emulator.key()), ("X-API-SECRET", emulator.secret())];
    /// # Ok(())
    /// # }
    /// ```
    pub fn secret(&self) -> &str {
        credentials::SECRET
    }

    /// The demo workspace token, to be sent as `Authorization: Bearer …`.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// let header = ("Authorization", format!("Bearer {}", emulator.workspace_token()));
    /// assert!(emulator.workspace_token().starts_with("prdm_wsp_"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn workspace_token(&self) -> &str {
        credentials::WORKSPACE_TOKEN
    }

    /// The demo company token, to be sent as `Authorization: Bearer …`.
    ///
    /// It needs a workspace beside it, as `X-Paradime-Workspace`: the
    /// [`workspace_uid`](Self::workspace_uid), or that of a
    /// [`Builder::workspace`](crate::Builder::workspace). Without one it lists the workspaces, and
    /// anything else gets 401.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// let headers = [
    ///     ("Authorization", format!("Bearer {}", emulator.company_token())),
    ///     ("X-Paradime-Workspace", emulator.workspace_uid().to_owned()),
    /// ];
    /// assert!(emulator.company_token().starts_with("prdm_cmp_"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn company_token(&self) -> &str {
        credentials::COMPANY_TOKEN
    }

    /// The demo workspace's uid, which every run belongs to that names no
    /// [other](crate::Builder::workspace).
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert!(!emulator.workspace_uid().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn workspace_uid(&self) -> &str {
        credentials::WORKSPACE_UID
    }

    /// The HTTP requests received so far, in the order in which their heads came in.
    ///
    /// These are the latest 10,000 that fit in 32 MiB, unless
    /// [`Builder::kept_requests`](crate::Builder::kept_requests) says otherwise. A request whose
    /// response the client has seen is complete. Requests to the control path and to `/health`, and
    /// those to a foreign host or of a foreign page, are not among them.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// // Let a client work here.
    /// for request in emulator.requests() {
    ///     println!("{} {:?}", request.number, request.operation_name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn requests(&self) -> Vec<Request> {
        self.shared.request_log.all()
    }

    /// How many requests the log no longer holds, because too many came after them.
    ///
    /// 0 until more requests came in than [`requests`](Self::requests) keeps.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert_eq!(emulator.dropped_requests(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dropped_requests(&self) -> u64 {
        self.shared.request_log.dropped()
    }

    /// Empties the request log, and counts anew.
    ///
    /// A request in flight is not in it any more.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// // Let a client start a run here, and count only what comes after.
    /// emulator.clear_requests();
    /// assert!(emulator.requests().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear_requests(&self) {
        self.shared.request_log.clear();
    }

    /// The runs started so far, in order, each followed by the children that it started.
    ///
    /// They take 384 MiB of memory at most, whatever their scenarios hold beside: 100,000 runs of the
    /// demo agents fit in it, and three times as many of a small scenario. The texts of a kibibyte and
    /// more that they were sent take 64 MiB of it, and all that one was sent 8 MiB. When more is needed,
    /// such texts are dropped ([`Run::texts_dropped`]), then whole runs
    /// ([`dropped_runs`](Self::dropped_runs)): the oldest that have ended, then the oldest.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// // Let a client work here.
    /// for run in emulator.runs() {
    ///     println!("{} {}", run.session_id, run.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn runs(&self) -> Vec<Run> {
        self.shared.reported_runs()
    }

    /// How many runs were dropped, because there were too many after them.
    ///
    /// That happens when runs would take more than 384 MiB: after more than a hundred thousand. The API
    /// does not know them either.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// assert_eq!(emulator.dropped_runs(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dropped_runs(&self) -> u64 {
        self.shared.run_store().dropped()
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
