//! What a backend supports is found without starting anything.

mod deadline;
mod documents;
mod executed;
mod reading;
mod starts_nothing;

use dinoai::{Features, Support};
use dinoai_emulator::{Backend, Emulator, Quirks};

use crate::support::emulated::client_of;

/// A backend that another emulator would not be.
async fn backend(backend: Backend, quirks: Quirks) -> Emulator {
    let emulator = Emulator::builder().backend(backend).quirks(quirks);
    emulator.start().await.unwrap()
}

async fn probe(emulator: &Emulator) -> Features {
    client_of(emulator).probe().await.unwrap()
}

/// Everything that is not supported, with what the backend says.
fn differing(features: &Features) -> Vec<String> {
    let features = features.iter().filter_map(|feature| {
        let said = match feature.support {
            Support::Supported => return None,
            Support::NotSupported { fields, .. } => format!("not supported: {}", fields.join(", ")),
            Support::Broken { error, .. } => format!("broken: {error}"),
            Support::Refused { error, .. } => format!("refused: {error}"),
            Support::NotChecked { error, .. } => format!("not checked: {error}"),
            other => format!("{other:?}"),
        };
        Some(format!("{} {said}", feature.name))
    });
    features.collect()
}
