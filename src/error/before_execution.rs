//! Which GraphQL errors a server can only give before it executes anything: by their code, or by a
//! message of graphql-js or graphql-core about the document or its variables, matched whole.

use super::graphql::GraphQlError;

/// Whether a server can only give this error before execution. `is_data_absent`: the response
/// has no `data` at all, which is not the same as null.
pub(crate) fn is_before_execution(error: &GraphQlError, is_data_absent: bool) -> bool {
    match error.code() {
        Some(
            "GRAPHQL_PARSE_FAILED" | "GRAPHQL_VALIDATION_FAILED" | "OPERATION_RESOLUTION_FAILURE",
        ) => true,
        Some("BAD_USER_INPUT" | "UNAUTHENTICATED" | "FORBIDDEN") if is_data_absent => true,
        _ => is_about_the_request(&error.message),
    }
}

/// What graphql-js and graphql-core say of a document, of its variables and of the operation's
/// name, before they execute anything. A `*` stands for any text, a `#` for a name or a type.
pub(crate) const ABOUT_THE_REQUEST: [&str; 49] = [
    "Syntax Error: *",
    // The document.
    r##"Argument "#" has invalid value *."##,
    r##"Cannot query field "#" on type "#"."##,
    r##"Cannot spread fragment "#" within itself*."##,
    r##"Directive "#" may not be used on #."##,
    r##"Directive "#" argument "#" of type "#" is required, but it was not provided."##,
    r##"Expected value of type "#", found *."##,
    r##"Expected value of type "#", found *; *"##,
    r##"Field "#" argument "#" of type "#" is required, but it was not provided."##,
    r##"Field "#" is not defined by type "#"."##,
    r##"Field "#" must not have a selection since type "#" has no subfields."##,
    r##"Field "#" of required type "#" was not provided."##,
    r##"Field "#" of type "#" must have a selection of subfields."##,
    r##"Fields "#" conflict because *. Use different aliases on the fields to fetch both if this was intentional."##,
    r##"Fragment "#" cannot be spread here as objects of type "#" can never be of type "#"."##,
    r##"Fragment cannot be spread here as objects of type "#" can never be of type "#"."##,
    r##"Fragment "#" cannot condition on non composite type "#"."##,
    r##"Fragment cannot condition on non composite type "#"."##,
    r##"Fragment "#" is never used."##,
    r##"The "#" definition is not executable."##,
    "The schema definition is not executable.",
    r##"The directive "#" can only be used once at this location."##,
    r##"There can be only one argument named "#"."##,
    r##"There can be only one fragment named "#"."##,
    r##"There can be only one input field named "#"."##,
    r##"There can be only one operation named "#"."##,
    r##"There can be only one variable named "#"."##,
    "This anonymous operation must be the only defined operation.",
    r##"Unknown argument "#" on directive "#"."##,
    r##"Unknown argument "#" on field "#"."##,
    r##"Unknown directive "#"."##,
    r##"Unknown fragment "#"."##,
    r##"Unknown type "#"."##,
    // The variables.
    r##"Variable "#" cannot be non-input type "#"."##,
    r##"Variable "#" expected value of type "#" which cannot be used as an input type."##,
    r##"Variable "#" got invalid value *; *"##,
    r##"Variable "#" has invalid value*: *"##,
    r##"Variable "#" is never used in operation "#"."##,
    r##"Variable "#" is never used."##,
    r##"Variable "#" is not defined by operation "#"."##,
    r##"Variable "#" is not defined."##,
    r##"Variable "#" of non-null type "#" must not be null."##,
    r##"Variable "#" of required type "#" was not provided."##,
    r##"Variable "#" of type "#" used in position expecting type "#"."##,
    // The operation.
    "Must provide an operation.",
    "Must provide operation name if query contains multiple operations.",
    "Schema is not configured for mutations.",
    "Schema is not configured to execute mutation operation.",
    r##"Unknown operation named "#"."##,
];

fn is_about_the_request(message: &str) -> bool {
    // graphql-core writes single quotes.
    let message = message.replace('\'', "\"");
    // Some end in a suggestion.
    let stem = match message.split_once(" Did you mean ") {
        Some((stem, suggestion)) if suggestion.ends_with('?') => stem,
        _ => &message,
    };
    ABOUT_THE_REQUEST
        .iter()
        .any(|pattern| matches_whole(pattern, stem))
}

/// Whether a text is what a pattern describes, from beginning to end.
fn matches_whole(pattern: &str, text: &str) -> bool {
    let Some(place) = pattern.find(['*', '#']) else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(&pattern[..place]) else {
        return false;
    };
    let (wildcard, pattern) = pattern[place..].split_at(1);
    let longest = match wildcard {
        "#" => text.len() - text.trim_start_matches(is_part_of_a_name).len(),
        _ => text.len(),
    };
    // What follows decides where the wildcard ends.
    let next = &pattern[..pattern.find(['*', '#']).unwrap_or(pattern.len())];
    if next.len() == pattern.len() {
        return text.ends_with(next) && text.len() - next.len() <= longest;
    }
    text.match_indices(next)
        .take_while(|(place, _)| *place <= longest)
        .any(|(place, _)| matches_whole(pattern, &text[place..]))
}

fn is_part_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_.$@[]!".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_matched_whole_and_in_either_kind_of_quotes() {
        for message in [
            "Syntax Error: Expected Name, found <EOF>.",
            r#"Cannot query field "steps" on type "DinoAiAgentRun"."#,
            "Cannot query field 'steps' on type 'DinoAiAgentRun'. Did you mean 'status'?",
            r#"Variable "$message" got invalid value 7; String cannot represent a non string value: 7"#,
            "Must provide an operation.",
            "Unknown argument 'baseBranch' on field 'Mutation.triggerDinoaiAgentRun'.",
        ] {
            assert!(is_about_the_request(message), "{message}");
        }
        for message in [
            "",
            "Internal error: Must provide an operation.",
            "Must provide an operation. The run was started all the same.",
            r#"Upstream said: Cannot query field "steps" on type "Run"."#,
            r#"Variable "$message" is never used. So the run was started without it"#,
            "Int cannot represent non-integer value: 1.5",
            r#"Cannot query field "steps" on type "Run". The run was started without them."#,
            r#"Cannot query field "the database" on type "read replica"."#,
        ] {
            assert!(!is_about_the_request(message), "{message}");
        }
    }
}
