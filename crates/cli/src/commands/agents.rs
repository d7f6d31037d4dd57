//! `dinoai agents check`: checks the files that define agents. The emulator's checker says what is wrong;
//! here it is shown. Needs no account.

use std::path::Path;

use dinoai_emulator::{CheckedAgents, Diagnostic, Level, check_agents};
use serde::Serialize;

use crate::args::{AgentsCommand, Format};
use crate::output::Output;
use crate::report::{ExitStatus, Failure, hint};

pub(crate) fn agents(command: AgentsCommand, output: &Output) -> Result<ExitStatus, Failure> {
    match command {
        AgentsCommand::Check { folder } => check(&folder, output),
    }
}

/// What was found, for programs.
#[derive(Serialize)]
struct Report<'a> {
    folder: String,
    /// By the names of their files.
    agents: Vec<&'a str>,
    errors: usize,
    warnings: usize,
    diagnostics: &'a [Diagnostic],
}

impl<'a> Report<'a> {
    fn of(folder: &Path, checked: &'a CheckedAgents) -> Self {
        let count = |level| {
            let mut levels = checked.diagnostics.iter().map(|it| it.level);
            levels.by_ref().filter(|it| *it == level).count()
        };
        Self {
            folder: folder.display().to_string(),
            agents: checked.agents.iter().map(String::as_str).collect(),
            errors: count(Level::Error),
            warnings: count(Level::Warning),
            diagnostics: &checked.diagnostics,
        }
    }

    /// `3 agents checked: 1 error, 2 warnings`
    fn summary(&self) -> String {
        let agents = counted(self.agents.len(), "agent");
        match (self.errors, self.warnings) {
            (0, 0) => format!("{agents} checked, nothing to report"),
            (errors, 0) => format!("{agents} checked: {}", counted(errors, "error")),
            (0, warnings) => format!("{agents} checked: {}", counted(warnings, "warning")),
            (errors, warnings) => format!(
                "{agents} checked: {}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            ),
        }
    }
}

fn counted(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

fn check(folder: &Path, output: &Output) -> Result<ExitStatus, Failure> {
    let elsewhere = "to check another folder, run `dinoai agents check FOLDER`";
    let checked = check_agents(folder)
        .map_err(|error| Failure::usage(error.to_string()).with_hint(elsewhere))?;
    let report = Report::of(folder, &checked);
    match output.format {
        Format::Json => output.json(&report),
        Format::Jsonl => report.diagnostics.iter().for_each(|it| output.json(it)),
        Format::Text => {
            for diagnostic in report.diagnostics {
                output.text(&format!("{}\n", diagnostic.rendered));
            }
        }
    }
    if !report.agents.is_empty() && output.format == Format::Text {
        output.note(&report.summary());
    }
    output.block_until_written(None);
    if let Some(lost) = output.stdout_error()
        && !lost.is_closed
    {
        return Err(lost.failure(""));
    }
    if report.agents.is_empty() {
        let folder = hint::quoted(&report.folder);
        let text = format!("no agents in {folder}: they are files whose names end in .yml");
        return Err(Failure::usage(text).with_hint(elsewhere));
    }
    Ok(match checked.has_errors() {
        true => ExitStatus::Flawed,
        false => ExitStatus::Done,
    })
}
