//! What must hold for a credentials file, whatever is in it.

use std::path::Path;

use crate::config::{Account, Content, Endpoint, line};
use crate::error::Error;

/// In every value of a seed. No text of this crate contains it.
const CANARY: &str = "canary";

/// Checks the content of a credentials file.
pub fn credentials_file(input: &[u8]) {
    let path = Path::new("credentials");
    let text = std::str::from_utf8(input);
    if let Ok(text) = text {
        let content = Content::read(text, |_| None);
        let again = Content::read(text, |_| None);
        assert!(content == again, "read twice, the file is not the same");
        let count = text.split(['\r', '\n']).count();
        assert!(content.unread.is_sorted());
        assert!(content.unread.iter().all(|line| (1..=count).contains(line)));
    }

    match Account::from_content_alone(input.to_vec(), path) {
        Err(error) => is_not_shown(&error),
        Ok(account) => {
            assert!(text.is_ok());
            let (Some(endpoint), Some(credentials)) = (&account.endpoint, &account.credentials)
            else {
                panic!("an account has both");
            };
            if let Err(error) = credentials.headers() {
                is_not_shown(&error);
                is_not_shown(&account.origins.explain(error));
            }
            match Endpoint::parse(endpoint, false) {
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

/// Writes values, and reads them.
fn is_read_as_it_was_written(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let names = ["API_ENDPOINT", "API_KEY", "API_SECRET", "WORKSPACE_UID"];
    let mut file = String::new();
    let mut written = vec![];
    for (name, value) in names.into_iter().zip(text.split(['\r', '\n'])) {
        match line(name, value) {
            Some(line) => {
                file += &line;
                written.push((name, value));
            }
            None => assert!(value.contains("${"), "{value:?}"),
        }
    }
    let content = Content::read(&file, |_| None);
    assert_eq!(content.values().count(), written.len(), "{file}");
    for (name, value) in written {
        assert_eq!(content.get(name), Some(value), "{file}");
    }
}
