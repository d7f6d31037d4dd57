//! `dinoai wait`: waits until runs have ended, over few requests.

use std::collections::BTreeSet;

use dinoai::{Error, Run, SessionId};

use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{Format, Wait};

pub(crate) async fn wait(mut desk: Desk<'_>, options: Wait) -> Result<Exit, Failure> {
    let output = desk.output;
    let mut left: BTreeSet<_> = options.sessions.iter().cloned().collect();
    let mut results = desk
        .client
        .wait_all(options.sessions)
        .timeout(options.pace.timeout);
    if let Some(interval) = options.pace.poll_interval {
        results = results.poll_interval(interval);
    }
    let mut exits = vec![];
    let mut runs = vec![];
    loop {
        output.busy(&format!("waiting for {} runs", left.len()));
        let next = tokio::select! {
            next = results.next() => next,
            signal = desk.interrupts.next() => {
                if output.format == Format::Json {
                    output.json(&runs)?;
                }
                let failure = Failure::new(
                    "interrupted",
                    Exit::Interrupted(signal),
                    format!("interrupted; {} runs go on", left.len()),
                );
                return Err(failure.with_hint(go_on(&left)));
            }
        };
        let Some((id, result)) = next else {
            break;
        };
        left.remove(&id);
        let (run, failure) = ended(&id, result);
        if let Some(run) = run {
            match output.format {
                Format::Text => output.text(&format!("{id} {}", run.status))?,
                Format::Jsonl => output.json(&run)?,
                Format::Json => runs.push(run),
            }
        } else if let Some(failure) = &failure {
            output.failure(failure);
        }
        exits.push(failure.map_or(Exit::Done, |failure| failure.exit));
    }
    output.idle();
    if output.format == Format::Json {
        output.json(&runs)?;
    }
    Ok(Exit::worst(exits))
}

/// The run where it has ended, well or not; the failure where it has not completed.
fn ended(id: &SessionId, result: dinoai::Result<Run>) -> (Option<Run>, Option<Failure>) {
    match result {
        Ok(run) => (Some(run), None),
        Err(error) => {
            let run = match &error {
                Error::RunFailed { run, .. } => Some(Run::clone(run)),
                _ => None,
            };
            (run, Some(Failure::from(error).about(id)))
        }
    }
}

fn go_on(left: &BTreeSet<SessionId>) -> String {
    let ids: Vec<_> = left.iter().map(SessionId::as_str).collect();
    format!("go on with: dinoai wait {}", ids.join(" "))
}
