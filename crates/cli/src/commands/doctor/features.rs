//! The table of features: each document, and whether the backend supports it.

use dinoai::{Access, Error, Feature, Features, Support};

use super::advice;
use super::checks::CHANGES;
use super::moved::Moved;
use super::report::{FeatureRow, SupportWord};
use super::verdict::Barrier;
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
        Support::Refused { error, .. } => {
            let check = match barrier {
                Some(barrier) => Some(barrier.check()),
                None if CHANGES.contains(&feature.name) => Some("trigger"),
                None => is_read_refused.then_some("read"),
            };
            let why = FeatureRow {
                fix: Some(advice::REFUSED),
                exit: ExitStatus::Refused,
                ..not_checked(feature, error)
            };
            check.map_or(why, |check| said_by(feature, check))
        }
        Support::NotChecked { error, .. } => {
            match barrier.filter(|barrier| barrier.explains(error)) {
                Some(barrier) => said_by(feature, barrier.check()),
                None => not_checked(feature, error),
            }
        }
        _ => checked(feature, moved),
    };
    probed.iter().map(row).collect()
}

/// The row of a document of which nothing is known, for a reason that counts where a check says it.
fn said_by(feature: Feature<'_>, check: &str) -> FeatureRow {
    FeatureRow {
        error: Some(format!("see {check}")),
        ..row(feature, SupportWord::NotChecked)
    }
}

/// The row of a document of which nothing is known, with its own error.
fn not_checked(feature: Feature<'_>, error: &Error) -> FeatureRow {
    let Failure { message, exit, .. } = Failure::from(error.clone());
    FeatureRow {
        error: Some(message),
        fix: Some(advice::fix(error)),
        exit,
        ..row(feature, SupportWord::NotChecked)
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
