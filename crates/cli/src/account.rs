//! The account that is used: endpoint and credentials, or an emulator in place of both.

pub(crate) mod file;

use std::path::PathBuf;

use dinoai::{Client, Credentials, Error};
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
        let builder = match (&global.endpoint, file) {
            (Some(endpoint), file) => builder.endpoint(endpoint).credentials(credentials(file)?),
            (None, Some(file)) => builder.from_env_or_file_at(file)?,
            (None, None) => builder.from_env()?,
        };
        Ok(Self {
            client: builder.build()?,
            _emulator: None,
        })
    }

    fn emulated() -> Result<Self, Failure> {
        let emulator = Emulator::builder()
            .start_blocking()
            .map_err(|error| Failure::system(format!("no emulator: {error}")))?;
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        Ok(Self {
            client: Client::new(emulator.endpoint(), credentials)?,
            _emulator: Some(emulator),
        })
    }
}

/// The credentials alone, where the endpoint was given: the library reads both or none.
fn credentials(file: Option<PathBuf>) -> Result<Credentials, Failure> {
    let values = file.map(|path| file::Values::read(&path)).transpose()?;
    let find = |name: &str| {
        [format!("PARADIME_{name}"), name.to_owned()]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .or_else(|| values.as_ref()?.get(name))
    };
    let missing = |name: &str| {
        Failure::from(Error::InvalidConfig {
            setting: format!("PARADIME_{name}"),
            problem: "is missing: set it in the environment, or run `dinoai login`".to_owned(),
        })
    };
    let secret = find("API_SECRET").ok_or_else(|| missing("API_SECRET"))?;
    let uid = find("WORKSPACE_UID");
    let credentials = if secret.starts_with("prdm_cmp_") {
        let uid = uid.clone().ok_or_else(|| missing("WORKSPACE_UID"))?;
        Credentials::company_token(secret, uid)
    } else if secret.starts_with("prdm_wsp_") {
        Credentials::workspace_token(secret)
    } else {
        let key = find("API_KEY").ok_or_else(|| missing("API_KEY"))?;
        Credentials::key_and_secret(key, secret)
    };
    Ok(match uid {
        Some(uid) => credentials.with_workspace_uid(uid),
        None => credentials,
    })
}
