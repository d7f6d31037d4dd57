//! An intent is on disk before its trigger is sent: shown with a device that Linux has.

use std::fs::OpenOptions;
use std::time::Duration;

use dinoai::{Client, Credentials};
use dinoai_emulator::Emulator;

use super::*;
use crate::args::Format;
use crate::interrupt::Listener;

/// A file that takes what is written, and has no disk that it could be on.
#[tokio::test]
async fn nothing_is_sent_unless_its_intent_is_on_disk() {
    let emulator = Emulator::builder().start().await.unwrap();
    let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
    let client = Client::new(emulator.endpoint(), credentials).unwrap();
    let output = Output::plain(Format::Text);
    let nowhere = OpenOptions::new().append(true).open("/dev/null").unwrap();
    let items = ["one", "two"].map(|message| Item {
        message: Some(message.to_owned()),
        ..Item::default()
    });
    let prepared = Prepared {
        tasks: items.map(|item| Task::Start(item, PriorState::New)).into(),
        journal: Journal::new(Some(nowhere.into()), None, Format::Text).unwrap(),
        poll: PollArgs {
            timeout: Duration::from_secs(10),
            poll_interval: Some(Duration::from_millis(5)),
        },
        concurrency: 1,
        results: None,
    };
    let mut interrupts = Listener::start(&output).unwrap();
    let context = Context {
        client: &client,
        output: &output,
        interrupts: &mut interrupts,
    };
    let exit = batch(context, prepared).await.unwrap();
    assert_eq!(exit, ExitStatus::Unavailable);
    assert_eq!(emulator.requests().len(), 0);
}
