//! `dinoai stop`: stops runs, and what they have started.

mod tree;

use std::collections::VecDeque;
use std::time::Duration;

use dinoai::{Accepted, SessionId};

use super::{Desk, interrupted};
use crate::each::Each;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Fate, Signal, Stage, fate};
use crate::options::{Format, OnInterrupt, Stop};
use crate::output::Output;
use crate::shell;

pub(crate) async fn stop(mut desk: Desk<'_>, options: Stop) -> Result<Exit, Failure> {
    let mut stopping = Stopping {
        output: desk.output,
        results: vec![],
        exits: vec![],
        options: if options.tree { "--tree " } else { "" },
    };
    let mut left = VecDeque::from(options.sessions);
    let mut end = Ok(());
    while end.is_ok()
        && let Some(id) = left.pop_front()
    {
        end = match options.tree {
            true => stopping.tree(&mut desk, &id).await,
            false => stopping.one(&mut desk, &id).await,
        };
    }
    stopping.finish(&mut desk, end, &left).await
}

/// What came of the stops so far.
struct Stopping<'a> {
    output: &'a Output,
    /// What came of each, where that is written at the end.
    results: Vec<Each<Accepted>>,
    exits: Vec<Exit>,
    /// What the command to go on with is to be given.
    options: &'static str,
}

impl Stopping<'_> {
    /// Stops a run, and shows what came of it. Fails only if it was interrupted.
    async fn one(&mut self, desk: &mut Desk<'_>, id: &SessionId) -> Result<(), Failure> {
        match carry_out(desk, id).await? {
            Ok(accepted) => self.done(accepted),
            Err(failure) => self.failed(id, &failure),
        }
        Ok(())
    }

    fn done(&mut self, accepted: Accepted) {
        match self.output.format {
            Format::Text => {
                let line = format!("{} {}", accepted.session_id, accepted.status);
                self.output.line(&line);
            }
            Format::Jsonl => self.output.json(&accepted),
            Format::Json => self.results.push(Each::Done(accepted)),
        }
        self.exits.push(Exit::Done);
    }

    fn failed(&mut self, id: &SessionId, failure: &Failure) {
        self.output.failure(failure);
        let result = Each::failed(id, failure);
        match self.output.format {
            Format::Text => {}
            Format::Jsonl => self.output.json(&result),
            Format::Json => self.results.push(result),
        }
        self.exits.push(failure.exit);
    }

    /// Shows what is shown at the end, and waits for its reader. One that has enough of it misses
    /// nothing.
    async fn finish(
        self,
        desk: &mut Desk<'_>,
        end: Result<(), Failure>,
        left: &VecDeque<SessionId>,
    ) -> Result<Exit, Failure> {
        desk.output.idle();
        if desk.output.format == Format::Json {
            desk.output.json(&self.results);
        }
        if let Err(mut failure) = end {
            if !left.is_empty() {
                let command = format!("dinoai stop {}{}", self.options, shell::ids(left));
                let hint = format!("stop the others with: {command}");
                failure.hint = Some(match failure.hint {
                    Some(known) => format!("{known}\n  {hint}"),
                    None => hint,
                });
            }
            return Err(failure);
        }
        tokio::select! {
            () = desk.output.settled() => {}
            signal = desk.interrupts.next() => return Err(interrupted(signal)),
        }
        match desk.output.lost() {
            Some(lost) if !lost.is_closed => {
                Err(Failure::unwritten(lost, "the stops were sent all the same"))
            }
            _ => Ok(Exit::worst(self.exits)),
        }
    }
}

/// Stops a run. At a signal its answer is waited for a while, and the signal is the failure.
async fn carry_out(
    desk: &mut Desk<'_>,
    id: &SessionId,
) -> Result<Result<Accepted, Failure>, Failure> {
    desk.output.busy_with(id, "stopping");
    let mut stop = desk.client.stop_run(id);
    let signal = tokio::select! {
        stopped = &mut stop => {
            return Ok(stopped.map_err(|error| Failure::from(error).about(id)));
        }
        signal = desk.interrupts.next() => signal,
    };
    let limit = match fate(Stage::Stopping, OnInterrupt::Leave) {
        Fate::AwaitStop(limit) => limit,
        _ => Duration::ZERO,
    };
    Err(tokio::select! {
        stopped = stop => stopped_after(signal, id, stopped),
        () = tokio::time::sleep(limit) => Failure::interrupted_stop(signal, id),
        _ = desk.interrupts.next() => Failure::interrupted_stop(signal, id),
    })
}

fn stopped_after(signal: Signal, id: &SessionId, stopped: dinoai::Result<Accepted>) -> Failure {
    match stopped {
        Ok(_) => Failure::interrupted(signal, id, "was stopped"),
        Err(error) => {
            let problem = format!("could not be stopped: {error}");
            Failure::interrupted(signal, id, &problem)
        }
    }
}
