//! The schema and the documents that this version comes with.

use dinoai_emulator::documents::{Documents, Problems, Schema};

/// What this version's own schema is called.
pub(super) const NAME: &str = concat!("dinoai ", env!("CARGO_PKG_VERSION"));

pub(super) fn schema() -> Result<Schema, Problems> {
    Schema::parse(NAME, dinoai::SCHEMA)
}

/// The documents, each named as in the folder `dinoai`.
pub(super) fn documents() -> Documents {
    let documents = dinoai::DOCUMENTS.iter();
    documents.fold(Documents::new(), |documents, (name, text)| {
        documents.with(format!("dinoai/{name}"), *text)
    })
}
