//! The schema and the documents that this version comes with.

use dinoai_emulator::documents::{Documents, Problems, Schema};

/// What this version's own schema is called.
pub(super) const NAME: &str = concat!("dinoai ", env!("CARGO_PKG_VERSION"));

pub(super) fn schema() -> Result<Schema, Problems> {
    Schema::parse(NAME, dinoai::SCHEMA)
}

/// The documents that are in use, each named as in the folder `dinoai`.
pub(super) fn documents(is_in_use: impl Fn(&str) -> bool) -> Documents {
    let named = dinoai::DOCUMENTS
        .iter()
        .map(|(name, text)| (format!("dinoai/{name}"), *text));
    let used = named.filter(|(name, _)| is_in_use(name));
    used.fold(Documents::new(), |documents, (name, text)| {
        documents.with(name, text)
    })
}
