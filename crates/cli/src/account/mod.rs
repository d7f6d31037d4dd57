//! [`Account::open`]: the account that is used, from endpoint and credentials, or an emulator in
//! place of both. [`Account::explain_unreached`] adds to a failure what may be wrong with it.

pub(crate) mod credentials_file;
#[cfg(feature = "emulator")]
pub(crate) mod emulator;

use dinoai::Client;

use crate::args::GlobalArgs;
use crate::environment;
use crate::output::Output;
use crate::report::{Failure, Kind};

/// A client, and what it needs to live.
pub(crate) struct Account {
    pub(crate) client: Client,
    /// Held for its drop, which ends it.
    #[cfg(feature = "emulator")]
    _emulator: Option<dinoai_emulator::Emulator>,
}

impl Account {
    /// The account that the options ask for. Sends nothing.
    pub(crate) fn open(global: &GlobalArgs, output: &Output) -> Result<Self, Failure> {
        #[cfg(feature = "emulator")]
        if global.is_emulated() {
            return emulator::start();
        }
        let file = credentials_file::path(global);
        if let Some(path) = &file {
            credentials_file::warn_if_others_can_read(path, output);
        }
        let builder =
            Client::builder().user_agent_suffix(concat!("dinoai-cli/", env!("CARGO_PKG_VERSION")));
        // Beside an endpoint that is given, the credentials alone are looked for.
        let builder = match &global.endpoint {
            Some(endpoint) => builder.endpoint(endpoint),
            None => builder,
        };
        let builder = match file {
            Some(file) => builder.from_env_or_file_at(file),
            None => builder.from_env(),
        };
        let builder = builder.map_err(missing)?;
        Ok(Self {
            client: builder.build()?,
            #[cfg(feature = "emulator")]
            _emulator: None,
        })
    }

    /// Whether a failure says that nothing names an account.
    pub(crate) fn is_missing(failure: &Failure) -> bool {
        failure.kind == Kind::InvalidConfig
            && [" is missing: ", " are missing: "]
                .iter()
                .any(|words| failure.message.contains(words))
    }

    /// The failure of a command, where it could not reach this very machine: an emulator that has
    /// ended is the likely cause.
    pub(crate) fn explain_unreached(failure: Failure, global: &GlobalArgs) -> Failure {
        const LOCAL: [&str; 3] = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];

        let endpoint = global
            .endpoint
            .clone()
            .or_else(environment::endpoint)
            .unwrap_or_default();
        let is_local = LOCAL.iter().any(|start| endpoint.trim().starts_with(start));
        match is_local && failure.kind == Kind::NotSent && failure.message.contains("refused") {
            true => failure.with_further_hint("is the emulator still running?"),
            false => failure,
        }
    }
}

/// Why there is no account, and what works without one.
fn missing(error: dinoai::Error) -> Failure {
    let failure = Failure::from(error);
    match Account::is_missing(&failure) && cfg!(feature = "emulator") {
        true => failure.with_hint(
            "without an account, use --emulator for one command or `dinoai emulator` for several",
        ),
        false => failure,
    }
}
