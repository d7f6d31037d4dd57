//! What the checker finds in a model: made up from the model's name.

use serde_json::json;

use super::words::{MOST, entity};
use crate::scenario::Step;

/// How many findings a table shows.
const ROWS: usize = 20;

/// Something that is wrong with a column.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) model: String,
    pub(super) column: String,
    pub(super) severity: &'static str,
    pub(super) test: &'static str,
    /// How many rows it concerns.
    pub(super) rows: u64,
    /// The model that the column points at.
    target: String,
}

/// The findings in a model, the gravest first.
pub(super) fn findings(model: &str) -> Vec<Finding> {
    let entity = entity(model);
    let (target, key) = match entity.as_str() {
        "customer" => ("dim_regions", "region_id"),
        _ => ("stg_customers", "customer_id"),
    };
    let seed = seed(model);
    let finding = |column: &str, severity, test, rows| Finding {
        model: model.to_owned(),
        column: column.to_owned(),
        severity,
        test,
        rows,
        target: target.to_owned(),
    };
    vec![
        finding(&format!("{entity}_id"), "high", "not_null", 2 + seed % 31),
        finding(key, "medium", "relationships", 2 + seed % 7),
        finding("status", "low", "accepted_values", 2 + seed % 89),
    ]
}

/// How many rows a model has.
pub(super) fn rows(model: &str) -> u64 {
    2_000 + seed(model) % 7_919
}

/// A number that differs from model to model.
fn seed(model: &str) -> u64 {
    model
        .bytes()
        .fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003)
}

impl Finding {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.model, &self.column, &self.target];
        size_of::<Self>() + texts.map(String::len).iter().sum::<usize>()
    }

    /// Where it is, beside those of one model or of several.
    pub(super) fn place(&self) -> String {
        format!("{}.{}", self.model, self.column)
    }

    /// What the missing test would find, in a cell of a table.
    fn what(&self) -> String {
        let Self { rows, target, .. } = self;
        match self.test {
            "not_null" => format!("{rows} rows without a value"),
            "relationships" => format!("{rows} keys that {target} lacks"),
            _ => format!("{rows} rows with an unlisted value"),
        }
    }

    /// Why it matters.
    pub(super) fn why(&self) -> String {
        let Self {
            model,
            column,
            rows,
            target,
            ..
        } = self;
        match self.test {
            "not_null" => format!(
                "Later models join `{model}` on `{column}`. The {rows} rows without one drop out of \
                 every inner join: sums come out too low, and nothing fails."
            ),
            "relationships" => format!(
                "{rows} rows have a `{column}` that `{target}` does not know. A report that joins the \
                 two leaves them out, or shows them without a name."
            ),
            _ => format!(
                "{rows} rows have the `{column}` `lost`, which no document lists. Every `case when` \
                 over it puts them into its `else`, among rows that are something else."
            ),
        }
    }

    /// How the finding was made.
    pub(super) fn query(&self) -> Step {
        let Self {
            model,
            column,
            target,
            rows,
            ..
        } = self;
        let query = match self.test {
            "not_null" => format!("select count(*) from {model} where {column} is null"),
            "relationships" => {
                format!("select {column} from {model} except select {column} from {target}")
            }
            _ => format!("select {column}, count(*) from {model} group by 1"),
        };
        let output = match self.test {
            "accepted_values" => {
                format!(
                    "{column} | count\nclosed | {}\nlost   | {rows}",
                    self::rows(model) - rows
                )
            }
            _ => format!("{rows} rows"),
        };
        tool("run_sql_query", "query", &query).output(output)
    }

    /// What was done about it.
    pub(super) fn fixed(&self, number: usize) -> String {
        let Self {
            model,
            column,
            test,
            rows,
            ..
        } = self;
        let lines = match *test {
            "relationships" => format!(
                "relationships:\n              to: ref('{}')\n              field: {column}",
                self.target
            ),
            "accepted_values" => {
                "accepted_values:\n              values: [open, closed]".to_owned()
            }
            test => test.to_owned(),
        };
        format!(
            "## Finding {number} is fixed: {}\n\nI added the test `{test}` to `{}`:\n\n\
             ```yaml\nmodels:\n  - name: {model}\n    columns:\n      - name: {column}\n        \
             data_tests:\n          - {lines}\n```\n\n\
             Now `dbt test --select {model}` fails on the {rows} rows, until they are corrected.",
            self.place(),
            file(model)
        )
    }
}

/// The file in which the tests of a model stand.
pub(super) fn file(model: &str) -> String {
    let folder = match model.split_once('_') {
        Some(("stg" | "base", _)) => "staging",
        Some(("int", _)) => "intermediate",
        _ => "marts",
    };
    format!("models/{folder}/{model}.yml")
}

/// A call of a tool with one argument.
pub(super) fn tool(name: &str, argument: &str, value: &str) -> Step {
    Step::tool(name).input(json!({ argument: value }).to_string())
}

/// The findings as a table, each with its number. Columns stand with their models unless all are
/// of one.
pub(super) fn table(findings: &[(usize, &Finding)]) -> String {
    let mut models = findings.iter().map(|(_, finding)| &finding.model);
    let first = models.next();
    let is_of_one = models.all(|model| Some(model) == first);
    let mut lines = vec![
        "| # | column | severity | missing test | what it would find |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(findings.iter().take(ROWS).map(|(number, finding)| {
        let place = match is_of_one {
            true => finding.column.clone(),
            false => finding.place(),
        };
        let Finding { severity, test, .. } = finding;
        format!(
            "| {number} | {place} | {severity} | {test} | {} |",
            finding.what()
        )
    }));
    lines.extend(more(findings.len()));
    lines.join("\n")
}

/// What was done about findings, each with its number.
pub(super) fn fixed_table(findings: &[(usize, &Finding)]) -> String {
    let are = match findings.len() {
        1 => "finding is",
        _ => "findings are",
    };
    let mut lines = vec![
        format!("## {} {are} fixed", findings.len()),
        String::new(),
        "| # | column | test that I added | fails now on |".to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(findings.iter().take(ROWS).map(|(number, finding)| {
        let Finding { test, rows, .. } = finding;
        format!("| {number} | {} | {test} | {rows} rows |", finding.place())
    }));
    lines.extend(more(findings.len()));
    lines.join("\n")
}

/// What stands under a table that does not show all.
fn more(findings: usize) -> Option<String> {
    let more = findings.checked_sub(ROWS).filter(|more| *more > 0)?;
    Some(format!("\n… and {more} more."))
}

/// The findings as a block of JSON: an array, with a line for each.
pub(super) fn block<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    json_lines(findings.into_iter().map(|finding| {
        let Finding {
            model,
            column,
            test,
            rows,
            ..
        } = finding;
        format!(r#"{{"model":"{model}","column":"{column}","test":"{test}","rows":{rows}}}"#)
    }))
}

/// A block of JSON: an array of these objects.
pub(super) fn json_lines(objects: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<_> = objects
        .into_iter()
        .map(|object| format!("  {object}"))
        .collect();
    match lines.is_empty() {
        true => "```json\n[]\n```".to_owned(),
        false => format!("```json\n[\n{}\n]\n```", lines.join(",\n")),
    }
}

/// The steps in which these findings are made.
pub(super) fn steps_of(findings: &[Finding]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut model = "";
    for finding in findings {
        if finding.model != model {
            model = &finding.model;
            steps.push(tool("search_catalog", "query", model).output(file(model)));
            steps.push(
                tool("read_file", "path", &file(model))
                    .output(format!("models:\n  - name: {model}\n    columns: []")),
            );
        }
        steps.push(finding.query());
    }
    steps
}

/// `finding 1 is`, `findings 1 and 2 are`; only how many if they are more than can be taken in.
pub(super) fn named(numbers: &[usize]) -> String {
    if numbers.len() > 2 * MOST {
        return format!("{} are", numbers.len());
    }
    let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
    match numbers.split_last() {
        Some((last, [])) => format!("finding {last} is"),
        Some((last, first)) => format!("findings {} and {last} are", first.join(", ")),
        None => "none is".to_owned(),
    }
}
