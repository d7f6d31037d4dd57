//! Where the examples find an API: the one that the environment names, or an emulator in this
//! process.

use dinoai::{Client, Credentials};
use dinoai_emulator::{Emulator, Scenario};

/// An API to talk to. Dropping it stops the emulator, if it has started one.
pub(crate) struct Api {
    pub(crate) client: Client,
    _emulator: Option<Emulator>,
}

impl Api {
    /// With `PARADIME_API_ENDPOINT` set, that API; else an emulator whose runs all go as
    /// `scenario` says. A line on standard error says which.
    pub(crate) async fn connect(scenario: Scenario) -> Result<Self, Box<dyn std::error::Error>> {
        if std::env::var_os("PARADIME_API_ENDPOINT").is_some_and(|endpoint| !endpoint.is_empty()) {
            eprintln!("Talking to the API at PARADIME_API_ENDPOINT.");
            return Ok(Self {
                client: Client::from_env()?,
                _emulator: None,
            });
        }
        eprintln!("PARADIME_API_ENDPOINT is not set: talking to an emulator in this process.");
        let emulator = Emulator::builder()
            .default_scenario(scenario)
            .start()
            .await?;
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        Ok(Self {
            client: Client::new(emulator.endpoint(), credentials)?,
            _emulator: Some(emulator),
        })
    }
}
