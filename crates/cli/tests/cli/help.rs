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
        "schema",
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

#[test]
fn colours_are_those_that_the_environment_asks_for() {
    for (variables, arguments, is_coloured) in [
        (&[][..], &[][..], false),
        (&[("FORCE_COLOR", "1")], &[], true),
        (&[("CLICOLOR_FORCE", "1")], &[], true),
        (&[("FORCE_COLOR", "0"), ("CLICOLOR_FORCE", "1")], &[], false),
        (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[("FORCE_COLOR", "1")], &["--color=never"], false),
    ] {
        // Help, a refusal, and a failure of a command.
        for command in [&["run", "--help"][..], &["run", "--bogus"], &["get", "x"]] {
            let mut program = bare();
            program.envs(variables.iter().copied());
            let done = run(program, &[command, arguments].concat());
            let shown = format!("{}{}", done.stdout, done.stderr);
            assert_eq!(
                shown.contains('\u{1b}'),
                is_coloured,
                "{variables:?} {arguments:?} {shown}"
            );
        }
    }
}
