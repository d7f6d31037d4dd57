//! The schema in `graphql/` describes each type and field, agrees with the vendor's page, and says
//! what is not on it.

use std::collections::BTreeMap;

use apollo_compiler::schema::{ExtendedType, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Node, Schema};

use super::documents::{PAGE, schema};

const NOT_ON_THE_PAGES: &str = "Not on the vendor's pages";

#[test]
fn everything_in_the_schema_is_described() {
    for element in elements(&schema()) {
        assert!(
            !element.description.trim().is_empty(),
            "{} has no description",
            element.name
        );
    }
}

#[test]
fn what_the_schema_shares_with_the_page_has_the_same_type() {
    let types = |schema: &Schema| -> BTreeMap<String, String> {
        elements(schema)
            .into_iter()
            .map(|element| (element.name, element.kind))
            .collect()
    };
    let ours = types(&schema());
    for (name, kind) in types(&Schema::parse_and_validate(PAGE, "page").unwrap()) {
        assert_eq!(ours.get(&name), Some(&kind), "{name}");
    }
}

#[test]
fn what_is_not_on_the_page_says_so_and_nothing_else_does() {
    let page = Schema::parse_and_validate(PAGE, "page").unwrap();
    let on_the_page: Vec<String> = elements(&page).into_iter().map(|it| it.name).collect();
    for element in elements(&schema()) {
        let says_so = element.description.contains(NOT_ON_THE_PAGES)
            || element
                .descriptions_around
                .iter()
                .any(|description| description.contains(NOT_ON_THE_PAGES));
        assert_eq!(
            says_so,
            !on_the_page.contains(&element.name),
            "{}",
            element.name
        );
    }
}

/// A type, field, argument or value of a schema's.
struct Element {
    /// As the GraphQL specification writes it: `Query.dinoaiAgentRun(agentSessionId:)`.
    name: String,
    /// Its type; for a type or an enum's value its kind.
    kind: String,
    description: String,
    /// Of the types and fields that it is a part of.
    descriptions_around: Vec<String>,
}

fn elements(schema: &Schema) -> Vec<Element> {
    let mut elements = vec![];
    for (name, definition) in &schema.types {
        if definition.is_built_in() {
            continue;
        }
        let around = vec![text(definition.description())];
        match definition {
            ExtendedType::Object(object) => {
                elements.push(element(name.as_str(), "type", &object.description, &[]));
                for field in object.fields.values() {
                    fields(name.as_str(), field, &around, &mut elements);
                }
            }
            ExtendedType::InputObject(input) => {
                elements.push(element(name.as_str(), "input", &input.description, &[]));
                for field in input.fields.values() {
                    let name = format!("{name}.{}", field.name);
                    elements.push(value(name, field, &around));
                }
            }
            ExtendedType::Enum(definition) => {
                elements.push(element(name.as_str(), "enum", &definition.description, &[]));
                for value in definition.values.values() {
                    let name = format!("{name}.{}", value.value);
                    elements.push(element(name, "value", &value.description, &around));
                }
            }
            other => panic!("the schema has a new kind of type: {}", other.name()),
        }
    }
    elements
}

fn fields(owner: &str, field: &FieldDefinition, around: &[String], elements: &mut Vec<Element>) {
    let name = format!("{owner}.{}", field.name);
    let kind = field.ty.to_string();
    elements.push(element(name.as_str(), kind, &field.description, around));
    let around = [around, &[text(field.description.as_ref())]].concat();
    for argument in &field.arguments {
        let name = format!("{name}({}:)", argument.name);
        elements.push(value(name, argument, &around));
    }
}

fn value(name: String, value: &InputValueDefinition, around: &[String]) -> Element {
    element(name, value.ty.to_string(), &value.description, around)
}

fn element(
    name: impl Into<String>,
    kind: impl Into<String>,
    description: &Option<Node<str>>,
    around: &[String],
) -> Element {
    Element {
        name: name.into(),
        kind: kind.into(),
        description: text(description.as_ref()),
        descriptions_around: around.to_vec(),
    }
}

/// A description on one line, as its words may be broken anywhere.
fn text(description: Option<&Node<str>>) -> String {
    let description = description.map_or("", |description| description.as_ref());
    description.split_whitespace().collect::<Vec<_>>().join(" ")
}
