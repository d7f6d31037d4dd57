//! The account that is used: endpoint and credentials, or an emulator in place of both.

pub(crate) mod file;
pub(crate) mod options;
pub(crate) mod outlives;

use dinoai::{Client, Credentials};
use dinoai_emulator::Emulator;

use crate::failure::Failure;
use crate::options::Global;
use crate::output::Output;

/// A client, and what it needs to live.
pub(crate) struct Account {
    pub(crate) client: Client,
    /// Held for its drop, which ends it.
    _emulator: Option<Emulator>,
}

impl Account {
    /// The account that the options ask for. Sends nothing.
    pub(crate) fn open(global: &Global, output: &Output) -> Result<Self, Failure> {
        if global.emulator {
            return Self::emulated();
        }
        let file = file::path(global);
        if let Some(path) = &file {
            file::warn_if_others_can_read(path, output);
        }
        let builder =
            Client::builder().user_agent_suffix(concat!("dinoai-cli/", env!("CARGO_PKG_VERSION")));
        // Beside an endpoint that is given, the credentials alone are looked for.
        let builder = match &global.endpoint {
            Some(endpoint) => builder.endpoint(endpoint),
            None => builder,
        };
        let builder = match file {
            Some(file) => builder.from_env_or_file_at(file)?,
            None => builder.from_env()?,
        };
        Ok(Self {
            client: builder.build()?,
            _emulator: None,
        })
    }

    fn emulated() -> Result<Self, Failure> {
        let emulator = Emulator::builder()
            .demo_agents()
            .start_blocking()
            .map_err(|error| Failure::system(format!("no emulator: {error}")))?;
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        Ok(Self {
            client: Client::new(emulator.endpoint(), credentials)?,
            _emulator: Some(emulator),
        })
    }
}
