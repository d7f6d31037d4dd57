//! What must hold whatever a server sends and whatever a credentials file says: one function a
//! kind of input, which panics where it does not.
//!
//! Compiled for fuzzing (`fuzz/`) and for the tests below alone, which run the same functions on
//! the seeds and on variations of them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a property that does not hold panics"
)]

mod credentials_file;
mod errors;
mod given;
mod json;
mod own_documents;
mod proofs;
mod response;

pub use credentials_file::credentials_file;
pub use response::response;

#[cfg(test)]
mod variations;

#[cfg(test)]
mod tests {
    use super::variations::hold;
    use super::*;

    #[test]
    fn whatever_a_server_answers_the_rules_of_a_response_hold() {
        hold("response", 1_500, response);
    }

    #[test]
    fn whatever_a_credentials_file_holds_it_is_read_the_same_and_not_shown() {
        hold("credentials_file", 3_000, credentials_file);
    }
}
