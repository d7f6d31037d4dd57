//! A watch emits everything in order, and nothing optional delays its end.

mod events;
mod first_request;
mod missing_steps;
mod transcripts;
