//! `dinoai watch`: follows a run that was started before, here or elsewhere.

use super::Desk;
use crate::args::WatchArgs;
use crate::follow::{AnswerFile, Follower};
use crate::print::Audience;
use crate::report::{ExitStatus, Failure};

pub(crate) async fn watch(
    desk: Desk<'_>,
    options: WatchArgs,
    answer_file: Option<AnswerFile>,
) -> Result<ExitStatus, Failure> {
    let follower = Follower {
        client: desk.client,
        output: desk.output,
        options: options.follow,
        audience: Audience::Visitor,
    };
    let session = desk.client.session(&options.session)?;
    let watched = follower.watch(session.watch(), false);
    follower
        .follow_to_end(watched, desk.interrupts, answer_file)
        .await
}
