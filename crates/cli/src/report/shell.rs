//! How words are quoted for a shell, in commands that are printed to be pasted.

use dinoai::SessionId;

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A session id as an argument of a command; what the API sends for one can be anything.
pub(crate) fn id(id: &SessionId) -> String {
    match id.as_str().starts_with('-') {
        true => format!("-- {}", quoted(id.as_str())),
        false => quoted(id.as_str()),
    }
}

/// Several of them.
pub(crate) fn ids<'a>(ids: impl IntoIterator<Item = &'a SessionId>) -> String {
    let (hyphened, plain): (Vec<_>, Vec<_>) = ids
        .into_iter()
        .map(|id| quoted(id.as_str()))
        .partition(|id| id.starts_with('-'));
    let gap = (!hyphened.is_empty()).then(|| "--".to_owned());
    let all: Vec<_> = plain.into_iter().chain(gap).chain(hyphened).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_arguments_whatever_is_in_them() {
        let [plain, evil, hyphen] =
            ["abc", "$(touch x)", "-abc"].map(|text| SessionId::new(text).unwrap());
        assert_eq!(id(&plain), "abc");
        assert_eq!(id(&evil), "'$(touch x)'");
        assert_eq!(id(&hyphen), "-- -abc");
        assert_eq!(ids([&hyphen, &plain, &evil]), "abc '$(touch x)' -- -abc");
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        assert_eq!(quoted("items.csv"), "items.csv");
        assert_eq!(quoted("my items"), "'my items'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
