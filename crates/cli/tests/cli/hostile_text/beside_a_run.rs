//! What is shown beside a run is as harmless: a status, an error, a word of the command line.

use dinoai_emulator::Fault;
use serde_json::json;

use super::judge::{is_harmless_on_a_terminal, is_obeyed_in_a_log};
use super::{FORMATS, ended, everywhere, hostile};

#[test]
fn what_the_api_says_beside_a_run_is_as_harmless() {
    let evil = "\u{1b}[31m\u{9b}2J\u{202e}\n::add-mask::a\n##vso[a]b";
    for format in FORMATS {
        let emulator = hostile();
        let id = ended(&emulator).session_id;
        let faults = [
            ("status", Fault::replaced("status", json!(evil))),
            ("error", Fault::graphql_error(200).message(evil)),
            ("nothing", Fault::unavailable()),
        ];
        let commands = [
            &["run", "hostile", "--model-family", evil, "--detach"][..],
            &["run", evil, "--detach"],
            &["get", &id],
            &["stop", &id],
            &["tree", &id],
            &["get", evil],
        ];
        for (said, fault) in faults {
            for command in commands {
                emulator.add_fault(fault.clone().times(2)).unwrap();
                let arguments = [command, &["--output", format]].concat();
                let [shown, logged] = everywhere(&emulator, &arguments);
                // What moves and hides the spinner, which is there for a moment.
                let shown = console::strip_ansi_codes(&shown).replace('\r', "\n");
                assert!(
                    is_harmless_on_a_terminal(&shown),
                    "{arguments:?}: {shown:?}"
                );
                assert!(!is_obeyed_in_a_log(&logged), "{arguments:?}: {logged:?}");
                assert_eq!(emulator.faults().len(), 0, "{arguments:?}");
                if said == "error" {
                    assert!(shown.contains("add-mask"), "{arguments:?}: {shown:?}");
                    assert!(logged.contains("add-mask"), "{arguments:?}: {logged:?}");
                }
            }
        }
    }
}

#[test]
fn a_word_that_is_no_option_is_as_harmless() {
    let emulator = hostile();
    let evil = "--\u{1b}[31m\n::add-mask::a ##vso[b]";
    for format in FORMATS {
        let [shown, logged] = everywhere(&emulator, &["get", evil, "--output", format]);
        assert!(is_harmless_on_a_terminal(&shown), "{shown:?}");
        assert!(!is_obeyed_in_a_log(&logged), "{logged:?}");
        assert!(shown.contains("add-mask"), "{shown:?}");
    }
}
