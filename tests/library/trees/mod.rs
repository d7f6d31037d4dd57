//! A run with its descendants: what is read, in which order, and what is waited for.

mod api;
mod ends;
mod reading;
mod requests;
mod waiting;
