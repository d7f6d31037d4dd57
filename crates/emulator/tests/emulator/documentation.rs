//! What the README and the guide show is compiled and run, and every option is named.

const GUIDE: &str = include_str!("../../GUIDE.md");
const README: &str = include_str!("../../README.md");

/// A file of tests without what belongs to this crate alone.
fn shown(file: &str) -> &str {
    let (_, shown) = file.split_once("clippy::panic)]\n\n").unwrap();
    shown.trim_end()
}

#[test]
fn the_guide_shows_a_test_that_runs() {
    assert!(GUIDE.contains(shown(include_str!("guide.rs"))));
}

#[test]
fn the_readme_shows_a_test_that_runs() {
    assert!(README.contains(shown(include_str!("readme.rs"))));
}

#[cfg(feature = "program")]
#[test]
fn the_readme_names_every_flag_of_the_program() {
    let program = env!("CARGO_BIN_EXE_dinoai-emulator");
    let output = std::process::Command::new(program)
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let flags: Vec<_> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--") && *word != "--help" && *word != "--version")
        .collect();
    assert!(flags.len() > 15, "{help}");
    for flag in flags {
        assert!(README.contains(&format!("`{flag}")), "{flag}");
    }
}
