//! The fields of a selection, by what they are called in the response; why two of them conflict, and
//! how that is said.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use apollo_compiler::Node;
use apollo_compiler::ast::{Argument, Field, FragmentDefinition, Selection, Type, Value};
use apollo_compiler::parser::SourceSpan;

use crate::graphql::literals::{is_block, print_literal, quoted};
use crate::graphql::types;
use crate::graphql::validation::check::Check;
use crate::graphql::validation::selections::is_given;

/// The most characters of a reason, or of a name in one.
const LONGEST: usize = 1_000;
/// The most fields that a conflict names the places of, on either side.
const MOST_PLACES: usize = 20;

/// The selections of a document that are compared, and what has been compared.
pub(super) struct Overlaps<'c, 'a> {
    pub(super) check: &'c Check<'a>,
    pub(super) fields: HashMap<(Option<&'a str>, *const Selection), Rc<SelectedFields<'a>>>,
    /// Fields against a fragment; whether only as ones that cannot be of one object.
    pub(super) with_fragment: HashMap<(*const SelectedFields<'a>, &'a str), bool>,
    pub(super) between_fragments: HashMap<(&'a str, &'a str), bool>,
    /// The arguments of each field, as a text that is the same for the same arguments; none if
    /// one is repeated.
    pub(super) arguments: HashMap<*const Field, Option<String>>,
    pub(super) budget: usize,
    pub(super) depth: usize,
}

/// A field, with the type that it is selected on.
#[derive(Clone, Copy)]
pub(super) struct FoundField<'a> {
    pub(super) parent: Option<&'a str>,
    pub(super) node: &'a Node<Field>,
    pub(super) ty: Option<&'a Type>,
}

/// What a selection holds, in the order of the text.
pub(super) struct SelectedFields<'a> {
    pub(super) by_key: Vec<(&'a str, Vec<FoundField<'a>>)>,
    pub(super) places: HashMap<&'a str, usize>,
    pub(super) fragments: Vec<&'a str>,
    /// Those fragments, to look them up.
    spread: HashSet<&'a str>,
}

/// Two fields that cannot be one, and why.
pub(super) struct Conflict<'a> {
    pub(super) key: &'a str,
    pub(super) reason: String,
    pub(super) places: [Vec<Option<SourceSpan>>; 2],
}

impl<'a> Overlaps<'_, 'a> {
    pub(super) fn collected_fragment(
        &mut self,
        fragment: &'a FragmentDefinition,
    ) -> Rc<SelectedFields<'a>> {
        let named = self
            .check
            .schema
            .types
            .get_key_value(&fragment.type_condition);
        self.collected(
            named.map(|(name, _)| name.as_str()),
            &fragment.selection_set,
        )
    }

    /// The fields of a selection on a type, with those of inline fragments.
    pub(super) fn collected(
        &mut self,
        parent: Option<&'a str>,
        selections: &'a [Selection],
    ) -> Rc<SelectedFields<'a>> {
        let key = (parent, selections.as_ptr());
        if let Some(known) = self.fields.get(&key) {
            return Rc::clone(known);
        }
        let mut fields = SelectedFields {
            by_key: Vec::new(),
            places: HashMap::new(),
            fragments: Vec::new(),
            spread: HashSet::new(),
        };
        self.collect(parent, selections, &mut fields);
        let fields = Rc::new(fields);
        self.fields.insert(key, Rc::clone(&fields));
        fields
    }

    fn collect(
        &self,
        parent: Option<&'a str>,
        selections: &'a [Selection],
        fields: &mut SelectedFields<'a>,
    ) {
        let schema = self.check.schema;
        for selection in selections {
            match selection {
                Selection::Field(node) => {
                    let key = node.response_name().as_str();
                    let place = *fields.places.entry(key).or_insert_with(|| {
                        fields.by_key.push((key, Vec::new()));
                        fields.by_key.len() - 1
                    });
                    // Fields of introspection have no type here.
                    let ty = parent
                        .filter(|_| !node.name.starts_with("__"))
                        .and_then(|parent| types::field(schema, parent, &node.name))
                        .map(|field| &field.ty);
                    fields.by_key[place].1.push(FoundField { parent, node, ty });
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if fields.spread.insert(name) {
                        fields.fragments.push(name);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let parent = match &fragment.type_condition {
                        Some(condition) => {
                            let named = schema.types.get_key_value(condition);
                            named.map(|(name, _)| name.as_str())
                        }
                        None => parent,
                    };
                    self.collect(parent, &fragment.selection_set, fields);
                }
            }
        }
    }
}

impl Overlaps<'_, '_> {
    /// Why two fields are not the same; whatever they select.
    pub(super) fn difference(&mut self, one: &Field, other: &Field) -> Option<String> {
        if one.name != other.name {
            let name = |field: &Field| abbreviated(field.name.to_string());
            return Some(format!(
                "\"{}\" and \"{}\" are different fields",
                name(one),
                name(other)
            ));
        }
        if one.arguments.is_empty() && other.arguments.is_empty() {
            return None;
        }
        self.write_down(one);
        self.write_down(other);
        let written = |field: &Field| self.arguments.get(&std::ptr::from_ref(field));
        let same = match (written(one), written(other)) {
            (Some(Some(one)), Some(Some(other))) => one == other,
            _ => self.are_same(one, other),
        };
        (!same).then(|| "they have differing arguments".to_owned())
    }

    /// Keeps the arguments of a field as a text: a field may be compared with hundreds of others.
    fn write_down(&mut self, field: &Field) {
        let text = self.check.text;
        let written = self.arguments.entry(std::ptr::from_ref(field));
        written.or_insert_with(|| {
            let mut arguments: Vec<_> = field.arguments.iter().collect();
            arguments.sort_by_key(|argument| &argument.name);
            let is_repeated = arguments
                .windows(2)
                .any(|pair| pair[0].name == pair[1].name);
            let written =
                |it: &&Node<Argument>| format!("{}:{}", it.name, identity(&it.value, text));
            (!is_repeated).then(|| arguments.iter().map(written).collect::<Vec<_>>().join(","))
        });
    }

    /// Whether two fields have the same arguments, if one of them repeats one.
    fn are_same(&self, one: &Field, other: &Field) -> bool {
        let text = self.check.text;
        let most = one.arguments.len() * other.arguments.len();
        self.check.count(most);
        !self.check.is_exhausted()
            && one.arguments.len() == other.arguments.len()
            && one.arguments.iter().all(|argument| {
                is_given(&other.arguments, &argument.name)
                    && last(&other.arguments, &argument.name).is_some_and(|value| {
                        identity(value, text) == identity(&argument.value, text)
                    })
            })
    }

    pub(super) fn types_conflict(&self, one: &Type, other: &Type) -> bool {
        if one.is_non_null() != other.is_non_null() {
            return true;
        }
        match (types::item(one), types::item(other)) {
            (Some(one), Some(other)) => self.types_conflict(one, other),
            (None, None) => {
                let (one, other) = (one.inner_named_type(), other.inner_named_type());
                let is_leaf = |name: &str| !types::is_composite(self.check.schema, name);
                (is_leaf(one) || is_leaf(other)) && one != other
            }
            _ => true,
        }
    }
}

/// The conflict of two fields whose selections conflict.
pub(super) fn joined<'a>(
    key: &'a str,
    mut places: [Vec<Option<SourceSpan>>; 2],
    inner: &[Conflict<'a>],
) -> Option<Conflict<'a>> {
    if inner.is_empty() {
        return None;
    }
    let mut reason = String::new();
    for conflict in inner {
        let and = if reason.is_empty() { "" } else { " and " };
        let key = abbreviated(conflict.key.to_owned());
        reason.push_str(&format!(
            "{and}subfields \"{key}\" conflict because {}",
            conflict.reason
        ));
        if reason.encode_utf16().count() > LONGEST {
            break;
        }
    }
    for (side, places) in places.iter_mut().enumerate() {
        for conflict in inner {
            let known = &conflict.places[side];
            let left = MOST_PLACES - places.len();
            places.extend(&known[known.len().saturating_sub(left)..]);
            if places.len() == MOST_PLACES {
                break;
            }
        }
    }
    Some(Conflict {
        key,
        reason: abbreviated(reason),
        places,
    })
}

/// Names and types are ASCII, and so is all that is made of them.
pub(super) fn abbreviated(text: String) -> String {
    match text.get(..LONGEST) {
        Some(start) if text.len() > LONGEST => format!("{start}..."),
        _ => text,
    }
}

fn last<'a>(arguments: &'a [Node<Argument>], name: &str) -> Option<&'a Node<Value>> {
    let argument = arguments
        .iter()
        .rev()
        .find(|argument| argument.name == name);
    argument.map(|argument| &argument.value)
}

/// A text that is the same for values that are the same, whatever the order of their fields.
fn identity(value: &Node<Value>, text: &str) -> String {
    match &**value {
        Value::String(content) if is_block(value, text) => format!("\"\"\"{}", quoted(content)),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| identity(item, text)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name);
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}:{}", identity(value, text)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        _ => print_literal(value, text),
    }
}
