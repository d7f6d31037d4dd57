//! The checker: a first look at models, and a talk about what was found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::course::Work;
use super::findings::{Finding, block, file, findings, fixed_table, rows, table, tool};
use super::words::{MOST, UNNAMED, models, models_or_one, quoted, start, words};
use crate::scenario::{Answers, Scenario};
use crate::stage::Stage;
use crate::status::Status;
use crate::step::Step;

/// How long the tools of one turn take, all together.
const FIRST_LOOK: Duration = Duration::from_millis(6_000);
const TURN: Duration = Duration::from_millis(2_500);

/// A run of `data-quality-checker` that was asked this.
pub(super) fn checker(asked: &str) -> Scenario {
    let talk = Talk::begun(asked);
    let answers = Answers {
        asked: start(asked).to_owned(),
        answer: follow_up,
    };
    let heed = match models(asked).is_empty() {
        true => format!("No model is named. I take {UNNAMED}, which changed last."),
        false => format!(
            "I look at the tests of {}, then at its rows.",
            talk.models.join(", ")
        ),
    };
    let steps = look(&talk.findings);
    let work = Work::begin(FIRST_LOOK / (count(&steps) + 1), heed).steps(steps);
    let agent = Some("data-quality-checker");
    work.run(agent, Status::Completed, talk.report(asked, 0), answers)
}

/// The answer to the last of these follow-ups.
fn follow_up(asked: &str, follow_ups: &[Arc<str>]) -> Vec<Stage> {
    let mut talk = Talk::begun(asked);
    let Some((latest, earlier)) = follow_ups.split_last() else {
        return Vec::new();
    };
    for text in earlier {
        let wish = talk.wish(text);
        talk.grant(&wish);
    }
    let wish = talk.wish(latest);
    let before = talk.clone();
    talk.grant(&wish);
    let (steps, answer) = talk.answer(&wish, latest, &before);
    let thought = format!("The user wrote {}.", quoted(latest));
    let work = Work::begin(TURN / (count(&steps) + 1), thought).steps(steps);
    work.ends(Status::Completed, answer)
}

fn count(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX - 1)
}

/// What was found and done so far.
#[derive(Clone)]
struct Talk {
    models: Vec<String>,
    findings: Vec<Finding>,
    /// The numbers of findings, from 1.
    fixed: BTreeSet<usize>,
    /// The finding that was talked about last.
    topic: Option<usize>,
}

/// What a follow-up asks for. Findings by their numbers, from 1.
enum Wish {
    Check(Vec<String>),
    Fix(Vec<usize>),
    Why(usize),
    /// A number that no finding has.
    Beyond(usize),
    Json,
    Other,
}

impl Talk {
    fn begun(asked: &str) -> Self {
        let mut talk = Self {
            models: Vec::new(),
            findings: Vec::new(),
            fixed: BTreeSet::new(),
            topic: None,
        };
        talk.check(&models_or_one(asked));
        talk
    }

    fn check(&mut self, models: &[String]) {
        for model in models.iter().take(MOST) {
            self.findings.extend(findings(model));
            self.models.push(model.clone());
        }
    }

    /// What a text asks for, as the talk stands.
    fn wish(&self, text: &str) -> Wish {
        let words = words(text);
        let says = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
        let mut new = models(text);
        new.retain(|model| !self.models.contains(model));
        if !new.is_empty() {
            return Wish::Check(new);
        }
        let is_fix = says(&[
            "fix", "repair", "add", "apply", "solve", "resolve", "correct",
        ]);
        let is_why = says(&["why", "explain", "reason", "because", "matter", "matters"]);
        let named = self.named(&words);
        match named {
            Err(number) if is_fix || is_why => Wish::Beyond(number),
            Ok(named) if is_why => {
                let topic = named.first().copied().or(self.topic);
                Wish::Why(topic.unwrap_or(1))
            }
            Ok(named) if is_fix && !named.is_empty() => Wish::Fix(named),
            Ok(_) if is_fix && says(&["all", "both", "everything", "rest", "them", "others"]) => {
                Wish::Fix(self.open())
            }
            Ok(_) if is_fix => {
                let next = self.topic.filter(|topic| !self.fixed.contains(topic));
                let next = next.or_else(|| self.open().first().copied());
                Wish::Fix(next.into_iter().collect())
            }
            _ if says(&["json"]) => Wish::Json,
            _ => Wish::Other,
        }
    }

    /// The findings that words name: by number, column or test. Else a number that none has.
    fn named(&self, words: &[String]) -> Result<Vec<usize>, usize> {
        let count = self.findings.len();
        let mut named = Vec::new();
        for word in words {
            let number = match word.as_str() {
                "first" | "1st" => Some(1),
                "second" | "2nd" => Some(2),
                "third" | "3rd" => Some(3),
                "last" => Some(count),
                word => word.parse().ok(),
            };
            match number {
                Some(number) if (1..=count).contains(&number) => named.push(number),
                Some(number) => return Err(number),
                None => named.extend(self.numbered().filter_map(|(number, finding)| {
                    (finding.column == *word || finding.test == word).then_some(number)
                })),
            }
        }
        named.sort_unstable();
        named.dedup();
        Ok(named)
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &Finding)> {
        (1..).zip(&self.findings)
    }

    /// The findings that are not fixed.
    fn open(&self) -> Vec<usize> {
        let numbers = 1..=self.findings.len();
        numbers
            .filter(|number| !self.fixed.contains(number))
            .collect()
    }

    /// Does what is wished, before it is spoken of.
    fn grant(&mut self, wish: &Wish) {
        match wish {
            Wish::Check(models) => {
                self.topic = Some(self.findings.len() + 1);
                self.check(models);
            }
            Wish::Fix(numbers) => {
                self.fixed.extend(numbers);
                self.topic = numbers.last().copied().or(self.topic);
            }
            Wish::Why(number) => self.topic = Some(*number),
            Wish::Beyond(_) | Wish::Json | Wish::Other => {}
        }
    }

    /// The steps towards an answer, and the answer.
    fn answer(&self, wish: &Wish, latest: &str, before: &Self) -> (Vec<Step>, String) {
        match wish {
            Wish::Check(_) => {
                let known = before.findings.len();
                (look(&self.findings[known..]), self.report(latest, known))
            }
            Wish::Fix(numbers) => self.fix(numbers, before),
            Wish::Why(number) => match self.findings.get(number - 1) {
                Some(finding) => {
                    let place = finding.place();
                    let text = format!(
                        "## Why finding {number} matters: {place}\n\n{}\n\n{}",
                        finding.why(),
                        self.standing()
                    );
                    (vec![finding.query()], text)
                }
                None => (Vec::new(), self.standing()),
            },
            Wish::Beyond(number) => {
                let text = format!("There is no finding {number}. {}", self.standing());
                (Vec::new(), text)
            }
            Wish::Json => (
                Vec::new(),
                block(self.open().iter().map(|number| &self.findings[number - 1])),
            ),
            Wish::Other => {
                let text = format!(
                    "You wrote {}. {}\n\nI can fix a finding (“Now fix the first one”), say why it \
                     matters (“Why?”), or check another model (“Now also check stg_customers”).",
                    quoted(latest),
                    self.standing()
                );
                (Vec::new(), text)
            }
        }
    }

    fn fix(&self, numbers: &[usize], before: &Self) -> (Vec<Step>, String) {
        let (done, new): (Vec<usize>, Vec<usize>) = numbers
            .iter()
            .partition(|number| before.fixed.contains(number));
        let fixed: Vec<_> = self
            .numbered()
            .filter(|(number, _)| new.contains(number))
            .collect();
        let mut models: Vec<_> = fixed.iter().map(|(_, finding)| &finding.model).collect();
        models.dedup();
        let steps = models.iter().flat_map(|model| {
            let test = format!("dbt test --select {model}");
            [
                tool("edit_file", "path", &file(model)),
                tool("run_terminal_command", "command", &test),
            ]
        });
        let mut parts = Vec::new();
        match fixed.as_slice() {
            [] => {}
            [(number, finding)] => parts.push(finding.fixed(*number)),
            several => parts.push(fixed_table(several)),
        }
        if !done.is_empty() {
            parts.push(format!("Before that, {} fixed already.", are(&done)));
        }
        parts.push(self.standing());
        (steps.collect(), parts.join("\n\n"))
    }

    /// What was found in the findings from this one on, for who asked this.
    fn report(&self, asked: &str, known: usize) -> String {
        let new = &self.findings[known..];
        let mut models: Vec<_> = new.iter().map(|finding| finding.model.as_str()).collect();
        models.dedup();
        let rows: u64 = models.iter().map(|model| rows(model)).sum();
        let heading = models.join(", ");
        let mut parts = vec![format!("## {} findings in {heading}", new.len())];
        let looked = format!(
            "I read the tests of `{}` and {rows} rows.",
            models.join("`, `")
        );
        parts.push(match asked.trim().is_empty() {
            true => looked,
            false => format!("You asked: {}. {looked}", quoted(asked)),
        });
        let numbered: Vec<_> = self.numbered().skip(known).collect();
        parts.push(table(&numbered));
        parts.push(block(new));
        parts.join("\n\n")
    }

    /// How many findings there are, and which are fixed.
    fn standing(&self) -> String {
        let open = self.open();
        let models = match self.models.len() {
            ..=MOST => format!("`{}`", self.models.join("`, `")),
            several => format!("{several} models"),
        };
        let found = format!("There are {} findings in {models}", self.findings.len());
        let fixed: Vec<_> = self.fixed.iter().copied().collect();
        match (fixed.as_slice(), open.as_slice()) {
            ([], _) => format!("{found}, none of them fixed yet."),
            (_, []) => format!("{found}, all of them fixed."),
            (fixed, open) => format!("{found}: {} fixed, {} open.", are(fixed), are(open)),
        }
    }
}

/// `finding 1 is`, `findings 1 and 2 are`; only how many where they are more than can be taken in.
fn are(numbers: &[usize]) -> String {
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

/// The steps in which these findings are made.
fn look(findings: &[Finding]) -> Vec<Step> {
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
