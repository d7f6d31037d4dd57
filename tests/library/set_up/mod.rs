//! Settings are found, and what cannot be right is refused.

mod bad_input;
mod clients;
mod found_settings;
mod kinds_of_credentials;
mod localhost;
mod workspaces;
