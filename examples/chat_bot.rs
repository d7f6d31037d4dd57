//! A chat that survives being killed: started again, it goes on in the middle of a turn, and shows
//! each message exactly once.
//!
//! Shows how a `Checkpoint` is stored together with what has been shown, and how a message that
//! may have been sent is not sent again.
//!
//! ```sh
//! cargo run --example chat_bot -- chat.json
//! ```
//!
//! Type a message and press Enter; Ctrl-D ends it. Without an account that chat ends with the
//! process, as its emulator does. To kill the bot and start it again: `cargo run -p dinoai-emulator`
//! in another terminal, and here the `export` lines that it prints.

mod api;

use std::io::Write;
use std::path::{Path, PathBuf};

use dinoai::{Checkpoint, Event, Events, Message, TriggerRun};
use dinoai_emulator::Scenario;
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The conversation as it is stored. All of it changes in one step: were the checkpoint a file of
/// its own, a process killed between two writes would show a message twice, or never.
#[derive(Default, Serialize, Deserialize)]
struct Chat {
    /// Where the session stands; none before the run has started.
    checkpoint: Option<Checkpoint>,
    shown: Vec<Message>,
    /// A message on its way: stored before it leaves, removed when the API has accepted it.
    sending: Option<String>,
    #[serde(skip)]
    file: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args_os().nth(1).ok_or("usage: chat_bot FILE")?;
    let api = api::Api::connect(Scenario::completed()).await?;
    let mut chat = Chat::load(file.into())?;

    for message in &chat.shown {
        show(message);
    }
    let shown_before = chat.shown.len();
    if let Some(checkpoint) = chat.checkpoint.clone() {
        // What the agent has written since, to the end of the turn that was in progress.
        let watch = api.client.resume(checkpoint).watch();
        chat.follow(watch.events()).await?;
    }
    if let Some(text) = chat.sending.take() {
        let mut since = chat.shown.iter().skip(shown_before);
        if !since.any(|message| message.is_from_user() && message.content == text) {
            // To send it again may start a second turn, or a second run: its author decides.
            println!("(It is not known whether this was sent: {text})");
        }
        chat.save()?;
    }

    // Blocks the thread, which has nothing else to do between two turns.
    for line in std::io::stdin().lines() {
        let text = line?;
        if text.trim().is_empty() {
            continue;
        }
        chat.sending = Some(text.clone());
        chat.save()?;
        let watch = match chat.checkpoint.clone() {
            None => api.client.trigger_run_and_watch(TriggerRun::message(text)),
            Some(checkpoint) => api.client.resume(checkpoint).send_and_watch(text),
        };
        chat.follow(watch.events()).await?;
    }
    Ok(())
}

impl Chat {
    /// Shows what is new until the turn has ended.
    async fn follow(&mut self, mut events: Events) -> Result<()> {
        while let Some(event) = events.next().await {
            match &event {
                Ok(Event::Started(_) | Event::Sent(_)) => self.sending = None,
                Ok(Event::Message(message)) => self.shown.push(message.clone()),
                Ok(_) => {}
                Err(error) if !error.may_have_started() => self.sending = None,
                Err(_) => {}
            }
            if let Some(session) = events.session() {
                self.checkpoint = Some(session.checkpoint());
            }
            // Stored first, shown then: a process that is killed in between shows it when it is
            // started again.
            self.save()?;
            if let Event::Message(message) = event? {
                show(&message);
            }
        }
        // The end closes the turn, which the checkpoint says, too.
        if let Some(session) = events.session() {
            self.checkpoint = Some(session.checkpoint());
        }
        self.save()
    }

    fn load(file: PathBuf) -> Result<Self> {
        let chat = match std::fs::read(&file) {
            Ok(stored) => serde_json::from_slice(&stored)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { file, ..chat })
    }

    /// Replaces the file in one step, so that it is whole whenever the process is killed.
    fn save(&self) -> Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let mut next = tempfile::NamedTempFile::new_in(folder)?;
        next.write_all(&serde_json::to_vec(self)?)?;
        next.as_file().sync_all()?;
        next.persist(&self.file)?;
        Ok(())
    }
}

fn show(message: &Message) {
    println!("[{}] {}", message.role, message.content);
}
