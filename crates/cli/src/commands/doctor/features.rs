//! The table of features: each document, and whether the backend supports it.

use dinoai::{Error, Feature, Support};

use super::report::{FeatureRow, SupportWord};
use crate::report::{ExitStatus, Failure};

/// The row of one feature.
pub(super) fn row(feature: Feature<'_>) -> FeatureRow {
    let row = |support| FeatureRow {
        name: feature.name,
        operation: feature.operation,
        used_by: used_by(feature.name),
        support,
        unknown: vec![],
        error: None,
        exit: ExitStatus::Done,
    };
    let said = |error: &Error| Some(Failure::from(error.clone()).message);
    match feature.support {
        Support::Supported => row(SupportWord::Supported),
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
