//! `dinoai watch`: follows a run that was started before, here or elsewhere, to its end.

use super::context::Context;
use crate::args::WatchArgs;
use crate::follow::AnswerUse;
use crate::print::Audience;
use crate::report::{ExitStatus, Failure};

pub(crate) async fn watch(
    context: Context<'_>,
    options: WatchArgs,
    answer: AnswerUse,
) -> Result<ExitStatus, Failure> {
    let follower = context.follower(options.follow, Audience::Visitor, &answer);
    let session = context.client.session(&options.session)?;
    let watched = follower.watch(session.watch(), false);
    follower
        .follow_and_report(watched, context.interrupts, answer)
        .await
}
