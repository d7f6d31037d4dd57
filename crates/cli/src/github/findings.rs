//! [`Finding`]: what an answer reports, as far as its JSON has the names by which programs report.

use std::fmt::Write;

use dinoai::Run;
use serde_json::{Map, Value};

use crate::sanitize::excerpt;
use crate::sanitize::github::{data, property};

/// The label of the vendor's own action.
const LABEL: &str = "dinoai-findings";

/// One finding of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) title: Option<String>,
    pub(super) message: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u64>,
    end_line: Option<u64>,
}

/// How GitHub shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    /// The gravest first.
    pub(super) const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }

    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "error" | "critical" | "blocker" | "high" | "severe" => Self::Error,
            "notice" | "info" | "note" | "low" | "minor" | "hint" => Self::Notice,
            _ => Self::Warning,
        }
    }
}

/// The findings in the JSON of an answer: an array of objects, or an object that has one.
pub(super) fn of_answer(run: &Run, label: Option<&str>) -> Vec<Finding> {
    let json: dinoai::Result<Value> = match label {
        Some(label) => run.answer_json_labeled(label),
        None => run
            .answer_json_labeled(LABEL)
            .or_else(|_| run.answer_json()),
    };
    let list = match json {
        Ok(Value::Array(list)) => list,
        Ok(Value::Object(mut fields)) => match fields.remove("findings") {
            Some(Value::Array(list)) => list,
            _ => return vec![],
        },
        _ => return vec![],
    };
    list.iter()
        .filter_map(Value::as_object)
        .map(Finding::of)
        .collect()
}

impl Finding {
    fn of(fields: &Map<String, Value>) -> Self {
        let text = |names: &[&str]| {
            let mut found = names.iter().filter_map(|name| fields.get(*name)?.as_str());
            found.find(|text| !text.trim().is_empty()).map(excerpt)
        };
        let number = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_u64());
        let said = text(&["message", "description", "text", "summary"]);
        Self {
            level: Level::of(&text(&["level", "severity"]).unwrap_or_default()),
            title: text(&["title", "rule", "test", "name"]),
            message: said.unwrap_or_else(|| excerpt(&all(fields))),
            file: text(&["file", "path"]),
            line: number(&["line", "start_line", "startLine"]),
            end_line: number(&["end_line", "endLine"]),
        }
    }

    /// The command of the log that annotates it.
    pub(super) fn annotation(&self) -> String {
        let mut properties = vec![];
        if let Some(file) = &self.file {
            properties.push(format!("file={}", property(file)));
            for (name, line) in [("line", self.line), ("endLine", self.end_line)] {
                properties.extend(line.map(|line| format!("{name}={line}")));
            }
        }
        properties.extend(
            self.title
                .as_ref()
                .map(|title| format!("title={}", property(title))),
        );
        let gap = if properties.is_empty() { "" } else { " " };
        let level = self.level.word();
        format!(
            "::{level}{gap}{}::{}",
            properties.join(","),
            data(&self.message)
        )
    }
}

/// All fields of a finding that says nothing in words.
fn all(fields: &Map<String, Value>) -> String {
    let mut text = String::new();
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in fields {
        let gap = if text.is_empty() { "" } else { ", " };
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        // Writing to a text does not fail.
        let _ = write!(text, "{gap}{name}: {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use dinoai::{Message, RunStatus};

    use super::*;

    fn findings(answer: &str, label: Option<&str>) -> Vec<String> {
        let mut run = Run::new("s1", RunStatus::Completed);
        run.messages.push(Message::new(1.0, "agent", answer));
        of_answer(&run, label)
            .iter()
            .map(Finding::annotation)
            .collect()
    }

    #[test]
    fn findings_are_annotations_by_the_names_that_programs_use() {
        let answer = r#"[
            {"severity": "high", "file": "models/a.sql", "line": 7, "end_line": 9, "title": "No test", "message": "Add one."},
            {"level": "info", "path": "b.sql", "message": "Fine."},
            {"model": "stg_orders", "column": "order_id", "test": "not_null", "rows": 29},
            {"line": 3, "message": "Nowhere."},
            "no object"
        ]"#;
        let expected = [
            "::error file=models/a.sql,line=7,endLine=9,title=No test::Add one.",
            "::notice file=b.sql::Fine.",
            "::warning title=not_null::column: order_id, model: stg_orders, rows: 29, test: not_null",
            "::warning::Nowhere.",
        ];
        assert_eq!(findings(answer, None), expected);
        assert_eq!(
            findings(&format!("{{\"findings\": {answer}}}"), None),
            expected
        );
        let labelled =
            format!("```json\n[]\n```\n```dinoai-findings\n{answer}\n```\n```json\n[]\n```");
        assert_eq!(findings(&labelled, None), expected);
        assert_eq!(findings(&labelled, Some("json")), [""; 0]);
    }

    #[test]
    fn an_answer_without_findings_has_no_annotations() {
        for answer in [
            "Nothing.",
            "[]",
            "{}",
            "{\"findings\": 1}",
            "[1, null]",
            "```json\n[",
            "",
        ] {
            assert_eq!(findings(answer, None), [""; 0], "{answer}");
        }
    }

    #[test]
    fn no_finding_is_more_than_one_command() {
        let hostile = r#"[{"title": "a,file=/etc/passwd::x\n::error::y", "file": "b\n::add-mask::c", "line": -1,
            "message": "d\n::set-output name=e::f\r\n::stop-commands::g \u001b[31m"}]"#;
        let annotations = findings(hostile, None);
        assert_eq!(
            annotations,
            [
                "::warning file=b %3A%3Aadd-mask%3A%3Ac,title=a%2Cfile=/etc/passwd%3A%3Ax %3A%3Aerror%3A%3Ay::d \
                 ::set-output name=e::f ::stop-commands::g ␛[31m"
            ]
        );
        let long = format!("[{{\"message\": \"{}\"}}]", "x".repeat(1_000_000));
        assert!(findings(&long, None)[0].len() < 400);
    }
}
