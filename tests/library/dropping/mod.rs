//! Whatever waits can be spawned, and dropped at any await: nothing is sent twice, nothing is lost,
//! nothing panics.

mod api;
mod changes;
mod streams;
mod waits;
