//! Which schema a backend serves. A backend is an SDL document: an older or a changed one is a
//! matter of another document, not of other code.
//!
//! Two schemas are made of it. The *declared* one is what documents are validated against and
//! what introspection shows. The *executed* one also has the run states that scenarios use
//! though the SDL does not declare them: the executor refuses an enum value that is not in its
//! schema, while the API may well answer one.

use std::collections::BTreeSet;

use apollo_compiler::ast::EnumValueDefinition;
use apollo_compiler::schema::{Component, ExtendedType, ScalarType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Node, Schema, name};

use crate::error::Error;

const CURRENT: &str = include_str!("../backends/current.graphql");
const SCALARS: [Name; 3] = [name!("Int"), name!("Float"), name!("ID")];
const PAGES: &str = include_str!("../backends/pages.graphql");

/// The schema that an emulator serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Everything that the vendor's page and the vendor's own clients use. The default.
    #[default]
    Current,
    /// Only what the vendor's page documents: no stop, no base branch, no model family, no
    /// warning, no steps, and four run states.
    PagesOnly,
    /// A schema of the user's own, see [`Backend::sdl`].
    Sdl(String),
}

impl Backend {
    /// A backend that serves this SDL document.
    ///
    /// Fields are resolved by their names, so types may be renamed and fields left out. A field
    /// that the emulator has no value for is null where its type allows it, and an error with a
    /// path where not.
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
    /// Parses the backend's SDL and makes room for `statuses` in the executed schema.
    pub(crate) fn new(backend: &Backend, statuses: &BTreeSet<String>) -> Result<Self, Error> {
        let mut declared = Schema::parse_and_validate(backend.text(), "backend.graphql")
            .map_err(|refused| Error::Sdl(refused.errors.to_string()))?
            .into_inner();
        // Only the scalars that an SDL mentions are in its schema. The vendor's whole API, of
        // which this is a part, mentions all of them, so no document meets an unknown `Int`.
        for scalar in SCALARS {
            declared
                .types
                .entry(scalar.clone())
                .or_insert_with(|| built_in(scalar));
        }
        let mut executed = declared.clone();
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

fn built_in(name: Name) -> ExtendedType {
    ExtendedType::Scalar(Node::new(ScalarType {
        description: None,
        name,
        directives: Default::default(),
    }))
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
