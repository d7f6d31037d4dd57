//! The loops that wait for one run: until it, or its open turn, has ended, or until nothing is in progress
//! in it.

use super::handle::Handle;
use super::turn_end::AwaitedTurn;
use crate::error::{Awaited, Result};
use crate::model::{Run, RunStatus};
use crate::operations::Digest;
use crate::polling::Poller;

/// Polls until the run, or its open turn, has ended, and reads it once.
pub(crate) async fn until_ended(polls: &mut Poller, turn: &mut AwaitedTurn) -> Result<Run> {
    polls.share();
    loop {
        match look(polls, turn).await {
            Ok(Some(run)) => {
                polls.answered();
                return Ok(run);
            }
            Ok(None) => {
                turn.check_grace(polls)?;
                polls.pause_after(Ok(()), turn.awaited()).await?;
            }
            Err(error) => {
                turn.failed();
                polls.pause_after(Err(error), turn.awaited()).await?;
            }
        }
    }
}

/// Looks once: the run if it has ended, `None` if it is still in progress.
async fn look(polls: &mut Poller, turn: &mut AwaitedTurn) -> Result<Option<Run>> {
    let status = read_status(polls, turn).await?;
    polls.note_look(&status, turn.may_have_ended(&status));
    if !turn.has_ended(&status) {
        return Ok(None);
    }
    let run = polls.read_run().await?;
    // Another follow-up may have woken it in between.
    let has_ended = turn.has_ended(&run.status);
    polls.note_status(&run.status);
    Ok(has_ended.then_some(run))
}

/// Reads the status when that is due, with the messages while these say something that it does not.
async fn read_status(polls: &mut Poller, turn: &mut AwaitedTurn) -> Result<RunStatus> {
    if polls.is_alone() {
        polls.until_due().await;
    }
    turn.refresh(polls);
    if !turn.needs_messages() {
        let status = polls.read_status().await?;
        // A follow-up may have been sent until it was due.
        if !(turn.refresh(polls) && turn.needs_messages()) {
            return Ok(status);
        }
    }
    polls.until_due().await;
    let digest = polls.read_digest().await?;
    turn.note(&digest.status, &digest.messages, polls.now());
    Ok(digest.status)
}

/// Polls until a run is idle: its open turn has ended, or else the run has.
pub(super) async fn until_idle(polls: &mut Poller, handle: &Handle) -> Result<Digest> {
    let mut turn = AwaitedTurn::of(handle.clone());
    loop {
        turn.refresh(polls);
        match polls.read_digest().await {
            Ok(digest) => {
                turn.note(&digest.status, &digest.messages, polls.now());
                let is_idle = turn.has_ended(&digest.status);
                polls.note_look(&digest.status, is_idle);
                if is_idle {
                    polls.answered();
                    turn.close();
                    return Ok(digest);
                }
                turn.check_grace(polls)?;
                polls.pause_after(Ok(()), Awaited::Idle).await?;
            }
            Err(error) => {
                turn.failed();
                polls.pause_after(Err(error), Awaited::Idle).await?;
            }
        }
    }
}
