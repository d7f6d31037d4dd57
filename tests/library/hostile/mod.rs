//! Whatever a server answers: no panic, no endless read, no second run.

mod any_response;
mod envelope;
mod generated;
mod judge;
mod memory_of_responses;
mod odd_and_endless_responses;
mod server;
