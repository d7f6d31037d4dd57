//! A trigger or a follow-up on its way: when the command is told to stop, the answer is still
//! waited for a little while, since it has the session id.

use std::time::Duration;

use dinoai::CallFuture;

use crate::failure::Failure;
use crate::interrupt::{Interrupts, Signal};

/// How long an answer is waited for after the command was told to stop.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Awaits a call that starts something. Gives its answer, and the signal that came meanwhile.
///
/// A second signal ends the wait at once.
pub(crate) async fn answer<T>(
    mut call: CallFuture<T>,
    interrupts: &mut Interrupts,
) -> Result<(T, Option<Signal>), Failure> {
    let signal = tokio::select! {
        answer = &mut call => return Ok((answer?, None)),
        signal = interrupts.next() => signal,
    };
    tokio::select! {
        answer = &mut call => match answer {
            Ok(answer) => Ok((answer, Some(signal))),
            Err(error) => Err(Failure::from(error).interrupted_by(signal)),
        },
        () = tokio::time::sleep(LAST_WAIT) => Err(Failure::interrupted_in_flight(signal)),
        _ = interrupts.next() => Err(Failure::interrupted_in_flight(signal)),
    }
}
