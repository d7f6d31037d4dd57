//! `dinoai stop`: stops a run.

use std::time::Duration;

use dinoai::{Accepted, SessionId};

use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Fate, Stage, fate};
use crate::options::{Format, OnInterrupt, Session};

pub(crate) async fn stop(mut desk: Desk<'_>, options: Session) -> Result<Exit, Failure> {
    let id = &options.session;
    let accepted = carry_out(&mut desk, id).await?;
    match desk.output.format {
        Format::Json | Format::Jsonl => desk.output.json(&accepted),
        Format::Text => {
            let line = format!("{} {}", accepted.session_id, accepted.status);
            desk.output.text(&line);
        }
    }
    desk.shown(id).await
}

/// Stops the run. At a signal its answer is waited for a while.
async fn carry_out(desk: &mut Desk<'_>, id: &SessionId) -> Result<Accepted, Failure> {
    desk.output.busy("stopping");
    let mut stop = desk.client.stop_run(id);
    let signal = tokio::select! {
        stopped = &mut stop => return stopped.map_err(|error| Failure::from(error).about(id)),
        signal = desk.interrupts.next() => signal,
    };
    let limit = match fate(Stage::Stopping, OnInterrupt::Leave) {
        Fate::AwaitStop(limit) => limit,
        _ => Duration::ZERO,
    };
    tokio::select! {
        stopped = stop => match stopped {
            Ok(_) => Err(Failure::interrupted(signal, id, "was stopped")),
            Err(error) => {
                let problem = format!("could not be stopped: {error}");
                Err(Failure::interrupted(signal, id, &problem))
            }
        },
        () = tokio::time::sleep(limit) => Err(Failure::interrupted_stop(signal, id)),
        _ = desk.interrupts.next() => Err(Failure::interrupted_stop(signal, id)),
    }
}
