//! `dinoai chat`: a conversation. Ctrl-C leaves the turn, which stays in progress; it does not leave
//! the chat.
//!
//! [`chat`] opens the [`Conversation`] and leaves the terminal as it was. In between [`converse`]
//! goes round: wait until everything is written, take what was typed ahead, read a line, send it
//! ([`Conversation::turn`]).

mod line_editor;

use dinoai::{Session, SessionId};

use super::context::Context;
use super::run::trigger_run;
use crate::args::{AtTimeout, ChatArgs, FollowArgs, Format, OnInterrupt, RequestArgs};
use crate::follow::{Follower, without_messages};
use crate::interrupt::{Action, RunStage, decide};
use crate::journal::Ledger;
use crate::print::{Audience, EventPrinter, text};
use crate::report::{ExitStatus, Failure, FailureKind, Signal, hint};
use crate::terminal::Terminal;
use line_editor::{LineEditor, TypedAhead, TypedLine};

pub(crate) async fn chat(
    mut context: Context<'_>,
    options: ChatArgs,
) -> Result<ExitStatus, Failure> {
    if context.output.format != Format::Text {
        return Err(Failure::usage(
            "chat writes text only; for JSON, use run and send",
        ));
    }
    // Before the first line is read, since that changes it; put back at the end.
    let terminal = Terminal::remember().ok_or_else(|| {
        Failure::usage("no message given, and no terminal for a conversation")
            .with_hint("for usage, see `dinoai --help`")
    })?;
    let mut conversation = Conversation::open(&mut context, options).await?;
    context.output.note(
        "To end the conversation, enter exit or an empty line, or press Ctrl-D, or Ctrl-C twice.",
    );

    let end = converse(&mut conversation, &mut context, &terminal).await;
    // What was pasted behind that is not for the shell to carry out.
    let left_out = terminal.drain();
    if left_out > 0 {
        context
            .output
            .note("What was typed after that was discarded.");
    }
    end.map_err(|failure| conversation.about(failure))?;
    if let Some(session) = &conversation.session {
        let id = session.id();
        context.output.hint(&format!(
            "to resume: dinoai chat --session={}",
            hint::quoted(id.as_str())
        ));
    }
    Ok(ExitStatus::Done)
}

/// Takes turns until the user has enough of it.
async fn converse(
    conversation: &mut Conversation,
    context: &mut Context<'_>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut lines = LineEditor::open()?;
    let mut has_interrupted = false;
    loop {
        // The editor writes to the terminal by itself.
        tokio::select! {
            () = context.output.until_written() => {}
            signal = context.interrupts.next() => {
                let graver = match signal {
                    // It leaves the turn, whose text is still being written.
                    Signal::Interrupt if conversation.session.is_some() => context.interrupts.resume(),
                    signal => Some(signal),
                };
                if let Some(signal) = graver {
                    return Err(conversation.left(signal));
                }
                context.output.drop_queued_results();
                continue;
            }
        }
        // Whoever typed it had no prompt before them.
        let ahead = match TypedAhead::of(&terminal.typed()) {
            TypedAhead::Line(text) => text,
            TypedAhead::Lines => {
                context.output.note(
                    "What was typed during the turn was discarded: it is more than one line.",
                );
                continue;
            }
        };
        let line = tokio::select! {
            line = lines.next(ahead) => line?,
            signal = context.interrupts.next() => {
                context.output.end_of_editing();
                return Err(conversation.left(signal));
            }
        };
        match line {
            TypedLine::Text(text) if is_farewell(&text) => return Ok(()),
            TypedLine::End => return Ok(()),
            TypedLine::Interrupt if has_interrupted => return Ok(()),
            TypedLine::Interrupt => {
                has_interrupted = true;
                context
                    .output
                    .note("Press Ctrl-C again to end the conversation.");
            }
            TypedLine::Text(text) => {
                has_interrupted = false;
                terminal.hide_typing();
                let turn = conversation.turn(context, text).await;
                context.output.clear_progress();
                if let Err(failure) = turn {
                    match failure.exit {
                        ExitStatus::Interrupted(Signal::Interrupt) => {
                            if let Some(signal) = context.interrupts.resume() {
                                return Err(failure.after_signal(signal));
                            }
                        }
                        ExitStatus::Interrupted(_) => return Err(failure),
                        // Another message would be refused, too.
                        _ if conversation.is_refused(&failure) => return Err(failure),
                        _ => {}
                    }
                    context.output.failure(&failure);
                }
                if let Some(lost) = context.output.stdout_error() {
                    return Err(lost.failure("the conversation has ended"));
                }
            }
        }
    }
}

/// Whether a line ends the conversation. It is no message, which would cost money.
fn is_farewell(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let word = line.strip_prefix('/').unwrap_or(&line);
    line.is_empty() || ["exit", "quit"].contains(&word)
}

/// A conversation, whose session there is from its first turn on.
struct Conversation {
    request: RequestArgs,
    follow: FollowArgs,
    /// Where it is remembered that the conversation was begun.
    ledger: Option<Ledger>,
    session: Option<Session>,
}

impl Conversation {
    async fn open(context: &mut Context<'_>, options: ChatArgs) -> Result<Self, Failure> {
        let ledger = Ledger::open(&options.journal, context.is_emulated, context.output).await?;
        let session = match (&options.session, options.continues, &ledger) {
            (Some(id), ..) => Some(resumed(context, id).await?),
            (None, true, Some(ledger)) => {
                let id = ledger.last(context.client).await?;
                Some(resumed(context, &id).await?)
            }
            (None, true, None) => {
                return Err(Failure::usage(
                    "there is no journal that says which session was the last; name it with --session",
                ));
            }
            (None, false, _) => None,
        };
        Ok(Self {
            ledger,
            request: RequestArgs {
                agent: options.agent,
                message: None,
                slack_channel: None,
                slack_thread: None,
                base_branch: None,
                model_family: options.model_family,
            },
            follow: FollowArgs {
                stall: None,
                poll: options.poll,
                on_timeout: AtTimeout::Leave,
                on_interrupt: OnInterrupt::Leave,
                steps: true,
            },
            session,
        })
    }

    /// Says something, and shows what the agent does with it.
    async fn turn(&mut self, context: &mut Context<'_>, text: String) -> Result<(), Failure> {
        // Of its own, so that Ctrl-C gives up this turn alone.
        let client = context.client.child();
        let follower = Follower {
            client: &client,
            output: context.output,
            options: self.follow,
            audience: Audience::Author,
            is_live: true,
            github: None,
        };
        let watch = match &self.session {
            Some(session) => client.resume(session.checkpoint()).send_and_watch(text),
            None => {
                let request = trigger_run(RequestArgs {
                    message: Some(text),
                    ..self.request.clone()
                })?;
                match &self.ledger {
                    Some(ledger) => {
                        let once = ledger.start(&client, "chat", request, context.output);
                        once.watch()
                    }
                    None => client.trigger_run_and_watch(request),
                }
            }
        };
        let mut watched = follower.watch(watch, true);
        let mut printer = EventPrinter::new(context.output, Audience::Author);
        let followed = follower
            .follow(&mut watched, context.interrupts, &mut printer)
            .await;
        if let Some(session) = watched.session() {
            self.session = Some(session);
        }
        let run = followed?;
        without_messages(run).into_result()?;
        Ok(())
    }

    /// Whether the API has refused to begin it: the agent is unknown, or the credentials are wrong.
    fn is_refused(&self, failure: &Failure) -> bool {
        self.session.is_none()
            && matches!(
                failure.kind,
                FailureKind::GraphQl | FailureKind::NotStarted | FailureKind::Unauthorized
            )
            && matches!(failure.exit, ExitStatus::Unavailable | ExitStatus::Refused)
    }

    /// A failure that ends the conversation. Once there is a run, something has been sent.
    fn about(&self, failure: Failure) -> Failure {
        let Some(session) = &self.session else {
            return failure;
        };
        let mut failure = failure.about(session.id());
        if failure.exit == ExitStatus::Usage {
            failure.exit = ExitStatus::Unavailable;
        }
        failure
    }

    fn left(&self, signal: Signal) -> Failure {
        let failure = Failure::by_signal(signal, "interrupted");
        let stage = match self.session {
            Some(_) => RunStage::InProgress,
            None => RunStage::NothingBegun,
        };
        match &self.session {
            Some(session) if decide(stage, self.follow.on_interrupt) == Action::Leave => {
                let id = session.id();
                let hint = format!(
                    "to resume: dinoai chat --session={}",
                    hint::quoted(id.as_str())
                );
                failure.about(id).with_hint(hint)
            }
            _ => failure,
        }
    }
}

/// A session that was begun before, after its transcript.
async fn resumed(context: &mut Context<'_>, id: &SessionId) -> Result<Session, Failure> {
    let session = context.client.session(id)?;
    let run = context.read(id, session.run()).await?;
    text::transcript(&run, context.output);
    Ok(session)
}
