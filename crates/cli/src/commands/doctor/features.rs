//! The table of features: each document, and whether the backend supports it.

use dinoai::{Access, Error, Feature, Features, Support};

use super::advice;
use super::checks::CHANGES;
use super::moved::Moved;
use super::report::{FeatureRow, SupportWord};
use super::verdict::{Barrier, is_refusal};
use crate::report::{ExitStatus, Failure};

const OLDER: &str = "do without it, or ask Paradime for an update of the workspace's backend";
#[cfg(feature = "emulator")]
const MOVED: &str = "look for a newer version of dinoai; `dinoai schema diff` says what has moved";
#[cfg(not(feature = "emulator"))]
const MOVED: &str = "look for a newer version of dinoai";

/// The rows of all features.
pub(super) fn rows(probed: &Features, barrier: Option<&Barrier>, moved: &Moved) -> Vec<FeatureRow> {
    let is_read_refused = matches!(probed.read, Access::Refused { .. });
    let row = |feature: Feature<'_>| match feature.support {
        Support::NotChecked { error, .. } => {
            let check = said_by(feature.name, error, is_read_refused, barrier);
            not_checked(feature, error, check)
        }
        _ => checked(feature, moved),
    };
    probed.iter().map(row).collect()
}

/// The check that says why a document could not be checked, if one does.
fn said_by(
    feature: &str,
    error: &Error,
    is_read_refused: bool,
    barrier: Option<&Barrier>,
) -> Option<&'static str> {
    match barrier {
        Some(barrier) => Some(barrier.check()),
        None if !is_refusal(error) => None,
        None if CHANGES.contains(&feature) => Some("trigger"),
        None => is_read_refused.then_some("read"),
    }
}

/// The row of a document of which nothing is known. Where a check says why, it counts there.
fn not_checked(feature: Feature<'_>, error: &Error, check: Option<&str>) -> FeatureRow {
    let row = row(feature, SupportWord::NotChecked);
    match check {
        Some(check) => FeatureRow {
            error: Some(format!("see {check}")),
            ..row
        },
        None => {
            let Failure { message, exit, .. } = Failure::from(error.clone());
            FeatureRow {
                error: Some(message),
                fix: Some(advice::fix(error)),
                exit: match is_refusal(error) {
                    true => ExitStatus::Refused,
                    false => exit,
                },
                ..row
            }
        }
    }
}

/// The row of one feature. A document that the backend takes is broken all the same where this version
/// cannot read the response.
fn checked(feature: Feature<'_>, moved: &Moved) -> FeatureRow {
    match feature.support {
        Support::Supported => match moved.breaks(feature.operation) {
            None => row(feature, SupportWord::Supported),
            Some(changes) => FeatureRow {
                error: Some(changes),
                ..row(feature, SupportWord::Broken)
            },
        },
        Support::NotSupported { fields, .. } => FeatureRow {
            unknown: fields.clone(),
            ..row(feature, SupportWord::NotSupported)
        },
        Support::Broken { error, .. } => FeatureRow {
            error: Some(Failure::from(error.clone()).message),
            ..row(feature, SupportWord::Broken)
        },
        other => FeatureRow {
            error: Some(format!("{other:?}")),
            ..row(feature, SupportWord::NotChecked)
        },
    }
}

fn row(feature: Feature<'_>, support: SupportWord) -> FeatureRow {
    FeatureRow {
        name: feature.name,
        operation: feature.operation,
        used_by: used_by(feature.name),
        support,
        unknown: vec![],
        error: None,
        fix: match support {
            SupportWord::Supported | SupportWord::NotChecked => None,
            SupportWord::NotSupported => Some(OLDER),
            SupportWord::Broken => Some(MOVED),
        },
        exit: match support {
            SupportWord::Broken => ExitStatus::Unavailable,
            _ => ExitStatus::Done,
        },
    }
}

/// The commands and options that need it.
fn used_by(feature: &str) -> &'static str {
    match feature {
        "trigger_run" => "run, batch, chat",
        "trigger_options" => "--base-branch, --model-family",
        "send_message" => "send, chat",
        "get_run" => "get, and the end of a run",
        "status" => "run, wait, batch",
        "digest" => "watch, chat",
        "steps" => "--steps",
        "stop_run" => "stop, --on-timeout stop, --on-interrupt stop",
        "list_workspaces" => "workspaces",
        _ => "",
    }
}
