//! The completion script of each shell offers the options of each command, and no others.

use std::collections::BTreeSet;

use crate::help_is_imperative::COMMANDS;
use crate::support::program::{bare, run};

/// The shells that the command offers.
fn shells() -> Vec<String> {
    let help = run(bare(), &["completions", "--help"]).stdout;
    let (_, rest) = help.split_once("[possible values: ").unwrap();
    let (shells, _) = rest.split_once(']').unwrap();
    shells.split(", ").map(str::to_owned).collect()
}

/// The part of a script that is about a command, and what stands before each of its options.
fn part(script: &str, shell: &str, command: &str) -> (String, &'static str) {
    let between = |start: &str, end: &str| {
        let (_, rest) = script.split_once(start).unwrap();
        rest.split_once(end).unwrap().0.to_owned()
    };
    match shell {
        "bash" => {
            let start = format!("        dinoai__subcmd__{command})\n            opts=\"");
            (between(&start, "\""), " ")
        }
        "elvish" => (
            between(&format!("&'dinoai;{command}'= {{"), "\n        }"),
            "cand ",
        ),
        "fish" => {
            let start = format!("complete -c dinoai -n \"__fish_dinoai_using_subcommand {command}");
            let lines = script.lines().filter(|line| {
                let rest = line.strip_prefix(&start);
                // What comes after a command of its own, as `schema check`, is about that one.
                let is_inner = |rest: &str| rest.starts_with("; and __fish_seen_subcommand_from");
                rest.is_some_and(|rest| rest.starts_with(['"', ';']) && !is_inner(rest))
            });
            (
                lines
                    .collect::<Vec<_>>()
                    .join("\n")
                    .replace(" -l ", " -l --"),
                " -l ",
            )
        }
        "powershell" => (
            between(&format!("'dinoai;{command}' {{"), "break"),
            "::new('",
        ),
        "zsh" => {
            // The help of a command comes under its name, too, and has no options.
            let start = format!("({command})\n_arguments");
            let parts = script
                .split(&start)
                .skip(1)
                .map(|rest| rest.split("\n;;").next().unwrap());
            let options = parts.max_by_key(|part| part.len()).unwrap();
            // Before an option stands what it excludes, and whether it can be repeated.
            let bare = |line: &str| {
                let option = line.strip_prefix('\'')?;
                let option = match option.strip_prefix('(') {
                    Some(rest) => rest.split_once(')')?.1,
                    None => option,
                };
                Some(format!("'{}", option.trim_start_matches('*')))
            };
            let options: Vec<_> = options.lines().filter_map(bare).collect();
            (options.join("\n"), "'")
        }
        // Offers nothing here, which fails: its script is to be read, too.
        _ => (String::new(), " "),
    }
}

fn option(text: &str) -> Option<String> {
    let name = text.strip_prefix("--")?;
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    Some(format!("--{}", &name[..end.unwrap_or(name.len())]))
}

fn offered(script: &str, shell: &str, command: &str) -> BTreeSet<String> {
    let (part, before) = part(script, shell, command);
    format!("{before}{part}")
        .split(before)
        .filter_map(option)
        .collect()
}

/// The options that a command takes, as its help lists them.
fn taken(command: &str) -> BTreeSet<String> {
    let help = run(bare(), &[command, "--help"]).stdout;
    let lines = help.lines().map(str::trim_start);
    let options = lines.filter_map(|line| match line.split_once(", --") {
        Some((short, long)) if short.len() == 2 => option(&format!("--{long}")),
        _ => option(line),
    });
    options.collect()
}

#[test]
fn completions_of_each_shell_are_the_options_of_each_command_and_no_others() {
    let shells = shells();
    assert!(shells.len() >= 5, "{shells:?}");
    for shell in shells {
        let script = run(bare(), &["completions", &shell]).stdout;
        for command in COMMANDS {
            let (offered, taken) = (offered(&script, &shell, command), taken(command));
            assert!(taken.len() > 1, "{command}: {taken:?}");
            assert_eq!(offered, taken, "{shell} {command}");
        }
    }
}

#[test]
fn the_emulator_refuses_none_of_its_options() {
    let options = taken("emulator");
    assert!(options.contains("--port") && !options.contains("--endpoint"));
    for option in options {
        let refusal = run(bare(), &["emulator", &option, "--no-such-option"]).stderr;
        assert!(!refusal.contains(&format!("'{option}' found")), "{refusal}");
    }
}
