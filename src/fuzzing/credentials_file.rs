//! What must hold for a credentials file, whatever is in it.

use std::fmt::Write;
use std::path::Path;

use crate::account::{Account, values_of};
use crate::endpoint::Endpoint;
use crate::error::Error;

/// In every value of a seed. No text of this crate contains it.
const CANARY: &str = "canary";

/// Checks the content of a credentials file.
pub fn credentials_file(input: &[u8]) {
    let path = Path::new("credentials");
    let values = values_of(input.to_vec(), path);
    let again = values_of(input.to_vec(), path);
    match (&values, &again) {
        (Ok(values), Ok(again)) => assert_eq!(values, again),
        (Err(error), Err(again)) => {
            assert_eq!(error.to_string(), again.to_string());
            is_about_a_line_of(input, error);
        }
        _ => panic!("read twice, the file is not the same"),
    }

    match Account::from_content_alone(input.to_vec(), path) {
        Err(error) => is_not_shown(&error),
        Ok(account) => {
            assert!(values.is_ok());
            if let Err(error) = account.credentials.headers() {
                is_not_shown(&error);
                is_not_shown(&account.origins.explain(error));
            }
            match Endpoint::parse(&account.endpoint, false) {
                Err(error) => is_not_shown(&error),
                Ok(endpoint) => {
                    let shown = format!("{endpoint:?}");
                    let is_in_host = endpoint
                        .url()
                        .host_str()
                        .is_some_and(|host| host.contains(CANARY));
                    assert!(is_in_host || !shown.contains(CANARY), "{shown}");
                }
            }
            let origins = account.origins.describe();
            assert!(!origins.is_some_and(|origins| origins.contains(CANARY)));
        }
    }
    is_read_as_it_was_written(input);
}

fn is_not_shown(error: &Error) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(CANARY), "{shown}");
}

fn is_about_a_line_of(input: &[u8], error: &Error) {
    is_not_shown(error);
    let Error::InvalidConfig { problem, .. } = error else {
        panic!("{error:?}");
    };
    let Ok(text) = std::str::from_utf8(input) else {
        assert_eq!(problem, "is not a text file (UTF-8)");
        return;
    };
    let line = problem.strip_prefix("line ").unwrap();
    let line = line.strip_suffix(" is not NAME=value").unwrap();
    let line: usize = line.parse().unwrap();
    assert!((1..=text.lines().count()).contains(&line), "{problem}");
    // All before it is right.
    let before = text.lines().take(line - 1).collect::<Vec<_>>().join("\n");
    assert!(values_of(before.into_bytes(), Path::new("credentials")).is_ok());
}

/// Writes values as they are, or in quotes where white space or quotes are at their ends, and
/// reads them.
fn is_read_as_it_was_written(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let names = [
        "PARADIME_API_ENDPOINT",
        "API_KEY",
        "API_SECRET",
        "WORKSPACE_UID",
    ];
    let values: Vec<_> = text.split('\n').take(names.len()).collect();
    let mut file = String::new();
    for (place, (name, value)) in names.iter().zip(&values).enumerate() {
        let start = ["", "  export ", "# a comment\n", "\n"][place % 4];
        let is_bare = *value == value.trim() && !value.starts_with(['"', '\'']);
        let quote = match place % 2 {
            _ if is_bare => "",
            0 => "\"",
            _ => "'",
        };
        let end = ["\n", "\r\n", " \n"][place % 3];
        write!(file, "{start}{name}={quote}{value}{quote}{end}").unwrap();
    }
    let read = values_of(file.clone().into_bytes(), Path::new("credentials")).unwrap();
    for (name, value) in names.iter().zip(&values) {
        assert_eq!(read.get(*name).map(String::as_str), Some(*value), "{file}");
    }
}
