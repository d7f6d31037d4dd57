//! The operations of the API, each as the pages and the vendor's clients describe it.

mod children;
mod follow_up;
mod read;
mod steps;
mod stop;
mod trigger;
