//! What the help says.

use crate::program::{assert_done, bare, run};

#[test]
fn the_help_of_every_command_is_as_it_was() {
    assert_done!("help", run(bare(), &["--help"]));
    for command in [
        "run",
        "send",
        "get",
        "watch",
        "wait",
        "stop",
        "tree",
        "chat",
        "batch",
        "login",
        "completions",
        "emulator",
    ] {
        assert_done!(format!("help_{command}"), run(bare(), &[command, "--help"]));
    }
}

#[test]
fn the_help_of_the_endpoint_says_what_its_path_is() {
    let help = run(bare(), &["get", "--help"]).stdout;
    assert!(help.contains("Its path identifies the company"), "{help}");
    assert!(help.contains("hides it"), "{help}");
}

#[test]
fn no_option_takes_a_credential() {
    for command in ["run", "send", "chat", "batch", "login"] {
        let help = run(bare(), &[command, "--help"]).stdout;
        for word in ["--key", "--secret", "--token", "--api-key", "--password"] {
            assert!(!help.contains(word), "{command} {word}");
        }
    }
}
