//! `dinoai workspaces`: lists the workspaces that the credentials reach.

use unicode_width::UnicodeWidthStr;

use super::context::Context;
use crate::args::Format;
use crate::report::{ExitStatus, Failure};
use crate::sanitize::one_line;

pub(crate) async fn workspaces(context: Context<'_>) -> Result<ExitStatus, Failure> {
    let Context {
        client,
        output,
        interrupts,
        ..
    } = context;
    output.show_activity("reading");
    let listed = tokio::select! {
        listed = client.list_workspaces() => listed.map_err(Failure::from),
        signal = interrupts.next() => Err(Failure::interrupted_idle(signal)),
    };
    output.clear_progress();
    let workspaces = listed?;
    match output.format {
        Format::Json => output.json(&workspaces),
        Format::Jsonl => workspaces.iter().for_each(|it| output.json(it)),
        Format::Text if workspaces.is_empty() => output.note("The credentials reach no workspace."),
        Format::Text => {
            let rows: Vec<_> = workspaces
                .iter()
                .map(|it| (one_line(&it.uid), one_line(&it.name)))
                .collect();
            let widest = rows.iter().map(|(uid, _)| uid.width()).max().unwrap_or(0);
            for (uid, name) in rows {
                let gap = " ".repeat(widest - uid.width() + 2);
                output.text(&format!("{uid}{gap}{name}"));
            }
        }
    }
    tokio::select! {
        () = output.until_written() => {}
        signal = interrupts.next() => return Err(Failure::interrupted_idle(signal)),
    }
    match output.stdout_error() {
        Some(lost) if !lost.is_closed => Err(lost.failure("")),
        _ => Ok(ExitStatus::Done),
    }
}
