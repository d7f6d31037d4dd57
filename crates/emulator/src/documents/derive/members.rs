//! The fields that the derive gives a struct ([`Members`]).

use std::collections::{HashMap, HashSet};

use apollo_compiler::parser::SourceSpan;

use super::names::{in_rust, twice};
use super::overlaps::Child;
use super::report::Report;

/// The name of the field for the variants.
const ON: &str = "on";

/// A struct, or the enum of the variants.
#[derive(Default)]
pub(super) struct Members<'a> {
    /// What is called in Rust how, by its name there.
    names: HashMap<String, String>,
    /// What the struct reads of a response itself.
    pub(super) keys: HashSet<&'a str>,
    /// What it leaves to structs that are flattened into it, in their order.
    pub(super) children: Vec<Child<'a>>,
}

impl<'a> Members<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn field(
        &mut self,
        key: &'a str,
        place: Option<SourceSpan>,
        report: &mut Report<'_>,
    ) {
        self.keys.insert(key);
        self.name(key, format!("\"{key}\""), place, report);
    }

    pub(super) fn spread(&mut self, name: &str, child: Child<'a>, report: &mut Report<'_>) {
        self.name(name, format!("`...{name}`"), child.place, report);
        self.children.push(child);
    }

    /// Whether a field has the name of that [for the variants](Self::enum_of_variants).
    pub(super) fn has_on(&self) -> bool {
        self.names.contains_key(ON)
    }

    /// The field for what is not the same for all types.
    pub(super) fn enum_of_variants(&mut self, place: Option<SourceSpan>, report: &mut Report<'_>) {
        self.name(ON, "the fragments on types".to_owned(), place, report);
    }

    fn name(
        &mut self,
        name: &str,
        shown: String,
        place: Option<SourceSpan>,
        report: &mut Report<'_>,
    ) {
        let Some(in_rust) = in_rust(name, &shown, place, report) else {
            return;
        };
        match self.names.get(&in_rust) {
            Some(first) => {
                let (message, help) = twice(first, &shown, &in_rust);
                report.add(message, help, place);
            }
            None => {
                self.names.insert(in_rust, shown);
            }
        }
    }
}
