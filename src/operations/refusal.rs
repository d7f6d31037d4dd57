//! The codes and words in which the API refuses a trigger or a follow-up.

use crate::error::GraphQlError;

/// Whether an error at the mutation says that nothing was carried out. `agent` is the name that was
/// sent.
pub(super) fn is_refusal(error: &GraphQlError, agent: Option<&str>) -> bool {
    match error.code() {
        Some("BAD_USER_INPUT" | "NOT_FOUND" | "AGENT_NOT_FOUND") => true,
        _ => agent.is_some_and(|agent| says_that_there_is_no(&error.message, agent)),
    }
}

/// Whether a message says that there is no agent of exactly this name.
fn says_that_there_is_no(message: &str, agent: &str) -> bool {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    for (start, ends) in [
        (
            "No agent ",
            &["was found", "not found", "was not found", "does not exist"][..],
        ),
        (
            "No DinoAI agent ",
            &["was found", "not found", "was not found", "does not exist"],
        ),
        // "Agent x was found …" would be no refusal.
        ("Agent ", &["was not found", "not found", "does not exist"]),
    ] {
        let Some(rest) = message.strip_prefix(start) else {
            continue;
        };
        let rest = rest.strip_prefix("named ").unwrap_or(rest);
        let rest = rest.strip_prefix(QUOTES).unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(agent) else {
            continue;
        };
        let rest = rest.strip_prefix(QUOTES).unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(' ') else {
            continue;
        };
        return ends.iter().any(|end| {
            rest.strip_prefix(end)
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        });
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_name_that_was_sent_counts() {
        for message in [
            "No agent named nope was found",
            "No agent named \"nope\" was found.",
            "No DinoAI agent 'nope' was found in the repository",
            "Agent nope not found",
            "Agent `nope` does not exist",
            "Agent named nope was not found",
        ] {
            assert!(says_that_there_is_no(message, "nope"), "{message}");
        }
        for message in [
            "No agent named nope2 was found",
            "No agent was found",
            "Agent nope was found, but its pod was not",
            "Agent nope not foundational",
            "The agent nope was not found",
            "Agent nope failed: the file nope was not found",
        ] {
            assert!(!says_that_there_is_no(message, "nope"), "{message}");
        }
    }
}
