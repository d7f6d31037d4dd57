//! Commands with `--emulator`, whose emulator ends with them.

use crate::program::{bare, run};

/// What needs a run of an earlier command, or leaves one for a later command.
const OUTLIVING: [&[&str]; 10] = [
    &["run", "a", "--detach"],
    &["send", "abc", "-m", "Go on"],
    &["get", "abc"],
    &["watch", "abc"],
    &["wait", "abc", "def"],
    &["stop", "abc"],
    &["tree", "abc"],
    &["chat", "--session=abc"],
    &["batch", "/no/items", "--resume", "/no/results"],
    &["-s", "abc", "-m", "Go on"],
];

#[test]
fn what_outlives_its_emulator_is_refused_with_the_cure() {
    for arguments in OUTLIVING {
        let done = run(bare(), &[arguments, &["--emulator"]].concat());
        assert_eq!(done.code(), 2, "{arguments:?}: {}", done.stderr);
        assert_eq!(done.stdout, "");
        assert!(done.stderr.contains("`dinoai emulator`"), "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    }
}
