//! Colours follow `--color`, the environment and the terminal, in this order.

use dinoai_emulator::Emulator;

use crate::support::program::{bare, run};
use crate::support::pseudo_terminal::Pseudo;

/// Help, a refusal, and a failure of a command.
const COMMANDS: [&[&str]; 3] = [&["run", "--help"], &["run", "--bogus"], &["get", "x"]];

#[test]
fn colours_in_a_pipe_are_those_that_the_environment_asks_for() {
    for (variables, arguments, is_coloured) in [
        (&[][..], &[][..], false),
        (&[("FORCE_COLOR", "1")], &[], true),
        (&[("CLICOLOR_FORCE", "1")], &[], true),
        (&[("CLICOLOR_FORCE", "0")], &[], false),
        (&[("CLICOLOR_FORCE", "false")], &[], false),
        (&[("FORCE_COLOR", "0"), ("CLICOLOR_FORCE", "1")], &[], false),
        (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[("FORCE_COLOR", "1")], &["--color=never"], false),
        (&[("CLICOLOR", "0")], &[], false),
        (&[("CLICOLOR", "1")], &[], false),
        (&[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], &[], true),
        (&[("CLICOLOR", "0")], &["--color", "always"], true),
    ] {
        for command in COMMANDS {
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

#[test]
fn colours_on_a_terminal_are_those_that_the_environment_asks_for() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    for (variables, arguments, is_coloured) in [
        (&[][..], &[][..], true),
        (&[("CLICOLOR", "1")], &[], true),
        (&[("CLICOLOR", "0")], &[], false),
        (&[("CLICOLOR", "")], &[], true),
        (&[("CLICOLOR_FORCE", "0")], &[], true),
        (&[("NO_COLOR", "1"), ("CLICOLOR", "1")], &[], false),
        (&[("CLICOLOR", "0"), ("FORCE_COLOR", "1")], &[], true),
        (&[("CLICOLOR", "0")], &["--color", "always"], true),
        (&[("CLICOLOR", "1")], &["--color", "never"], false),
        (&[("TERM", "dumb")], &[], false),
        (&[("TERM", "dumb"), ("CLICOLOR", "1")], &[], false),
    ] {
        for command in COMMANDS {
            let terminal = Pseudo::start(&emulator, &[command, arguments].concat(), variables);
            let (_, shown) = terminal.end();
            // A line that is drawn over and over has sequences of its own.
            let is_styled = shown.contains("\u{1b}[1m") || shown.contains("\u{1b}[31m");
            assert_eq!(
                is_styled, is_coloured,
                "{variables:?} {arguments:?} {shown:?}"
            );
        }
    }
}
