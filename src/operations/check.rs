//! Refuses bad input by name, before any request.

use crate::error::Error;
use crate::model::{StepOptions, TriggerRun};

/// Refuses blank texts by name.
pub(crate) fn check_request(request: &TriggerRun) -> Result<(), Error> {
    let slack = request.slack.as_ref();
    let texts = [
        ("agent", request.agent.as_deref()),
        ("message", request.message.as_deref()),
        ("Slack channel", slack.map(|slack| slack.channel.as_str())),
        ("Slack thread", slack.map(|slack| slack.thread_ts.as_str())),
        ("base branch", request.base_branch.as_deref()),
        ("model family", request.model_family.as_deref()),
    ];
    for (field, text) in texts {
        if text.is_some_and(|text| text.trim().is_empty()) {
            return Err(Error::blank(field));
        }
    }
    Ok(())
}

/// Refuses numbers that GraphQL's `Int`, which has 32 bits, cannot hold.
pub(crate) fn check_step_options(options: &StepOptions) -> Result<(), Error> {
    let is_int = |number: i64| i32::try_from(number).is_ok();
    for (field, number) in [
        ("after", options.after),
        ("max chars", options.max_chars.map(i64::from)),
    ] {
        if number.is_some_and(|number| !is_int(number)) {
            return Err(Error::InvalidRequest {
                field,
                problem: format!("is larger than {} or smaller than {}", i32::MAX, i32::MIN),
            });
        }
    }
    Ok(())
}
