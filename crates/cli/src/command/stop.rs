//! `dinoai stop`: stops a run.

use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{Format, Session};

pub(crate) async fn stop(mut desk: Desk<'_>, options: Session) -> Result<Exit, Failure> {
    let id = &options.session;
    let accepted = desk.read(id, desk.client.stop_run(id)).await?;
    match desk.output.format {
        Format::Json | Format::Jsonl => desk.output.json(&accepted),
        Format::Text => {
            let line = format!("{} {}", accepted.session_id, accepted.status);
            desk.output.text(&line);
        }
    }
    desk.shown(id).await
}
