//! The agents beside the checker: one that starts others, one that fails, one that is slow, and
//! any.

use std::sync::Arc;
use std::time::Duration;

use super::course::Work;
use super::findings::{Finding, file, findings, json_lines, tool};
use super::words::{models_or_one, quoted, short};
use crate::scenario::{Answers, Scenario};
use crate::stage::Stage;
use crate::status::Status;
use crate::step::Step;

const STEP: Duration = Duration::from_millis(1_500);

/// How long the reviewer waits for those that it has asked: longer than they take.
const WAIT: Duration = Duration::from_millis(10_500);

/// How long the writer takes for a model.
const CHAPTER: Duration = Duration::from_secs(7);

/// The models that the writer describes.
const UNDESCRIBED: [&str; 12] = [
    "stg_orders",
    "stg_customers",
    "stg_payments",
    "stg_refunds",
    "stg_products",
    "stg_stores",
    "int_order_items",
    "int_customer_orders",
    "dim_customers",
    "dim_products",
    "fct_orders",
    "fct_refunds",
];

/// A run of `pull-request-reviewer`: two other agents do a part each.
pub(super) fn reviewer(asked: &str) -> Scenario {
    let models = models_or_one(asked);
    let listed = models.join(", ");
    let found: Vec<_> = models.iter().flat_map(|model| findings(model)).collect();
    let stat = models
        .iter()
        .map(|model| format!(" {} | 4 ++--\n", file(model)));
    let work = Work::begin(STEP, format!("The change touches {listed}."))
        .steps([
            tool("run_terminal_command", "command", "git diff --stat main")
                .output(stat.collect::<String>()),
        ])
        .starts("lineage-reader", &format!("What depends on {listed}?"))
        .starts("data-quality-checker", &format!("Check {listed}"))
        .stage(Stage::new(Status::Running).lasts(WAIT))
        .steps([tool("write_file", "path", "review.md")]);
    let verdicts = [("lineage-reader", false), ("data-quality-checker", true)];
    let verdicts =
        verdicts.map(|(agent, blocks)| format!(r#"{{"agent":"{agent}","blocks":{blocks}}}"#));
    let answer = format!(
        "## Review: not to be merged yet\n\nTwo agents looked at {listed} for me.\n\n\
         | agent | verdict | what it says |\n| --- | --- | --- |\n\
         | lineage-reader | passes | no model loses a column |\n\
         | data-quality-checker | blocks | {} findings, the first in {} |\n\n{}",
        found.len(),
        found.first().map(Finding::place).unwrap_or_default(),
        json_lines(verdicts)
    );
    let answers = answers("the review, which holds the merge up", again);
    let agent = Some("pull-request-reviewer");
    work.run(agent, Status::Completed, answer, answers)
}

/// A run of `warehouse-cost-reporter`, which fails.
pub(super) fn cost_reporter() -> Scenario {
    let work = Work::begin(STEP, "I read what the warehouses took.").steps([refused()]);
    work.run(
        Some("warehouse-cost-reporter"),
        Status::Failed,
        REFUSED,
        answers("", refused_again),
    )
}

const REFUSED: &str = "The run failed: the role `DINOAI_READER` may not read \
    `snowflake.account_usage.warehouse_metering_history`. Grant it `IMPORTED PRIVILEGES` on the \
    database `snowflake`, then start the run again.";

fn refused() -> Step {
    let query = "select * from snowflake.account_usage.warehouse_metering_history";
    tool("run_sql_query", "query", query)
        .output("SQL compilation error: Object does not exist or not authorized.")
}

fn refused_again(_: &str, follow_ups: &[Arc<str>]) -> Vec<Stage> {
    let latest = follow_ups.last().map_or("", |latest| &**latest);
    let answer = format!("You wrote {}. I tried again. {REFUSED}", quoted(latest));
    Work::begin(STEP, "I try again.")
        .steps([refused()])
        .ends(Status::Failed, answer)
}

/// A run of `docs-writer`, which takes a minute and a half.
pub(super) fn docs_writer() -> Scenario {
    let work = Work::begin(CHAPTER, "Twelve models have no description.")
        .steps(UNDESCRIBED.map(|model| tool("write_file", "path", &file(model))));
    let described = UNDESCRIBED.map(|model| (model, 3 + model.len() % 7));
    let rows = described.map(|(model, columns)| format!("| {model} | {columns} |"));
    let answer = format!(
        "## {} models are described\n\n| model | columns |\n| --- | --- |\n{}\n\n{}",
        UNDESCRIBED.len(),
        rows.join("\n"),
        json_lines(
            described
                .map(|(model, columns)| format!(r#"{{"model":"{model}","columns":{columns}}}"#))
        )
    );
    let answers = answers("descriptions of twelve models", again);
    let agent = Some("docs-writer");
    work.run(agent, Status::Completed, answer, answers)
}

/// A run of any other agent, or of a message alone.
pub(super) fn any(agent: Option<&str>, asked: &str) -> Scenario {
    let who = match agent {
        Some(agent) => format!("the agent {}", short(agent)),
        None => "the workspace's agent".to_owned(),
    };
    let models = models_or_one(asked);
    let steps = models.iter().flat_map(|model| {
        [
            tool("search_catalog", "query", model).output(file(model)),
            tool("get_lineage", "model", model).output(format!("{model} -> rpt_revenue")),
        ]
    });
    let words = match asked.trim().is_empty() {
        true => String::new(),
        false => format!("You asked: {}. ", quoted(asked)),
    };
    let rows: Vec<_> = models
        .iter()
        .map(|model| format!("| {model} | rpt_revenue | 4 of 4 pass |"))
        .collect();
    let lines = models
        .iter()
        .map(|model| format!(r#"{{"model":"{model}","tests":4,"failed":0}}"#));
    let answer = format!(
        "## Nothing to report\n\n{words}As {who} I looked at {}, and at what depends on it.\n\n\
         | model | needed by | tests |\n| --- | --- | --- |\n{}\n\n{}",
        models.join(", "),
        rows.join("\n"),
        json_lines(lines)
    );
    let topic = match asked.trim().is_empty() {
        true => "a first look".to_owned(),
        false => quoted(asked),
    };
    let work = Work::begin(STEP, format!("I look at {}.", models.join(", "))).steps(steps);
    work.run(agent, Status::Completed, answer, answers(&topic, again))
}

fn answers(asked: &str, answer: fn(&str, &[Arc<str>]) -> Vec<Stage>) -> Answers {
    Answers {
        asked: asked.to_owned(),
        answer,
    }
}

/// An answer that says what came before it, since nothing here can think.
fn again(topic: &str, follow_ups: &[Arc<str>]) -> Vec<Stage> {
    let (latest, before) = match follow_ups {
        [.., before, latest] => (&**latest, quoted(before)),
        [latest] => (&**latest, topic.to_owned()),
        [] => ("", topic.to_owned()),
    };
    let answer = format!(
        "You wrote {}, after {before}. Nothing has changed since.\n\nThis is the emulator's agent, and it \
         only remembers. The agent data-quality-checker also does what a follow-up asks for.",
        quoted(latest)
    );
    Work::begin(STEP, "I read what was said before.").ends(Status::Completed, answer)
}
