//! Each operation of the API does what the vendor's pages and clients describe.

mod children;
mod follow_up;
mod read;
mod steps;
mod stop;
mod trigger;
mod workspaces;
