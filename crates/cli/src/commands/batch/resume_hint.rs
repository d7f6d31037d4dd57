//! The command that resumes a batch from its results.

use std::path::Path;

use super::input;
use crate::args::{BatchArgs, duration};
use crate::report::shell::quoted;

/// The command that goes on with a batch. Nothing that it is given starts anything again: what
/// was to be retried has been.
pub(super) fn command(options: &BatchArgs, results: &Path) -> String {
    let mut words = vec![
        "dinoai".to_owned(),
        "batch".to_owned(),
        match input::is_stdin(&options.file) {
            true => "-".to_owned(),
            false => name(&options.file),
        },
        "--resume".to_owned(),
        name(results),
        "--concurrency".to_owned(),
        options.concurrency.to_string(),
        "--timeout".to_owned(),
        duration::as_option(options.poll.timeout),
    ];
    if let Some(interval) = options.poll.poll_interval {
        words.extend(["--poll-interval".to_owned(), duration::as_option(interval)]);
    }
    let same_input = match input::is_stdin(&options.file) {
        true => "\n  with the same items on standard input",
        false => "",
    };
    format!("to resume: {}{same_input}", words.join(" "))
}

/// A file's name that is not taken for an option.
fn name(file: &Path) -> String {
    let name = file.display().to_string();
    match name.starts_with('-') {
        true => quoted(&format!("./{name}")),
        false => quoted(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_taken_for_an_option() {
        assert_eq!(name(Path::new("items.csv")), "items.csv");
        assert_eq!(name(Path::new("-my items")), "'./-my items'");
        assert_eq!(name(Path::new("-")), "./-");
    }
}
