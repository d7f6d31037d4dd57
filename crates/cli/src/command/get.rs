//! `dinoai get`: reads a run.

use dinoai::Run;

use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::narration::quoted;
use crate::options::{Format, Session};
use crate::output::Output;

pub(crate) async fn get(mut desk: Desk<'_>, options: Session) -> Result<Exit, Failure> {
    let id = &options.session;
    let run = desk.read(id, desk.client.get_run(id)).await?;
    match desk.output.format {
        Format::Json | Format::Jsonl => desk.output.json(&run),
        Format::Text => show(&run, desk.output),
    }
    desk.shown(id).await
}

fn show(run: &Run, output: &Output) {
    let mut head = vec![
        format!("session    {}", run.session_id),
        format!("status     {}", run.status),
        format!("workspace  {}", run.workspace_uid),
    ];
    let children = run.child_session_ids.iter();
    head.extend(children.map(|child| format!("started    {child}")));
    output.aside(&head.join("\n"));
    transcript(run, output);
}

/// The whole conversation.
pub(super) fn transcript(run: &Run, output: &Output) {
    for message in &run.messages {
        if message.is_from_user() {
            output.aside(&quoted(&message.content));
        } else {
            output.markdown(&message.content);
        }
    }
}
