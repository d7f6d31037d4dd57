//! The table of features: each document, and whether the backend supports it.

use dinoai::{Error, Feature, Support};

use super::moved::Moved;
use super::report::{FeatureRow, SupportWord};
use crate::report::{ExitStatus, Failure};

const OLDER: &str = "do without it, or ask Paradime for an update of the workspace's backend";
const MOVED: &str = "look for a newer version of dinoai; `dinoai schema diff` says what has moved";
const UNKNOWN: &str = "see to what was refused or lost, then run `dinoai doctor` again";

/// The row of one feature. A document that the backend takes is broken all the same where this version
/// cannot read the response.
pub(super) fn row(feature: Feature<'_>, moved: &Moved) -> FeatureRow {
    let row = |support| FeatureRow {
        name: feature.name,
        operation: feature.operation,
        used_by: used_by(feature.name),
        support,
        unknown: vec![],
        error: None,
        fix: match support {
            SupportWord::Supported => None,
            SupportWord::NotSupported => Some(OLDER),
            SupportWord::Broken => Some(MOVED),
            SupportWord::NotChecked => Some(UNKNOWN),
        },
        exit: ExitStatus::Done,
    };
    let said = |error: &Error| Some(Failure::from(error.clone()).message);
    match feature.support {
        Support::Supported => match moved.breaks(feature.operation) {
            None => row(SupportWord::Supported),
            Some(changes) => FeatureRow {
                error: Some(changes),
                exit: ExitStatus::Unavailable,
                ..row(SupportWord::Broken)
            },
        },
        Support::NotSupported { fields, .. } => FeatureRow {
            unknown: fields.clone(),
            ..row(SupportWord::NotSupported)
        },
        Support::Broken { error, .. } => FeatureRow {
            error: said(error),
            exit: ExitStatus::Unavailable,
            ..row(SupportWord::Broken)
        },
        // Refused credentials are a check of their own.
        Support::NotChecked { error, .. } => FeatureRow {
            error: said(error),
            exit: match error {
                Error::Unauthorized { .. } => ExitStatus::Done,
                _ => ExitStatus::Unavailable,
            },
            ..row(SupportWord::NotChecked)
        },
        other => FeatureRow {
            error: Some(format!("{other:?}")),
            ..row(SupportWord::NotChecked)
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
