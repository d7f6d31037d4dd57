//! What must hold whatever a server sends, an agent answers and a credentials file says: one function a
//! kind of input, which panics where it does not.
//!
//! Compiled for fuzzing (`fuzz/`, with the feature `test-util`) and for the tests below alone, which run the
//! same functions on the seeds and on variations of them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a property that does not hold panics"
)]

mod answer;
mod credentials_file;
mod errors;
mod given;
mod json;
mod own_documents;
mod proofs;
mod response;

pub use answer::answer;
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

    #[test]
    fn whatever_an_agent_answers_its_json_is_read_or_refused_with_a_place() {
        hold("answer", 1_000, answer);
    }
}
