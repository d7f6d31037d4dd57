//! What a backend supports, found without starting anything: [`Features`].
//!
//! Each document of this crate is sent with `@skip(if: true)` on its root field, so that the server
//! validates it and executes nothing; and with variables that it has to refuse should it execute it all
//! the same: [`skipped`] writes it, [`look`] sends it and says what the response means.

mod features;
mod look;
mod skipped;

pub use features::{Access, Feature, Features, Support};
