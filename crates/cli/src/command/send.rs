//! `dinoai send`: a follow-up message, and the wait for its turn.

use super::Desk;
use super::run::Begun;
use crate::exit::Exit;
use crate::failure::{Failure, go_on};
use crate::follow::Follow;
use crate::in_flight;
use crate::message;
use crate::narration::Audience;
use crate::options::{Format, Send};

impl Send {
    /// The same with the message from the pipe, where none was given.
    pub(crate) fn with_message(mut self) -> Result<Self, Failure> {
        self.message = message::given_or_piped(self.message)?;
        if self.message.is_none() {
            return Err(Failure::usage("there is nothing to send: give it with -m"));
        }
        Ok(self)
    }
}

pub(crate) async fn send(mut desk: Desk<'_>, options: Send) -> Result<Exit, Failure> {
    let Desk { client, output, .. } = desk;
    let id = &options.session;
    let session = client.session(id)?;
    output.busy("sending");
    let call = session.send(options.message.unwrap_or_default());
    let sent = in_flight::answer(call, &mut desk.interrupts).await;
    let (accepted, signal) = sent.map_err(|failure| failure.about(id))?;
    if output.format == Format::Jsonl {
        output.json(&Begun {
            event: "sent",
            data: &accepted,
        })?;
    }
    if let Some(signal) = signal {
        return Err(Failure::interrupted(signal, id, "has the message").with_hint(go_on(id)));
    }
    let follow = Follow {
        client,
        output,
        waiting: options.waiting,
        audience: Audience::Author,
    };
    follow.to_the_end(&session, &mut desk.interrupts).await
}
