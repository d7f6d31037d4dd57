//! `dinoai chat`: a conversation. Ctrl-C leaves the turn, which goes on, and not the chat.

mod history;
mod lines;
mod terminal;

use dinoai::{Error, RunStatus, Session, SessionId};

use super::Desk;
use super::get::transcript;
use super::run::trigger;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{Follow, Followed};
use crate::in_flight;
use crate::interrupt::Signal;
use crate::narration::{Audience, Narration};
use crate::options::{AtTimeout, Chat, Format, OnInterrupt, Request, Waiting};
use lines::{Line, Lines};
use terminal::Terminal;

pub(crate) async fn chat(mut desk: Desk<'_>, options: Chat) -> Result<Exit, Failure> {
    if desk.output.format != Format::Text {
        return Err(Failure::usage(
            "a conversation is text: for JSON use run and send",
        ));
    }
    // Before the first line is read, since that changes it; put back at the end.
    let terminal = Terminal::remember()
        .ok_or_else(|| Failure::usage("there is no message, and no terminal for a conversation"))?;
    let mut conversation = Conversation::open(&mut desk, options).await?;
    desk.output
        .note("An empty line, Ctrl-D, or Ctrl-C twice ends the conversation.");

    let mut lines = Lines::open()?;
    let mut has_interrupted = false;
    loop {
        let line = tokio::select! {
            line = lines.next() => line?,
            Signal::Terminate = desk.interrupts.next() => {
                terminal.restore();
                return Err(conversation.left(Signal::Terminate));
            }
        };
        match line {
            Line::Text(text) if text.trim().is_empty() => break,
            Line::End => break,
            Line::Interrupt if has_interrupted => break,
            Line::Interrupt => {
                has_interrupted = true;
                desk.output.note("Ctrl-C again ends the conversation.");
            }
            Line::Text(text) => {
                has_interrupted = false;
                let turn = conversation.turn(&mut desk, text).await;
                desk.output.idle();
                if let Err(failure) = turn {
                    desk.output.failure(&failure);
                    if failure.exit == Exit::Interrupted(Signal::Terminate) {
                        return Ok(failure.exit);
                    }
                }
            }
        }
    }
    if let Some(session) = &conversation.session {
        let id = session.id();
        desk.output
            .note(&format!("go on with: dinoai chat --session {id}"));
    }
    Ok(Exit::Done)
}

/// A conversation, whose session there is from its first turn on.
struct Conversation {
    request: Request,
    waiting: Waiting,
    session: Option<Session>,
}

impl Conversation {
    async fn open(desk: &mut Desk<'_>, options: Chat) -> Result<Self, Failure> {
        let session = match &options.session {
            Some(id) => Some(resumed(desk, id).await?),
            None => None,
        };
        Ok(Self {
            request: Request {
                agent: options.agent,
                message: None,
                slack_channel: None,
                slack_thread: None,
                base_branch: None,
                model_family: options.model_family,
            },
            waiting: Waiting {
                pace: options.pace,
                on_timeout: AtTimeout::Leave,
                on_interrupt: OnInterrupt::Leave,
                steps: true,
            },
            session,
        })
    }

    /// Says something, and shows what the agent does with it.
    async fn turn(&mut self, desk: &mut Desk<'_>, text: String) -> Result<(), Failure> {
        desk.output.busy("sending");
        let signal = self.say(desk, text).await?;
        let Some(session) = &self.session else {
            return Ok(());
        };
        if let Some(signal) = signal {
            return Err(Failure::interrupted(
                signal,
                session.id(),
                "has the message",
            ));
        }
        let follow = Follow {
            client: desk.client,
            output: desk.output,
            waiting: self.waiting,
            audience: Audience::Author,
        };
        let mut narration = Narration::new(desk.output, Audience::Author);
        let followed = follow
            .follow(session, &mut desk.interrupts, &mut narration)
            .await?;
        match followed {
            Followed::Ended(run) if run.status != RunStatus::Completed => {
                let run = Box::new(run);
                let started = false;
                Err(Error::RunFailed { run, started }.into())
            }
            Followed::Ended(_) | Followed::Abandoned => Ok(()),
        }
    }

    async fn say(&mut self, desk: &mut Desk<'_>, text: String) -> Result<Option<Signal>, Failure> {
        if let Some(session) = &self.session {
            let call = session.send(text);
            let sent = in_flight::answer(call, &mut desk.interrupts).await;
            return sent.map(|(_, signal)| signal);
        }
        let message = Some(text);
        let request = trigger(Request {
            message,
            ..self.request.clone()
        })?;
        let call = desk.client.trigger_run(request);
        let (accepted, signal) = in_flight::answer(call, &mut desk.interrupts).await?;
        if let Some(warning) = &accepted.warning {
            desk.output.warning(warning);
        }
        desk.output
            .note(&format!("session {}", accepted.session_id));
        self.session = Some(desk.client.session(&accepted.session_id)?);
        Ok(signal)
    }

    fn left(&self, signal: Signal) -> Failure {
        let failure = Failure::new("interrupted", Exit::Interrupted(signal), "interrupted");
        match &self.session {
            None => failure,
            Some(session) => {
                let id = session.id();
                let hint = format!("go on with: dinoai chat --session {id}");
                failure.about(id).with_hint(hint)
            }
        }
    }
}

/// A session that was begun before, after its transcript.
async fn resumed(desk: &mut Desk<'_>, id: &SessionId) -> Result<Session, Failure> {
    let session = desk.client.session(id)?;
    let run = desk.read(session.run()).await?;
    transcript(&run, desk.output)?;
    Ok(session)
}
