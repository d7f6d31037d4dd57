//! The checker: a first look at models, and a conversation about what was found.
//!
//! A turn collects steps and parts of an answer: what the intents of a message ask for, one after the
//! other, and at its end how things stand.

use std::collections::BTreeSet;
use std::time::Duration;

use super::findings::{
    Finding, block, file, findings, fixed_table, named, rows, steps_of, table, tool,
};
use super::intents::{Intent, VerbObject, add, intents, models};
use super::references::{Meant, meant, numbered};
use super::timeline::Work;
use super::words::{MOST, quoted, unnamed};
use crate::scenario::{Scenario, Stage, Status, Step};

/// How long the tools of one turn take, all together.
const FIRST_LOOK: Duration = Duration::from_millis(6_000);
const TURN: Duration = Duration::from_millis(2_500);

/// How many models a conversation is about, at most: it is kept as long as the run.
const MOST_MODELS: usize = 100;

const CAN: &str = "I can fix findings (“Now fix the first one”), say why they matter (“Why?”), list \
    them (“Which are open?”, “The findings as JSON”) or check another model (“Now also check \
    stg_payments”).";

/// A run of `data-quality-checker` that was asked this, and what was found when it has ended.
pub(super) fn checker(asked: &str) -> (Scenario, Conversation) {
    let mut named = models(asked);
    let is_named = !named.is_empty();
    let thought = match is_named {
        true => {
            let listed = named[..named.len().min(MOST)].join(", ");
            format!("I look at the tests of {listed}, then at its rows.")
        }
        false => {
            named.push(unnamed(asked).to_owned());
            format!(
                "No model is named. I take {}, which changed last.",
                named[0]
            )
        }
    };
    let mut conversation = Conversation::default();
    let mut turn = Turn::of(asked);
    if !is_named {
        turn.remark = format!("No model is named, so I took `{}`. ", named[0]);
    }
    conversation.check(named, &mut turn);
    for intent in intents(asked) {
        if let Intent::Fix(object) = intent {
            conversation.fix(&object, &mut turn);
        }
    }
    let (steps, answer) = conversation.close(turn);
    let work = Work::begin(FIRST_LOOK / (count(&steps) + 1), thought).steps(steps);
    let scenario = work.run(Some("data-quality-checker"), Status::Completed, answer);
    (scenario, conversation)
}

fn count(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX - 1)
}

/// What was found and done so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Conversation {
    models: Vec<String>,
    findings: Vec<Finding>,
    /// The numbers of findings, from 1.
    fixed: BTreeSet<usize>,
    /// The finding that was talked about last.
    topic: usize,
    /// The models that were to be checked, and were not.
    unchecked: Vec<String>,
}

/// What is done and said in a turn.
#[derive(Default)]
struct Turn<'a> {
    asked: &'a str,
    /// What is to be said about what was asked.
    remark: String,
    steps: Vec<Step>,
    parts: Vec<String>,
    /// The answer ends with how things stand.
    is_to_stand: bool,
}

impl<'a> Turn<'a> {
    fn of(asked: &'a str) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    fn say(&mut self, part: impl Into<String>) {
        self.parts.push(part.into());
        self.is_to_stand = true;
    }
}

impl Conversation {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let names = self.models.iter().chain(&self.unchecked);
        let names = names.map(|name| size_of::<String>() + name.len());
        let findings = self.findings.iter().map(Finding::bytes);
        names.chain(findings).sum::<usize>() + self.fixed.len() * size_of::<usize>()
    }

    /// Keeps what was to be checked in a turn that was cut off.
    pub(super) fn cut_off(&mut self, turn: Self) {
        let mut lost = turn.models;
        lost.extend(turn.unchecked);
        lost.retain(|model| !self.models.contains(model));
        add(&mut self.unchecked, lost);
        self.unchecked.truncate(MOST_MODELS);
    }

    /// Does what a follow-up asks for, and says so.
    pub(super) fn answer(&mut self, text: &str) -> Vec<Stage> {
        let mut turn = Turn::of(text);
        for intent in intents(text) {
            self.grant(intent, &mut turn);
        }
        if turn.parts.is_empty() && !turn.is_to_stand {
            let standing = self.standing();
            turn.parts.push(match self.findings.is_empty() {
                true => standing,
                false => format!("You wrote {}. {standing}\n\n{CAN}", quoted(text)),
            });
        }
        let (steps, answer) = self.close(turn);
        let thought = format!("The user wrote {}.", quoted(text));
        Work::begin(TURN / (count(&steps) + 1), thought)
            .steps(steps)
            .ends(Status::Completed, answer)
    }

    fn close(&self, mut turn: Turn<'_>) -> (Vec<Step>, String) {
        if turn.is_to_stand {
            turn.parts.push(self.standing());
        }
        (turn.steps, turn.parts.join("\n\n"))
    }

    fn grant(&mut self, intent: Intent, turn: &mut Turn<'_>) {
        match intent {
            Intent::Check(models) if models.iter().any(|model| !self.models.contains(model)) => {
                self.check(models, turn);
            }
            Intent::GoOn if !self.unchecked.is_empty() => self.check(self.unchecked.clone(), turn),
            // Nothing was said that it could be about.
            _ if self.findings.is_empty() => {}
            Intent::Check(models) if !models.is_empty() => self.list(false, turn),
            Intent::Fix(object) => self.fix(&object, turn),
            Intent::Why(object) => self.explain(&object, turn),
            Intent::Json => {
                let open = self.open().into_iter();
                let open = open.map(|number| &self.findings[number - 1]);
                turn.parts.push(block(open));
            }
            Intent::List { fixed } => self.list(fixed, turn),
            Intent::Leave => turn.say("I change nothing."),
            Intent::Check(_) | Intent::GoOn => {}
        }
    }

    /// Looks at those of these models that are new.
    fn check(&mut self, mut models: Vec<String>, turn: &mut Turn<'_>) {
        models.retain(|model| !self.models.contains(model));
        let free = MOST_MODELS - self.models.len();
        if free == 0 {
            turn.say(format!(
                "I keep {MOST_MODELS} models in mind, and look at no more of them in one run."
            ));
            return;
        }
        let mut later = models.split_off(models.len().min(MOST).min(free));
        let known = self.findings.len();
        for model in &models {
            self.findings.extend(findings(model));
        }
        self.topic = known + 1;
        self.unchecked.retain(|model| !models.contains(model));
        self.models.extend(models);
        later.truncate(free);
        add(&mut self.unchecked, later);
        turn.steps.extend(steps_of(&self.findings[known..]));
        turn.parts.extend(self.report(turn, known));
    }

    fn fix(&mut self, object: &VerbObject, turn: &mut Turn<'_>) {
        let new = object.models();
        if new.iter().any(|model| !self.models.contains(model)) {
            self.check(new, turn);
        }
        let open = self.open();
        let next = match open.contains(&self.topic) {
            true => Some(self.topic),
            false => open.first().copied(),
        };
        let Some(chosen) = self.chosen(object, next, &open) else {
            return;
        };
        let is_done = |number: &usize| self.fixed.contains(number);
        let (done, new): (Vec<usize>, Vec<usize>) = chosen.numbers.into_iter().partition(is_done);
        let fixed: Vec<_> = numbered(&self.findings)
            .filter(|(number, _)| new.contains(number))
            .collect();
        let mut models: Vec<_> = fixed.iter().map(|(_, finding)| &finding.model).collect();
        models.dedup();
        turn.steps.extend(models.iter().flat_map(|model| {
            let test = format!("dbt test --select {model}");
            [
                tool("edit_file", "path", &file(model)),
                tool("run_terminal_command", "command", &test),
            ]
        }));
        match fixed.as_slice() {
            [] if done.is_empty() && chosen.lacks.is_none() => turn.say("Nothing is left to fix."),
            [] => {}
            [(number, finding)] => turn.say(finding.fixed(*number)),
            several => turn.say(fixed_table(several)),
        }
        if !done.is_empty() {
            turn.say(format!("Before that, {} fixed already.", named(&done)));
        }
        chosen.lacks.into_iter().for_each(|lacks| turn.say(lacks));
        self.topic = new.last().or(done.last()).copied().unwrap_or(self.topic);
        self.fixed.extend(new);
    }

    fn explain(&mut self, object: &VerbObject, turn: &mut Turn<'_>) {
        let all: Vec<_> = (1..=self.findings.len()).collect();
        let Some(chosen) = self.chosen(object, Some(self.topic), &all) else {
            return;
        };
        for number in chosen.numbers.iter().take(MOST) {
            let finding = &self.findings[number - 1];
            self.topic = *number;
            turn.steps.push(finding.query());
            turn.say(format!(
                "## Why finding {number} matters: {}\n\n{}",
                finding.place(),
                finding.why()
            ));
        }
        if chosen.numbers.len() > MOST {
            turn.say(format!("I explain {MOST} findings in a turn."));
        }
        chosen.lacks.into_iter().for_each(|lacks| turn.say(lacks));
    }

    /// The findings that an object names, as the conversation stands; none if that is not clear.
    fn chosen(&self, object: &VerbObject, next: Option<usize>, all: &[usize]) -> Option<Chosen> {
        let numbers: Vec<usize> = match meant(object, &self.findings) {
            Meant::These(numbers, unknown) => {
                let lacks = unknown.iter().map(|number| format!("no finding {number}"));
                let lacks: Vec<_> = lacks.collect();
                return Some(Chosen {
                    numbers: numbers.into_iter().collect(),
                    lacks: (!lacks.is_empty()).then(|| format!("There is {}.", lacks.join(", "))),
                });
            }
            Meant::All(among, how_many) => {
                let among = all.iter().copied().filter(|number| among.contains(number));
                let among: Vec<_> = among.collect();
                if how_many.is_some_and(|many| many != among.len()) {
                    return None;
                }
                among
            }
            Meant::One(among) => {
                let next = next.filter(|next| among.contains(next));
                let first = || all.iter().copied().find(|number| among.contains(number));
                next.or_else(first).into_iter().collect()
            }
            Meant::It => vec![self.topic],
            Meant::Next => next.into_iter().collect(),
            Meant::Unclear => return None,
        };
        Some(Chosen {
            numbers,
            lacks: None,
        })
    }

    /// Lists what is fixed, or what is open.
    fn list(&self, is_fixed: bool, turn: &mut Turn<'_>) {
        let listed: Vec<_> = numbered(&self.findings)
            .filter(|(number, _)| self.fixed.contains(number) == is_fixed)
            .collect();
        match is_fixed {
            _ if listed.is_empty() => {}
            true => turn.parts.push(fixed_table(&listed)),
            false => turn.parts.push(table(&listed)),
        }
        turn.is_to_stand = true;
    }

    /// The findings that are not fixed.
    fn open(&self) -> Vec<usize> {
        let numbers = 1..=self.findings.len();
        numbers
            .filter(|number| !self.fixed.contains(number))
            .collect()
    }

    /// What was found in the findings from this one on.
    fn report(&self, turn: &Turn<'_>, known: usize) -> [String; 3] {
        let new = &self.findings[known..];
        let mut models: Vec<_> = new.iter().map(|finding| finding.model.as_str()).collect();
        models.dedup();
        let rows: u64 = models.iter().map(|model| rows(model)).sum();
        let asked = match turn.asked.trim().is_empty() {
            true => String::new(),
            false => format!("You asked: {}. ", quoted(turn.asked)),
        };
        let later = match self.unchecked.is_empty() {
            true => String::new(),
            false => format!(
                " I look at {MOST} models in a turn, so not yet at {}: “Go on” does.",
                code(&self.unchecked)
            ),
        };
        let numbered: Vec<_> = numbered(&self.findings).skip(known).collect();
        [
            format!(
                "## {} findings in {}\n\n{asked}{}I read the tests of {} and {rows} rows.{later}",
                new.len(),
                models.join(", "),
                turn.remark,
                code(&models),
            ),
            table(&numbered),
            block(new),
        ]
    }

    /// How many findings there are, and which are fixed.
    fn standing(&self) -> String {
        let later = match self.unchecked.is_empty() {
            true => String::new(),
            false => format!(" “Go on” makes me look at {}.", code(&self.unchecked)),
        };
        if self.findings.is_empty() {
            return format!("I was stopped before I could say what I had found.{later}");
        }
        let open = self.open();
        let models = match self.models.len() {
            ..=MOST => code(&self.models),
            several => format!("{several} models"),
        };
        let found = format!("There are {} findings in {models}", self.findings.len());
        let fixed: Vec<_> = self.fixed.iter().copied().collect();
        match (fixed.as_slice(), open.as_slice()) {
            ([], _) => format!("{found}, none of them fixed yet.{later}"),
            (_, []) => format!("{found}, all of them fixed.{later}"),
            (fixed, open) => format!(
                "{found}: {} fixed, {} open.{later}",
                named(fixed),
                named(open)
            ),
        }
    }
}

/// The findings that were chosen, and what is to be said of numbers that none has.
struct Chosen {
    numbers: Vec<usize>,
    lacks: Option<String>,
}

/// Names as Markdown shows them; how many more if they are more than can be taken in.
fn code(names: &[impl AsRef<str>]) -> String {
    let some = names.iter().take(2 * MOST);
    let some: Vec<_> = some.map(|name| format!("`{}`", name.as_ref())).collect();
    let more = match names.len() - some.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", some.join(", "))
}
