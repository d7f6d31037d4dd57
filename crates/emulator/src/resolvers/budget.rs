//! How much memory one response takes at most. It is counted while the response is made, since a short
//! document asks for a text as often as it likes, and nothing more is made once it is too much.
//!
//! The root is wrapped in a [`BudgetedObject`]. Each field that it resolves is a [`BudgetedField`],
//! which takes from the [`Budget`], and wraps the objects below.

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;

use crate::json;

/// How much memory a response takes: 48 MiB. A text counts as a value, and as JSON.
pub(crate) const MOST_BYTES: usize = 48 << 20;

/// What a field of a response takes beside its name and its text, about.
const FIELD: usize = 160;

/// The same of an object, and of an item of a list.
const ITEM: usize = 160;

/// The same of an error.
const ERROR: usize = 320;

/// What a selection of an object counts that adds no field to it: the executor looks at it all the
/// same.
const REPEATED: usize = 64;

/// What is left for the response that is being made.
pub(crate) struct Budget {
    left: Cell<Option<usize>>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            left: Cell::new(Some(MOST_BYTES)),
        }
    }

    /// Whether more was asked for than there was.
    pub(crate) fn is_used_up(&self) -> bool {
        self.left.get().is_none()
    }

    /// Takes as many bytes, if there are as many; otherwise none is left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(bytes));
        self.left.set(left);
        left.is_some()
    }

    /// A field with this name in the response.
    pub(crate) fn take_field(&self, name: &str) -> bool {
        self.take(FIELD + 2 * name.len())
    }

    /// A text, or another value without fields.
    pub(crate) fn take_text(&self, text: &str) -> bool {
        self.take(text.len() + json::length(text))
    }

    /// An object, or an item of a list.
    pub(crate) fn take_item(&self) -> bool {
        self.take(ITEM)
    }
}

/// An object whose fields, and all below them, are counted. Once too much was asked for, the rest
/// is left out.
pub(crate) struct BudgetedObject<'a> {
    object: Box<dyn ObjectValue + 'a>,
    budget: &'a Budget,
}

impl<'a> BudgetedObject<'a> {
    pub(crate) fn new(object: impl ObjectValue + 'a, budget: &'a Budget) -> Self {
        Self {
            object: Box::new(object),
            budget,
        }
    }
}

impl ObjectValue for BudgetedObject<'_> {
    fn type_name(&self) -> &str {
        self.object.type_name()
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let key = info.field_selections()[0].response_key();
        if !self.budget.take_field(key) {
            return Ok(ResolvedValue::SkipForPartialExecution);
        }
        let field = BudgetedField {
            info,
            budget: self.budget,
            selections: OnceCell::new(),
        };
        field.limited(self.object.resolve_field(info))
    }
}

/// A field whose value is counted: each item of a list, and each object.
struct BudgetedField<'a> {
    info: &'a ResolveInfo<'a>,
    budget: &'a Budget,
    /// What the selections of each object count beside its fields.
    selections: OnceCell<usize>,
}

impl<'a> BudgetedField<'a> {
    fn limited(
        self,
        resolved: Result<ResolvedValue<'a>, FieldError>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        match resolved {
            Ok(ResolvedValue::List(items)) => {
                let items = items.map_while(move |item| {
                    self.budget.take_item().then(|| self.limited_value(item))
                });
                Ok(ResolvedValue::List(Box::new(items)))
            }
            resolved => self.limited_value(resolved),
        }
    }

    fn limited_value(
        &self,
        resolved: Result<ResolvedValue<'a>, FieldError>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let budget = self.budget;
        let fits = match &resolved {
            Ok(ResolvedValue::Leaf(JsonValue::String(text))) => budget.take_text(text.as_str()),
            Ok(ResolvedValue::Object(object)) => {
                let selections = self
                    .selections
                    .get_or_init(|| selections(self.info, object.type_name()));
                budget.take(ITEM + selections)
            }
            Err(error) => budget.take(ERROR) && budget.take_text(&error.message),
            // A list in a list, which no field of the emulator's is.
            Ok(_) => true,
        };
        if !fits {
            return Ok(ResolvedValue::SkipForPartialExecution);
        }
        resolved.map(|value| match value {
            ResolvedValue::Object(object) => {
                ResolvedValue::object(BudgetedObject { object, budget })
            }
            value => value,
        })
    }
}

/// What the selections of an object count beside its fields: those of `__typename`, which the
/// executor resolves itself, and those that add no field. Whether they apply does not matter.
fn selections(info: &ResolveInfo<'_>, type_name: &str) -> usize {
    let mut looked_at = 0;
    let mut keys = HashSet::new();
    let mut type_names = 0;
    let mut fragments = HashSet::new();
    let sets = info.field_selections().iter();
    let mut ahead: Vec<&SelectionSet> = sets.map(|field| &field.selection_set).collect();
    let document: &ExecutableDocument = info.document();
    while let Some(set) = ahead.pop() {
        looked_at += set.selections.len();
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.response_key();
                    if keys.insert(key) && field.name == "__typename" {
                        type_names += FIELD + 2 * (key.len() + type_name.len());
                    }
                }
                Selection::InlineFragment(inline) => ahead.push(&inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.fragment_name;
                    let fragment = document.fragments.get(name);
                    let is_new = fragments.insert(name);
                    ahead.extend(fragment.filter(|_| is_new).map(|it| &it.selection_set));
                }
            }
        }
    }
    type_names + REPEATED * (looked_at - keys.len())
}
