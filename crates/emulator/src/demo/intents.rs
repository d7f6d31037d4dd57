//! What a user asks the checker for. Only what is surely an order is one: a question, a "don't", or
//! a verb in the middle of a sentence changes nothing.

use std::mem;

use super::phrases::{
    ALL, ANYTHING, BETWEEN, EXCEPT, FIXED, GO_ON, MORE, NEGATORS, OPEN, SUBJECTS, Verb,
    asks_for_state, begins, forbids, is_one, stripped, verb,
};
use super::words::{is_in_layer, is_model, is_number, sentences};

/// What a text asks for. What it is about is left in words: the conversation knows what they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// These models; none if the verb has none.
    Check(Vec<String>),
    Fix(VerbObject),
    Why(VerbObject),
    Json,
    /// What is fixed so far, or what is open.
    List {
        fixed: bool,
    },
    /// What was cut off, or left out.
    GoOn,
    /// Nothing is to be changed.
    Leave,
}

/// What a verb is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct VerbObject {
    pub(super) words: Vec<String>,
    /// What it is not about: `not the second`, `all but 2`.
    pub(super) except: Vec<String>,
    /// What stood before it, if that is short: `finding 2: fix it`.
    pub(super) aside: Vec<String>,
    /// The verb says too little alone: `add`, for one.
    pub(super) must_name: bool,
}

/// What a text asks for, one after the other.
pub(super) fn intents(text: &str) -> Vec<Intent> {
    let sentences = sentences(text);
    let mut words = sentences.iter().flat_map(|it| &it.clauses).flatten();
    let mut reader = Reader {
        has_layers: words.any(|word| is_in_layer(word)),
        ..Reader::default()
    };
    for sentence in &sentences {
        reader.sentence(&sentence.clauses, sentence.is_question);
    }
    let mut intents = reader.intents;
    if intents
        .iter()
        .any(|intent| matches!(intent, Intent::Fix(_)))
    {
        intents.retain(|intent| *intent != Intent::Leave);
    }
    for intent in &mut intents {
        if let Intent::Fix(object) = intent {
            object.except.extend_from_slice(&reader.spared);
        }
    }
    intents.dedup();
    intents
}

/// The models that a text names, each once: those of a layer, else what is spelt like a model.
pub(super) fn models(text: &str) -> Vec<String> {
    let mut models = Vec::new();
    for intent in intents(text) {
        match intent {
            Intent::Check(named) => add(&mut models, named),
            Intent::Fix(object) | Intent::Why(object) => add(&mut models, object.models()),
            _ => {}
        }
    }
    models
}

/// Adds those that are not there yet.
pub(super) fn add(models: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for model in more {
        if !models.contains(&model) {
            models.push(model);
        }
    }
}

impl VerbObject {
    pub(super) fn models(&self) -> Vec<String> {
        named(&self.words, self.words.iter().any(|word| is_in_layer(word)))
    }
}

/// The models among these words.
fn named(words: &[String], has_layers: bool) -> Vec<String> {
    let is_named = |word: &&String| is_in_layer(word) || !has_layers && is_model(word);
    let mut models = Vec::new();
    add(&mut models, words.iter().filter(is_named).cloned());
    models
}

#[derive(Default)]
struct Reader {
    intents: Vec<Intent>,
    /// Whether the text names a model of a layer: other names are of something else then.
    has_layers: bool,
    /// The verb that the words are about, in this sentence.
    verb: Option<Verb>,
    /// What comes next is not to be done.
    is_negative: bool,
    /// What is not done has been said: what comes next is spared too.
    is_sparing: bool,
    /// The verb that is not to be done had nothing yet that it is about.
    is_bare: bool,
    /// What follows a `but` is surely to be done.
    is_sure: bool,
    /// What is not to be fixed, in the whole text.
    spared: Vec<String>,
    /// The last short part without a verb.
    aside: Vec<String>,
}

impl Reader {
    fn sentence(&mut self, clauses: &[Vec<String>], is_question: bool) {
        self.verb = None;
        self.is_negative = false;
        self.is_sparing = false;
        self.is_bare = false;
        self.aside.clear();
        for (number, clause) in clauses.iter().enumerate() {
            // `Fix it, ok?` is a question at its end alone.
            let is_asked = is_question && number + 1 == clauses.len();
            let mut may_order = true;
            let mut link = "";
            for part in clause.split_inclusive(|word| BETWEEN.contains(&word.as_str())) {
                let (words, next) = match part.split_last() {
                    Some((last, words)) if BETWEEN.contains(&last.as_str()) => (words, &**last),
                    _ => (part, ""),
                };
                let (words, is_requested) = stripped(words);
                self.part(words, link, may_order, is_asked && !is_requested);
                // There is no order in `how to test and fix it`.
                may_order &= words.is_empty() || self.verb.is_some();
                link = next;
            }
        }
    }

    /// Reads what stands between two links.
    fn part(&mut self, words: &[String], link: &str, may_order: bool, is_asked: bool) {
        let negator = words.iter().position(|word| is_one(&NEGATORS, word));
        let verb = words.iter().position(|word| verb(word).is_some());
        match (negator, verb) {
            (Some(negator), Some(verb)) if negator < verb => {
                self.is_sparing = !is_asked && forbids(words, verb);
                self.forbid(&words[verb], &words[verb + 1..]);
            }
            // `Don't fix or repair it`.
            (_, Some(0)) if self.is_negative && (link == "or" || link == "and" && self.is_bare) => {
                self.forbid(&words[0], &words[1..]);
            }
            _ if GO_ON.iter().any(|order| begins(words, order)) => self.order(Verb::GoOn, &[]),
            (_, Some(0)) if may_order => match self::verb(&words[0]) {
                Some(Verb::Fix | Verb::Add) if is_asked => {}
                Some(Verb::Touch) => self.unordered(words, link, is_asked),
                Some(verb) => self.order(verb, &words[1..]),
                None => {}
            },
            // `Which are not fixed?`
            (_, None) if asks_for_state(words) => self.intents.push(list(words)),
            (Some(negator), _) => {
                self.is_negative = true;
                self.more(&words[negator + 1..]);
            }
            _ if link == "but" && self.has_left() => {
                if matches!(self.verb, Some(Verb::Fix | Verb::Add)) {
                    self.contrast(words);
                }
            }
            _ => {
                self.is_negative |= link == "but";
                self.unordered(words, link, is_asked);
            }
        }
    }

    /// Reads a verb that is not to be done, and what it is about.
    fn forbid(&mut self, verb: &str, words: &[String]) {
        self.verb = self::verb(verb);
        self.is_negative = true;
        self.is_bare = words.is_empty();
        match self.verb {
            // `Don't leave anything out` spares nothing.
            Some(Verb::Leave) => {
                self.verb = None;
                self.is_negative = false;
                self.is_sparing = false;
            }
            Some(Verb::Fix | Verb::Add) => self.intents.push(Intent::Leave),
            Some(Verb::Touch) if self.is_sparing => self.intents.push(Intent::Leave),
            _ => self.is_sparing = false,
        }
        self.is_sure = self.is_sparing;
        if self.is_sparing {
            self.spare(words);
        }
    }

    /// Takes words as what is not to be fixed, but for what follows an `except`.
    fn spare(&mut self, words: &[String]) {
        let says = |any: &[&str]| words.iter().any(|word| is_one(any, word));
        self.is_sure &= !says(&ALL);
        let except = words.iter().position(|word| is_one(&EXCEPT, word));
        let (spared, except) = words.split_at(except.unwrap_or(words.len()));
        if !spared.iter().any(|word| is_one(&ANYTHING[..2], word)) {
            self.spared.extend_from_slice(spared);
        }
        if let (Some(except), Some(Verb::Fix | Verb::Add)) = (except.get(1..), self.verb) {
            self.is_sure &= spared.iter().all(|word| is_one(&ANYTHING, word));
            self.contrast(except);
        }
    }

    /// Whether nothing was to be changed, as the last thing that was said.
    fn has_left(&self) -> bool {
        self.is_negative && self.intents.last() == Some(&Intent::Leave)
    }

    /// Reads what is to be fixed, after all that is not: `don't fix 1 but 2`. If that is not sure,
    /// the text is not understood.
    fn contrast(&mut self, words: &[String]) {
        if self.is_sure && is_number(words) {
            self.order(Verb::Fix, words);
        } else if !words.is_empty() && !words.iter().any(|word| is_one(&SUBJECTS, word)) {
            self.intents.pop_if(|intent| *intent == Intent::Leave);
        }
    }

    fn order(&mut self, verb: Verb, words: &[String]) {
        self.verb = Some(verb);
        self.is_negative = false;
        self.is_sparing = false;
        self.is_bare = false;
        let not = |word: &String| is_one(&NEGATORS, word) || is_one(&EXCEPT, word);
        let end = words.iter().position(not).unwrap_or(words.len());
        let (words, except) = words.split_at(end);
        let says = |one: &str| words.iter().any(|word| word == one);
        let object = VerbObject {
            words: words.to_vec(),
            aside: mem::take(&mut self.aside),
            must_name: verb == Verb::Add,
            ..VerbObject::default()
        };
        self.intents.push(match verb {
            // `Fix nothing`.
            Verb::Fix | Verb::Add if words.is_empty() && !except.is_empty() => Intent::Leave,
            Verb::Fix | Verb::Add => Intent::Fix(object),
            Verb::Why => Intent::Why(object),
            Verb::Check => Intent::Check(named(words, self.has_layers)),
            Verb::Show if says("json") => Intent::Json,
            Verb::Show => list(words),
            Verb::GoOn => Intent::GoOn,
            Verb::Leave | Verb::Touch => Intent::Leave,
        });
        if verb == Verb::Leave {
            self.is_negative = true;
            self.is_sparing = true;
            self.spare(words);
            return;
        }
        if let Some(except) = except.get(1..) {
            self.is_negative = true;
            self.is_sparing = self.has_left();
            self.is_sure = self.is_sparing;
            match self.is_sparing {
                // `Fix nothing but 2`.
                true => self.spare(except),
                false => self.more(except),
            }
        }
    }

    /// Reads words without an order.
    fn unordered(&mut self, words: &[String], link: &str, is_asked: bool) {
        let says = |any: &[&str]| words.iter().any(|word| is_one(any, word));
        if self.verb.is_some() && words.len() <= MORE && !says(&SUBJECTS) {
            if link == "or" && !self.is_negative {
                self.more(&["or".to_owned()]);
            }
            self.more(words);
        } else if asks_for_state(words) {
            self.intents.push(list(words));
        } else if is_asked && says(&["why", "matter", "matters", "reason"]) {
            self.order(Verb::Why, words);
        } else if says(&["json"]) {
            self.intents.push(Intent::Json);
        } else {
            let models = named(words, self.has_layers);
            if !models.is_empty() {
                self.order(Verb::Check, &models);
            } else if words.len() < MORE {
                self.aside = words.to_vec();
            }
        }
    }

    /// Takes words as more of what the verb is about, or of what it is not.
    fn more(&mut self, words: &[String]) {
        let is_negative = self.is_negative;
        if is_negative && self.is_sparing {
            self.spare(words);
            return;
        }
        match (self.verb, self.intents.last_mut()) {
            (Some(_), Some(Intent::Fix(object) | Intent::Why(object))) => match is_negative {
                true => object.except.extend_from_slice(words),
                false => object.words.extend_from_slice(words),
            },
            (Some(_), Some(Intent::Check(models))) if !is_negative => {
                add(models, named(words, self.has_layers));
            }
            _ => {}
        }
    }
}

/// The list that these words ask for.
fn list(words: &[String]) -> Intent {
    let says = |any: &[&str]| words.iter().any(|word| is_one(any, word));
    let fixed = says(&FIXED) && !says(&OPEN) && !says(&NEGATORS);
    Intent::List { fixed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_models_are_found_not_tests_columns_or_pieces_of_names() {
        for (text, expected) in [
            (
                "Check stg_orders for missing not_null tests.",
                &["stg_orders"][..],
            ),
            (
                "Add accepted_values to `fct_Payments`.status",
                &["fct_payments"],
            ),
            (
                "stg_orders, stg_orders and dim_customers",
                &["stg_orders", "dim_customers"],
            ),
            ("Look at models/staging/stg_orders.sql", &["stg_orders"]),
            ("is customer_id of my_table unique?", &["my_table"]),
            ("my_table or stg_orders", &["stg_orders"]),
            (
                "**stg_orders**, _stg_payments_",
                &["stg_orders", "stg_payments"],
            ),
            ("Check stg_orders, not stg_payments", &["stg_orders"]),
            ("Never look at stg_payments", &[]),
            ("Which tests fail?", &[]),
            ("stg_, dim_ and _this_", &[]),
            ("", &[]),
        ] {
            assert_eq!(models(text), expected, "{text}");
        }
        assert_eq!(models(&format!("stg_{}", "x".repeat(100))), [""; 0]);
    }
}
