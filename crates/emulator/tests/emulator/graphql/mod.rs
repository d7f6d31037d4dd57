//! Documents and variables are refused and executed as the reference implementation does it.

mod backends;
mod documents;
mod introspection;
mod nulls;
mod variables;
