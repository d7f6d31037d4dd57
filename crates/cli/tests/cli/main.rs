//! The command, run as a program against an emulator in the test's own process.
//!
//! A file, or a folder, is named by the promise that it keeps.

// Signals, permissions and pseudo-terminals are Unix's.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod agents_are_checked;
mod answer_file_has_only_the_answer;
mod answers_as_json;
mod backends_are_asked_for_their_schema;
mod batch;
mod changed_schemas_are_noticed;
mod colours_follow_the_environment;
mod compacted_conversations;
mod completions_match_the_options;
mod credentials_stay_secret;
mod doctor_names_what_is_wrong;
mod doctor_notices_changed_schemas;
mod doctor_reaches_the_endpoint;
mod doctor_starts_nothing;
mod emulator_option;
mod equal_failures_are_said_once;
mod failures_and_exit_status;
mod few_bytes_where_only_the_end_is_shown;
mod github_steps;
mod heartbeat_breaks_silence;
mod help_is_imperative;
mod hints_can_be_pasted;
mod hostile_text;
mod json_and_jsonl_agree;
mod keys;
mod login_saves_credentials;
mod lost_stdout_loses_no_id;
mod mcp;
mod messages_come_from_options;
mod outages_are_shown;
mod own_documents_are_checked;
mod readmes_show_real_output;
mod results_in_each_format;
mod schema_covers_all_json;
mod schemas_in_files_are_compared;
mod send_shows_its_own_turn;
mod signals;
#[path = "../../../emulator/tests/emulator/skipped.rs"]
mod skipped;
mod stop_tries_every_run;
mod support;
mod terminal;
mod unfinished_runs_are_written;
mod waits_like_the_library;
mod workspaces_are_named;
