//! Which schema a backend serves. A backend is an SDL document: an older or a changed one is a
//! matter of another document, not of other code.
//!
//! Two schemas are made of it. The *declared* one is what documents are validated against and
//! what introspection shows. The *executed* one also has the run statuses that scenarios use
//! though the SDL does not declare them: the executor refuses an enum value that is not in its
//! schema, while the API may well return one. And it has the fields that take the place of others
//! when a document is [rewritten](crate::graphql::rewrite).

use std::collections::BTreeSet;

use apollo_compiler::ast::{Definition, EnumValueDefinition};
use apollo_compiler::parser::Parser;
use apollo_compiler::schema::{
    Component, ComponentOrigin, ExtendedType, InputObjectType, ScalarType,
};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{Name, Node, Schema};

use crate::error::Error;
use crate::graphql::object_fields;
use crate::graphql::types::is_one_of;

const CURRENT: &str = include_str!("../backends/current.graphql");
/// The types and directives that every schema has.
const INTROSPECTION: &str = include_str!("graphql/introspection.graphql");
const PAGES: &str = include_str!("../backends/pages.graphql");

/// The schema that an emulator serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Everything that the vendor's page and the vendor's own clients use. The default.
    #[default]
    Current,
    /// Only what the vendor's page documents: no stop, no base branch, no model family, no
    /// warning, no steps, no list of workspaces, and four run statuses.
    PagesOnly,
    /// A schema of the user's own, see [`Backend::sdl`].
    Sdl(String),
}

impl Backend {
    /// A backend that serves this SDL document.
    ///
    /// Fields are resolved by their names, so types may be renamed and fields left out. A field
    /// that the emulator has no value for is null if its type allows it, and an error with a
    /// path if not.
    ///
    /// Input objects may be `@oneOf`. Directives on the definitions of directives, an experiment of
    /// the reference implementation, are refused when the emulator starts.
    ///
    /// ```
    /// use dinoai_emulator::{Backend, Emulator};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder()
    ///     .backend(Backend::sdl("type Query { dinoaiAgentRun(agentSessionId: String!): Run } type Run { ok: Boolean! }"))
    ///     .start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sdl(text: impl Into<String>) -> Self {
        Self::Sdl(text.into())
    }

    fn text(&self) -> &str {
        match self {
            Self::Current => CURRENT,
            Self::PagesOnly => PAGES,
            Self::Sdl(text) => text,
        }
    }
}

/// A backend's schema, twice: as it is declared and as it is executed.
pub(crate) struct Schemas {
    pub(crate) declared: Valid<Schema>,
    pub(crate) executed: Valid<Schema>,
}

impl Schemas {
    /// Parses the backend's SDL, and adds `statuses` to the executed schema.
    pub(crate) fn new(backend: &Backend, statuses: &BTreeSet<String>) -> Result<Self, Error> {
        let declared = declared(backend.text())?;
        let mut executed = declared.clone();
        object_fields::add_internal(&mut executed);
        if let Some(name) = status_type(&declared)
            && let Some(ExtendedType::Enum(definition)) = executed.types.get_mut(&name)
        {
            for status in statuses {
                // Unchecked: a status may be a text that no SDL could declare.
                let value = Name::new_unchecked(status);
                definition
                    .make_mut()
                    .values
                    .entry(value.clone())
                    .or_insert_with(|| {
                        Component::new(EnumValueDefinition {
                            description: None,
                            value,
                            directives: Default::default(),
                        })
                    });
            }
        }
        Ok(Self {
            declared: Valid::assume_valid(declared),
            executed: Valid::assume_valid(executed),
        })
    }
}

/// Why type definitions are no schema.
pub(crate) enum RefusedSchema {
    Diagnostics(DiagnosticList),
    /// A field of an input object that has exactly one of its fields.
    OneOf(String),
}

impl From<DiagnosticList> for RefusedSchema {
    fn from(diagnostics: DiagnosticList) -> Self {
        Self::Diagnostics(diagnostics)
    }
}

/// The schema that an SDL declares.
fn declared(text: &str) -> Result<Schema, Error> {
    declare(&[("backend.graphql", text)]).map_err(|refused| match refused {
        RefusedSchema::Diagnostics(diagnostics) => Error::Sdl(diagnostics.to_string()),
        RefusedSchema::OneOf(message) => Error::Sdl(message),
    })
}

/// The schema that texts declare together, each with its name, with introspection and `@oneOf` as
/// the reference has them.
pub(crate) fn declare(parts: &[(&str, &str)]) -> Result<Schema, RefusedSchema> {
    let mut builder = Schema::builder();
    for (name, text) in parts {
        builder = builder.parse(*text, name);
    }
    let mut schema = builder.build().map_err(|it| it.errors)?;
    let built_in = Parser::new().parse_ast(INTROSPECTION, "introspection.graphql");
    let built_in = built_in.map_err(|it| it.errors)?;
    for definition in &built_in.definitions {
        if let Definition::DirectiveDefinition(directive) = definition {
            let known = &mut schema.directive_definitions;
            known
                .entry(directive.name.clone())
                .or_insert_with(|| directive.clone());
        }
    }
    let validated = schema.validate().map_err(|it| it.errors)?;
    let mut schema = validated.into_inner();
    for definition in &built_in.definitions {
        declare_again(&mut schema, definition);
    }
    for ty in schema.types.values() {
        if let ExtendedType::InputObject(ty) = ty
            && is_one_of(ty)
        {
            check_one_of(ty)?;
        }
    }
    Ok(schema)
}

/// Gives a type of introspection the fields or values that this definition says, and adds a scalar
/// that the schema lacks.
fn declare_again(schema: &mut Schema, definition: &Definition) {
    match definition {
        Definition::ScalarTypeDefinition(it) => {
            schema.types.entry(it.name.clone()).or_insert_with(|| {
                ExtendedType::Scalar(Node::new(ScalarType {
                    description: it.description.clone(),
                    name: it.name.clone(),
                    directives: Default::default(),
                }))
            });
        }
        Definition::ObjectTypeDefinition(it) => {
            if let Some(ExtendedType::Object(ty)) = schema.types.get_mut(&it.name) {
                let fields = it.fields.iter().map(|field| {
                    let definition = field.to_component(ComponentOrigin::Definition);
                    (field.name.clone(), definition)
                });
                ty.make_mut().fields = fields.collect();
            }
        }
        Definition::EnumTypeDefinition(it) => {
            if let Some(ExtendedType::Enum(ty)) = schema.types.get_mut(&it.name) {
                let values = it.values.iter().map(|value| {
                    let definition = value.to_component(ComponentOrigin::Definition);
                    (value.value.clone(), definition)
                });
                ty.make_mut().values = values.collect();
            }
        }
        _ => {}
    }
}

/// An object that has exactly one of its fields can have any of them, and none by default.
fn check_one_of(ty: &InputObjectType) -> Result<(), RefusedSchema> {
    for (field, definition) in &ty.fields {
        let name = &ty.name;
        let wrong = if definition.ty.is_non_null() {
            "must be nullable"
        } else if definition.default_value.is_some() {
            "cannot have a default value"
        } else {
            continue;
        };
        return Err(RefusedSchema::OneOf(format!(
            "OneOf input field {name}.{field} {wrong}."
        )));
    }
    Ok(())
}

/// The type of the field `status` of whatever type `dinoaiAgentRun` has.
fn status_type(schema: &Schema) -> Option<Name> {
    let query = schema.schema_definition.query.as_ref()?;
    let run = schema.type_field(query, "dinoaiAgentRun").ok()?;
    let status = schema
        .type_field(run.ty.inner_named_type(), "status")
        .ok()?;
    Some(status.ty.inner_named_type().clone())
}
