//! The agents beside the checker: one that starts others, one that fails, one that is slow, and
//! any.

use std::time::Duration;

use super::findings::{file, json_lines, tool};
use super::intents::models;
use super::timeline::Work;
use super::words::{MOST, quoted, short, unnamed};
use crate::scenario::{Scenario, Stage, Status, Step};

const STEP: Duration = Duration::from_millis(1_500);

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

/// The models that a text names, or one, and how they are listed.
fn looked_at(asked: &str) -> (Vec<String>, String) {
    let mut models = models(asked);
    if models.is_empty() {
        models.push(unnamed(asked).to_owned());
    }
    let more = models.split_off(models.len().min(MOST)).len();
    let listed = models.join(", ");
    match more {
        0 => (models, listed),
        more => (models, format!("{listed} (and not at {more} more)")),
    }
}

/// A run of `pull-request-reviewer`: two other agents do a part each.
pub(super) fn reviewer(asked: &str) -> (Scenario, Recall) {
    let (models, listed) = looked_at(asked);
    let stat = models
        .iter()
        .map(|model| format!(" {} | 4 ++--\n", file(model)));
    let named = models.join(", ");
    let scenario = Work::begin(STEP, format!("I look at {listed}."))
        .steps([
            tool("run_terminal_command", "command", "git diff --stat main")
                .output(stat.collect::<String>()),
        ])
        .starts("lineage-reader", &format!("What depends on {named}?"))
        .starts("data-quality-checker", &format!("Check {named}"))
        .begins(Some("pull-request-reviewer"));
    (scenario, Recall::of("the review"))
}

/// What came of a run that the reviewer has started.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    agent: String,
    status: Status,
    /// The first line of what it said last.
    says: String,
}

impl Verdict {
    pub(crate) fn new(agent: &str, status: Status, answer: &str) -> Self {
        let line = answer.trim_start_matches('#').trim_start().lines().next();
        Self {
            agent: short(agent),
            says: short(line.unwrap_or_default()),
            status,
        }
    }

    /// The moment in which the reviewer reads it.
    pub(super) fn heard(&self) -> Stage {
        let Self { agent, status, .. } = self;
        let step = Step::agent(format!("{agent} has ended {}.", status.as_str()));
        Stage::new(Status::Running).lasts(STEP / 3).step(step)
    }

    fn blocks(&self) -> Option<bool> {
        (self.status == Status::Completed).then(|| self.says.contains("finding"))
    }
}

/// How a review ends, when all runs that it has started have.
pub(super) fn review(asked: &str, verdicts: &[Verdict]) -> Vec<Stage> {
    let (_, listed) = looked_at(asked);
    if verdicts.is_empty() {
        let answer = format!("No agent could be started that looks at {listed} for me.");
        return Work::begin(STEP, "I am alone.").ends(Status::Completed, answer);
    }
    let rows = verdicts.iter().map(|verdict| {
        let Verdict {
            agent,
            status,
            says,
        } = verdict;
        match verdict.blocks() {
            Some(true) => format!("| {agent} | blocks | {says} |"),
            Some(false) => format!("| {agent} | passes | {says} |"),
            None => format!("| {agent} | unknown | it ended {} |", status.as_str()),
        }
    });
    let rows: Vec<_> = rows.collect();
    let lines = verdicts.iter().map(|verdict| {
        let blocks = verdict
            .blocks()
            .map_or("null".to_owned(), |blocks| blocks.to_string());
        format!(r#"{{"agent":"{}","blocks":{blocks}}}"#, verdict.agent)
    });
    let heading = match verdicts.iter().all(|it| it.blocks() == Some(false)) {
        true => "nothing stands against it",
        false => "not to be merged yet",
    };
    let answer = format!(
        "## Review: {heading}\n\nTwo agents looked at {listed} for me.\n\n\
         | agent | verdict | what it says |\n| --- | --- | --- |\n{}\n\n{}",
        rows.join("\n"),
        json_lines(lines)
    );
    Work::begin(STEP, "Both have ended.")
        .steps([tool("write_file", "path", "review.md")])
        .ends(Status::Completed, answer)
}

/// A run of `warehouse-cost-reporter`, which fails.
pub(super) fn cost_reporter() -> (Scenario, Recall) {
    let scenario = Work::begin(STEP, "I read what the warehouses took.")
        .steps([refused()])
        .run(Some("warehouse-cost-reporter"), Status::Failed, REFUSED);
    let recall = Recall {
        is_refused: true,
        ..Recall::of("")
    };
    (scenario, recall)
}

const REFUSED: &str = "The run failed: the role `DINOAI_READER` may not read \
    `snowflake.account_usage.warehouse_metering_history`. Grant it `IMPORTED PRIVILEGES` on the \
    database `snowflake`, then start the run again.";

fn refused() -> Step {
    let query = "select * from snowflake.account_usage.warehouse_metering_history";
    tool("run_sql_query", "query", query)
        .output("SQL compilation error: Object does not exist or not authorized.")
}

/// A run of `docs-writer`, which takes a minute and a half.
pub(super) fn docs_writer() -> (Scenario, Recall) {
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
    let scenario = work.run(Some("docs-writer"), Status::Completed, answer);
    let recall = Recall::of("descriptions of twelve models");
    (scenario, recall)
}

/// A run of any other agent, or of a message alone.
pub(super) fn any(agent: Option<&str>, asked: &str) -> (Scenario, Recall) {
    let who = match agent {
        Some(agent) => format!("the agent {}", short(agent)),
        None => "the workspace's agent".to_owned(),
    };
    let (models, listed) = looked_at(asked);
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
        "## Nothing to report\n\n{words}As {who} I looked at {listed}, and at what depends on it.\n\n\
         | model | needed by | tests |\n| --- | --- | --- |\n{}\n\n{}",
        rows.join("\n"),
        json_lines(lines)
    );
    let topic = match asked.trim().is_empty() {
        true => "a first look".to_owned(),
        false => quoted(asked),
    };
    let work = Work::begin(STEP, format!("I look at {listed}.")).steps(steps);
    let scenario = work.run(agent, Status::Completed, answer);
    (scenario, Recall::of(topic))
}

/// What the answers of these agents depend on.
#[derive(Debug, Clone)]
pub(super) struct Recall {
    /// What was said last, or the user's words before; none if nothing was said.
    before: Option<String>,
    /// What the answer that comes first is about.
    topic: String,
    /// Each answer is that the warehouse refuses.
    is_refused: bool,
}

impl Recall {
    fn of(topic: impl Into<String>) -> Self {
        Self {
            before: None,
            topic: topic.into(),
            is_refused: false,
        }
    }

    /// The same when the run has given its first answer.
    pub(super) fn answered(&self) -> Self {
        Self {
            before: Some(self.topic.clone()),
            ..self.clone()
        }
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.topic.len() + self.before.as_ref().map_or(0, String::len)
    }

    /// Says what came before a follow-up, since nothing here can think.
    pub(super) fn answer(&mut self, text: &str) -> Vec<Stage> {
        let latest = quoted(text);
        let before = self.before.replace(latest.clone());
        if self.is_refused {
            let tried = match before {
                Some(_) => "I tried again.",
                None => "I was stopped before, and tried now.",
            };
            return Work::begin(STEP, "I read what the warehouses took.")
                .steps([refused()])
                .ends(
                    Status::Failed,
                    format!("You wrote {latest}. {tried} {REFUSED}"),
                );
        }
        let remembered = match before {
            Some(before) => {
                format!("You wrote {latest}, after {before}. Nothing has changed since.")
            }
            None => format!("You wrote {latest}. I was stopped before I could say anything."),
        };
        let answer = format!(
            "{remembered}\n\nThis is the emulator's agent, and it only remembers. The agent \
             data-quality-checker also does what a follow-up asks for."
        );
        Work::begin(STEP, "I read what was said before.").ends(Status::Completed, answer)
    }
}
