//! Help is in the imperative, and says what each option needs.

use crate::support::program::{assert_done, bare, run};

pub(crate) const COMMANDS: [&str; 17] = [
    "run",
    "send",
    "get",
    "watch",
    "wait",
    "stop",
    "tree",
    "chat",
    "batch",
    "mcp",
    "workspaces",
    "agents",
    "login",
    "doctor",
    "completions",
    "schema",
    "emulator",
];

/// What comes after `schema`.
const SCHEMA_COMMANDS: [&str; 4] = ["output", "print", "check", "diff"];

#[test]
fn the_help_of_every_command_is_as_it_was() {
    assert_done!("help", run(bare(), &["--help"]));
    for command in COMMANDS {
        assert_done!(format!("help_{command}"), run(bare(), &[command, "--help"]));
    }
    let check = run(bare(), &["agents", "check", "--help"]);
    assert_done!("help_agents_check", check);
    for command in SCHEMA_COMMANDS {
        let help = run(bare(), &["schema", command, "--help"]);
        assert_done!(format!("help_schema_{command}"), help);
    }
}

/// Fails on "Starts a run." and the like: "Start a run" is what is wanted.
fn assert_imperative(summary: &str) {
    let word = summary.split_whitespace().next().unwrap();
    let is_imperative = (!word.ends_with('s') || word == "Suppress")
        && !["A", "The", "What", "How", "Whether"].contains(&word);
    assert!(is_imperative, "{summary}");
    assert!(!summary.ends_with('.'), "{summary}");
}

#[test]
fn summaries_are_in_the_imperative_and_fit_into_a_line() {
    let help = run(bare(), &["--help"]).stdout;
    let (_, commands) = help.split_once("\nCommands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    for line in commands.lines() {
        let (_, summary) = line.trim().split_once("  ").unwrap();
        assert_imperative(summary.trim());
        assert!(line.chars().count() <= 100, "{line}");
    }
    for command in COMMANDS.iter().chain(&["--color=never"]) {
        let help = run(bare(), &[*command, "--help"]).stdout;
        assert_imperative(help.lines().next().unwrap());
        assert_options_imperative(&help);
    }
    for command in SCHEMA_COMMANDS {
        let help = run(bare(), &["schema", command, "--help"]).stdout;
        assert_imperative(help.lines().next().unwrap());
        assert_options_imperative(&help);
    }
}

fn assert_options_imperative(help: &str) {
    let lines: Vec<_> = help.lines().map(str::trim).collect();
    for pair in lines.windows(2) {
        // What an option takes is listed with a hyphen and a space.
        if pair[0].starts_with('-') && !pair[0].starts_with("- ") {
            assert_imperative(pair[1]);
        }
    }
}

#[test]
fn options_say_what_they_need_and_how_a_time_is_written() {
    let help = run(bare(), &["run", "--help"]).stdout;
    let of = |option: &str| {
        let (_, rest) = help.split_once(&format!("      {option} <")).unwrap();
        rest.lines().nth(1).unwrap().to_owned()
    };
    assert!(of("--slack-channel").contains("needs --slack-thread"));
    assert!(of("--slack-thread").contains("needs --slack-channel"));
    assert!(of("--timeout").contains("90s, 30m"));
}

#[test]
fn help_and_version_are_commands_too() {
    for (command, option) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "run"], &["run", "--help"]),
        (&["version"], &["--version"]),
    ] {
        let done = run(bare(), command);
        assert_eq!(done.code(), 0, "{command:?} {}", done.stderr);
        assert_eq!(done.stdout, run(bare(), option).stdout);
    }
}

#[test]
fn a_message_without_its_option_gets_a_tip() {
    for (arguments, tip) in [
        (["run", "agent", "some text"], "dinoai run AGENT -m TEXT"),
        (["send", "abc", "some text"], "dinoai send SESSION -m TEXT"),
    ] {
        let done = run(bare(), &arguments);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains(tip), "{}", done.stderr);
        let json = run(bare(), &[&arguments[..], &["--output", "json"]].concat());
        assert!(json.stderr.contains(tip), "{}", json.stderr);
    }
    let done = run(bare(), &["run", "agent", "--tiemout"]);
    assert!(!done.stderr.contains("-m TEXT"), "{}", done.stderr);
}

#[test]
fn the_help_names_the_exception_to_one_document() {
    let help = run(bare(), &["batch", "--help"]).stdout;
    assert!(
        help.contains("json:   One JSON document; of batch, "),
        "{help}"
    );
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
        for word in ["--secret", "--token", "--api-key", "--password"] {
            assert!(!help.contains(word), "{command} {word}");
        }
        // That of a run, or of a batch, is no credential.
        assert_eq!(help.contains("--key"), ["run", "batch"].contains(&command));
    }
}
