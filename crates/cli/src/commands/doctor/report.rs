//! [`Report`]: what the checks have found, for people and for programs.

use serde::Serialize;

use crate::args::Format;
use crate::output::Output;
use crate::report::ExitStatus;
use crate::sanitize::one_line;

/// What the checks have found.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    pub(super) features: Vec<FeatureRow>,
}

/// One check, and what to do if it is not as it should be.
#[derive(Clone, Serialize)]
pub(super) struct Check {
    name: &'static str,
    outcome: Outcome,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(skip)]
    exit: ExitStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ok,
    Warning,
    Failed,
    NotTested,
}

/// A document, and whether the backend supports it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeatureRow {
    pub(super) name: &'static str,
    pub(super) operation: &'static str,
    pub(super) used_by: &'static str,
    pub(super) support: SupportWord,
    /// The fields and arguments that the backend does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unknown: Vec<String>,
    /// What the backend said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<&'static str>,
    #[serde(skip)]
    pub(super) exit: ExitStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SupportWord {
    Supported,
    NotSupported,
    Broken,
    NotChecked,
}

impl Check {
    pub(super) fn ok(name: &'static str, text: String) -> Self {
        Self::new(name, Outcome::Ok, text, ExitStatus::Done)
    }

    pub(super) fn not_tested(name: &'static str, text: String) -> Self {
        Self::new(name, Outcome::NotTested, text, ExitStatus::Done)
    }

    pub(super) fn warning(name: &'static str, text: String, fix: &str) -> Self {
        Self::new(name, Outcome::Warning, text, ExitStatus::Done).with_fix(fix)
    }

    /// What failed, and what to do about it.
    pub(super) fn failed(
        name: &'static str,
        text: String,
        exit: ExitStatus,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(name, Outcome::Failed, text, exit).with_fix(fix)
    }

    fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    fn new(name: &'static str, outcome: Outcome, text: String, exit: ExitStatus) -> Self {
        Self {
            name,
            outcome,
            text,
            fix: None,
            exit,
        }
    }
}

impl Report {
    pub(super) fn exit_status(&self) -> ExitStatus {
        let checks = self.checks.iter().map(|check| check.exit);
        let features = self.features.iter().map(|row| row.exit);
        ExitStatus::worst(checks.chain(features))
    }

    pub(super) fn show(&self, output: &Output) {
        match output.format {
            Format::Json | Format::Jsonl => output.json(self),
            Format::Text => {
                self.checks.iter().for_each(|check| check.show(output));
                if !self.features.is_empty() {
                    output.text("");
                }
                self.features.iter().for_each(|row| row.show(output));
            }
        }
    }
}

impl Check {
    fn show(&self, output: &Output) {
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
            Outcome::NotTested => "not tested",
        };
        let text = one_line(&self.text);
        output.text(&format!("{outcome:<10}  {:<11}  {text}", self.name));
        for line in self.fix.iter().flat_map(|fix| fix.lines()) {
            output.text(&format!("{:<25}{}", "", one_line(line.trim())));
        }
    }
}

impl FeatureRow {
    fn show(&self, output: &Output) {
        let support = match self.support {
            SupportWord::Supported => "supported",
            SupportWord::NotSupported => "not supported",
            SupportWord::Broken => "broken",
            SupportWord::NotChecked => "not checked",
        };
        let why = match (&self.unknown[..], &self.error) {
            (_, Some(error)) => format!(": {error}"),
            ([], None) => String::new(),
            (unknown, None) => format!(": the backend does not know {}", unknown.join(", ")),
        };
        let Self { name, used_by, .. } = self;
        let why = one_line(&why);
        output.text(&format!("{support:<13}  {name:<15}  {used_by}{why}"));
        if let Some(fix) = self.fix {
            output.text(&format!("{:<32}{fix}", ""));
        }
    }
}
