//! `dinoai watch`: follows a run that was started before, here or elsewhere.

use super::Desk;
use crate::answer_file::AnswerFile;
use crate::args::WatchArgs;
use crate::follow::Follow;
use crate::narration::Audience;
use crate::report::ExitStatus;
use crate::report::Failure;

pub(crate) async fn watch(
    desk: Desk<'_>,
    options: WatchArgs,
    answer_file: Option<AnswerFile>,
) -> Result<ExitStatus, Failure> {
    let follow = Follow {
        client: desk.client,
        output: desk.output,
        options: options.follow,
        audience: Audience::Visitor,
    };
    let session = desk.client.session(&options.session)?;
    let course = follow.course(session.watch(), false);
    follow
        .to_the_end(course, desk.interrupts, answer_file)
        .await
}
