//! A program whose types were made from an older schema, as far as it matters to them what a server with
//! another one sends and takes: a model of the derive, which knows nothing of the comparison.
//!
//! What is drawn depends on a number alone and on where it stands, so that a number is a world: each
//! object, each null and each value is the same wherever the document selects it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use apollo_compiler::Schema;
use apollo_compiler::ast::{
    Definition, Document, FragmentDefinition, OperationDefinition, Selection, Type, Value as Given,
};
use apollo_compiler::schema::ExtendedType;
use serde_json::{Map, Value, json};

/// How deep what is sent may be.
const DEEPEST: usize = 5;

pub(crate) struct Program<'a> {
    pub(crate) old: &'a Schema,
    pub(crate) new: &'a Schema,
    pub(crate) document: &'a Document,
}

/// What became of reading many responses.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Where something cannot be read, and why.
    pub(crate) wrong: BTreeSet<String>,
    /// The objects whose types are known and not known, by where they stand.
    objects: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
    /// Whether there was a value of an enum that is not known.
    is_value_unknown: bool,
}

impl Reading {
    /// Where no object is known of those that there were.
    pub(crate) fn nothing_known(&self) -> bool {
        let mut objects = self.objects.values();
        objects.any(|(known, unknown)| known.is_empty() && !unknown.is_empty())
    }

    /// Whether an object or a value is not known.
    pub(crate) fn is_new(&self) -> bool {
        self.is_value_unknown
            || self
                .objects
                .values()
                .any(|(_, unknown)| !unknown.is_empty())
    }

    /// Whether an object of this type is not known.
    pub(crate) fn misses(&self, name: &str) -> bool {
        self.objects
            .values()
            .any(|(_, unknown)| unknown.contains(name))
    }
}

/// A number below another one, by the world and the place.
fn drawn(world: u64, place: &str, below: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    (world, place).hash(&mut hasher);
    usize::try_from(hasher.finish() % below as u64).unwrap()
}

fn members<'a>(schema: &'a Schema, name: &'a str) -> Vec<&'a str> {
    if schema.get_object(name).is_some() {
        return vec![name];
    }
    let objects = schema.types.iter().filter(|(_, ty)| ty.is_object());
    let members = objects.filter(|(object, _)| schema.is_subtype(name, object));
    members.map(|(object, _)| object.as_str()).collect()
}

fn item(ty: &Type) -> Option<&Type> {
    match ty {
        Type::List(item) | Type::NonNullList(item) => Some(item),
        _ => None,
    }
}

impl<'a> Program<'a> {
    pub(crate) fn operations(&self) -> impl Iterator<Item = &'a OperationDefinition> {
        self.document.definitions.iter().filter_map(|it| match it {
            Definition::OperationDefinition(it) => Some(&**it),
            _ => None,
        })
    }

    pub(crate) fn fragment(&self, name: &str) -> &'a FragmentDefinition {
        let mut fragments = self.document.definitions.iter().filter_map(|it| match it {
            Definition::FragmentDefinition(it) => Some(&**it),
            _ => None,
        });
        fragments.find(|it| it.name == name).unwrap()
    }

    /// Reads the responses of these worlds.
    pub(crate) fn read(&self, worlds: std::ops::Range<u64>) -> Reading {
        let mut reading = Reading::default();
        for operation in self.operations() {
            let root =
                |schema: &'a Schema| schema.root_operation(operation.operation_type).unwrap();
            for world in worlds.clone() {
                let mut sent = Map::new();
                let (selections, new) = (&*operation.selection_set, root(self.new));
                self.send((new, selections), world, String::new(), &mut sent);
                self.read_object((root(self.old), selections), &sent, "", &mut reading);
            }
        }
        reading
    }

    /// What a server with the new schema sends of an object.
    fn send(
        &self,
        (object, selections): (&'a str, &'a [Selection]),
        world: u64,
        place: String,
        sent: &mut Map<String, Value>,
    ) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.response_name().to_string();
                    let place = format!("{place}.{key}");
                    let value = match field.name == "__typename" {
                        true => json!(object),
                        false => {
                            let ty = &self.new.type_field(object, &field.name).unwrap().ty;
                            let before = sent.remove(&key);
                            self.sent((ty, &field.selection_set), world, place, before)
                        }
                    };
                    sent.insert(key, value);
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.type_condition.as_deref().unwrap_or(object);
                    if members(self.new, on).contains(&object) {
                        self.send(
                            (object, &fragment.selection_set),
                            world,
                            place.clone(),
                            sent,
                        );
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.fragment(&spread.fragment_name);
                    if members(self.new, &fragment.type_condition).contains(&object) {
                        self.send(
                            (object, &fragment.selection_set),
                            world,
                            place.clone(),
                            sent,
                        );
                    }
                }
            }
        }
    }

    fn sent(
        &self,
        (ty, selections): (&'a Type, &'a [Selection]),
        world: u64,
        place: String,
        before: Option<Value>,
    ) -> Value {
        if !ty.is_non_null() && drawn(world, &format!("{place}?"), 4) == 0 {
            return Value::Null;
        }
        if let Some(item) = item(ty) {
            let before = before
                .and_then(|it| it.as_array().cloned())
                .unwrap_or_default();
            let items = (0..drawn(world, &format!("{place}[]"), 3)).map(|number| {
                let place = format!("{place}.{number}");
                self.sent(
                    (item, selections),
                    world,
                    place,
                    before.get(number).cloned(),
                )
            });
            return items.collect();
        }
        let name = ty.inner_named_type().as_str();
        match &self.new.types[name] {
            ExtendedType::Enum(it) => {
                let value = it.values.get_index(drawn(world, &place, it.values.len()));
                json!(value.unwrap().0.as_str())
            }
            ExtendedType::Scalar(_) => scalar(name),
            _ => {
                let objects = members(self.new, name);
                if objects.is_empty() {
                    return Value::Null;
                }
                let object = objects[drawn(world, &place, objects.len())];
                let before = before.and_then(|it| it.as_object().cloned());
                let mut sent = before.unwrap_or_default();
                self.send((object, selections), world, place, &mut sent);
                Value::Object(sent)
            }
        }
    }

    /// Reads an object by the type that the derive makes of a selection.
    fn read_object(
        &self,
        (on, selections): (&str, &'a [Selection]),
        sent: &Map<String, Value>,
        place: &str,
        reading: &mut Reading,
    ) {
        // A fragment alone is the type.
        if let [Selection::FragmentSpread(spread)] = selections {
            let fragment = self.fragment(&spread.fragment_name);
            let inner = (fragment.type_condition.as_str(), &*fragment.selection_set);
            return self.read_object(inner, sent, place, reading);
        }
        let mut variant = None;
        if self.old.get_object(on).is_none() {
            let Some(Value::String(name)) = sent.get("__typename") else {
                reading.wrong.insert(format!("{place}: no __typename"));
                return;
            };
            let is_known = members(self.old, on).contains(&name.as_str());
            let (known, unknown) = reading.objects.entry(place.to_owned()).or_default();
            if is_known { known } else { unknown }.insert(name.clone());
            variant = Some(name.as_str()).filter(|_| is_known);
        }
        for selection in selections {
            match selection {
                Selection::Field(field) if field.name != "__typename" => {
                    let key = field.response_name().as_str();
                    let ty = &self.old.type_field(on, &field.name).unwrap().ty;
                    let place = format!("{place}.{key}");
                    let value = sent.get(key).unwrap_or(&Value::Null);
                    self.read_value((ty, &field.selection_set), value, &place, reading);
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(fragment) => {
                    if let Some(of) = fragment
                        .type_condition
                        .as_deref()
                        .filter(|it| Some(*it) == variant)
                    {
                        self.read_object((of, &fragment.selection_set), sent, place, reading);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.fragment(&spread.fragment_name);
                    let of = fragment.type_condition.as_str();
                    if of == on || Some(of) == variant {
                        self.read_object((of, &fragment.selection_set), sent, place, reading);
                    }
                }
            }
        }
    }

    fn read_value(
        &self,
        (ty, selections): (&Type, &'a [Selection]),
        value: &Value,
        place: &str,
        reading: &mut Reading,
    ) {
        let name = ty.inner_named_type().as_str();
        let is_right = match (value, item(ty)) {
            (Value::Null, _) => !ty.is_non_null(),
            (Value::Array(items), Some(item)) => {
                for value in items {
                    self.read_value((item, selections), value, place, reading);
                }
                true
            }
            (_, Some(_)) => false,
            (value, None) => match &self.old.types[name] {
                ExtendedType::Enum(it) => {
                    let is_known = value
                        .as_str()
                        .is_some_and(|it_| it.values.contains_key(it_));
                    reading.is_value_unknown |= !is_known;
                    value.is_string()
                }
                ExtendedType::Scalar(_) => match name {
                    "Int" => value.is_i64(),
                    "Float" => value.is_number(),
                    "String" | "ID" => value.is_string(),
                    "Boolean" => value.is_boolean(),
                    own => *value == scalar(own),
                },
                _ => match value {
                    Value::Object(sent) => {
                        self.read_object((name, selections), sent, place, reading);
                        true
                    }
                    _ => false,
                },
            },
        };
        if !is_right {
            reading.wrong.insert(format!("{place}: {value} is no {ty}"));
        }
    }

    /// Whether variables that the old schema takes are refused by the new one, in one of these worlds.
    pub(crate) fn is_refused(&self, worlds: std::ops::Range<u64>) -> bool {
        self.operations().any(|operation| {
            worlds.clone().any(|world| {
                let variables = operation.variables.iter().map(|it| {
                    let value = self.variable(&it.ty, world, it.name.to_string(), 0);
                    (it.name.to_string(), value)
                });
                let variables: Map<String, Value> = variables.collect();
                let takes = |schema: &Schema| {
                    let known = operation
                        .variables
                        .iter()
                        .all(|it| takes(schema, &it.ty, &variables[it.name.as_str()]));
                    known && {
                        let root = schema.root_operation(operation.operation_type).unwrap();
                        self.takes_within(schema, root, &operation.selection_set, &variables)
                    }
                };
                takes(self.old) && !takes(self.new)
            })
        })
    }

    /// A variable as the derive's types send it: what is not there is null.
    fn variable(&self, ty: &Type, world: u64, place: String, depth: usize) -> Value {
        if !ty.is_non_null() && (depth > DEEPEST || drawn(world, &format!("{place}?"), 3) == 0) {
            return Value::Null;
        }
        if let Some(item) = item(ty) {
            let items = (0..drawn(world, &format!("{place}[]"), 3))
                .map(|number| self.variable(item, world, format!("{place}.{number}"), depth + 1));
            return items.collect();
        }
        let name = ty.inner_named_type().as_str();
        match &self.old.types[name] {
            ExtendedType::Enum(it) => {
                let value = it.values.get_index(drawn(world, &place, it.values.len()));
                json!(value.unwrap().0.as_str())
            }
            ExtendedType::InputObject(it) => {
                let is_one = it.directives.has("oneOf");
                let one = drawn(world, &place, it.fields.len());
                let fields = it.fields.iter().enumerate();
                let fields = fields.filter(|(number, _)| !is_one || *number == one);
                let fields = fields.map(|(_, (field, definition))| {
                    let ty = match is_one {
                        true => (*definition.ty).clone().non_null(),
                        false => (*definition.ty).clone(),
                    };
                    let place = format!("{place}.{field}");
                    (
                        field.to_string(),
                        self.variable(&ty, world, place, depth + 1),
                    )
                });
                Value::Object(fields.collect())
            }
            _ => scalar(name),
        }
    }

    /// Whether null is taken wherever a variable is null.
    fn takes_within(
        &self,
        schema: &Schema,
        on: &str,
        selections: &[Selection],
        variables: &Map<String, Value>,
    ) -> bool {
        selections.iter().all(|selection| match selection {
            Selection::Field(field) => {
                let Ok(definition) = schema.type_field(on, &field.name) else {
                    return true;
                };
                let mut arguments = field.arguments.iter();
                arguments.all(|given| {
                    let definition = definition.argument_by_name(&given.name);
                    definition.is_none_or(|it| takes_null(schema, &it.ty, &given.value, variables))
                }) && {
                    let ty = definition.ty.inner_named_type();
                    self.takes_within(schema, ty, &field.selection_set, variables)
                }
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.type_condition.as_deref().unwrap_or(on);
                self.takes_within(schema, on, &fragment.selection_set, variables)
            }
            Selection::FragmentSpread(spread) => {
                let fragment = self.fragment(&spread.fragment_name);
                let on = &fragment.type_condition;
                self.takes_within(schema, on, &fragment.selection_set, variables)
            }
        })
    }
}

/// The value that each scalar has; no other one reads it.
fn scalar(name: &str) -> Value {
    match name {
        "Int" => json!(1),
        "Float" => json!(1.5),
        "String" | "ID" => json!("s"),
        "Boolean" => json!(true),
        own => json!({ own: 1 }),
    }
}

/// Whether a server takes a variable.
fn takes(schema: &Schema, ty: &Type, value: &Value) -> bool {
    if value.is_null() {
        return !ty.is_non_null();
    }
    if let Some(item) = item(ty) {
        return match value {
            Value::Array(items) => items.iter().all(|value| takes(schema, item, value)),
            one => takes(schema, item, one),
        };
    }
    let name = ty.inner_named_type().as_str();
    match &schema.types[name] {
        ExtendedType::Enum(it) => value
            .as_str()
            .is_some_and(|word| it.values.contains_key(word)),
        ExtendedType::InputObject(it) => value.as_object().is_some_and(|fields| {
            let is_one = fields.len() == 1 && fields.values().all(|it| !it.is_null());
            let given = |name: &str| fields.get(name);
            (is_one || !it.directives.has("oneOf"))
                && fields
                    .keys()
                    .all(|name| it.fields.contains_key(name.as_str()))
                && it.fields.iter().all(|(name, field)| match given(name) {
                    Some(value) => takes(schema, &field.ty, value),
                    None => !field.is_required(),
                })
        }),
        _ => match name {
            "Int" => value.is_i64(),
            "Float" => value.is_number(),
            "String" => value.is_string(),
            "ID" => value.is_string() || value.is_i64(),
            "Boolean" => value.is_boolean(),
            _ => true,
        },
    }
}

/// Whether null is taken of the variables in a value.
fn takes_null(schema: &Schema, ty: &Type, given: &Given, variables: &Map<String, Value>) -> bool {
    match given {
        Given::Variable(name) => !ty.is_non_null() || !variables[name.as_str()].is_null(),
        Given::List(items) => items
            .iter()
            .all(|given| takes_null(schema, item(ty).unwrap_or(ty), given, variables)),
        Given::Object(fields) => {
            let Some(definition) = schema.get_input_object(ty.inner_named_type()) else {
                return true;
            };
            fields.iter().all(|(name, given)| {
                let field = definition.fields.get(name);
                field.is_none_or(|it| takes_null(schema, &it.ty, given, variables))
            })
        }
        _ => true,
    }
}
