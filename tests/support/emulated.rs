//! Clients of an emulator, by a clock that passes at once.

use dinoai::time::VirtualClock;
use dinoai::{Client, Credentials};
use dinoai_emulator::Emulator;

pub(crate) fn client_of(emulator: &Emulator) -> Client {
    client_with(
        emulator,
        Credentials::key_and_secret(emulator.key(), emulator.secret()),
    )
}

pub(crate) fn client_with(emulator: &Emulator, credentials: Credentials) -> Client {
    Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(credentials)
        .clock(VirtualClock::new())
        .build()
        .unwrap()
}
