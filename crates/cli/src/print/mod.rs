//! How a run is printed: its events as they come, its transcript, its steps, and as one document.

mod event_printer;
mod own_turn;
pub(crate) mod text;

pub(crate) use event_printer::{Audience, EventPrinter, RunDocument};
