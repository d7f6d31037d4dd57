//! What a changed schema means for the documents in use.
//!
//! [`changes`] compares two schemas, and returns each change that concerns a document, with its [`Level`]
//! and the places where documents use it.
//!
//! ```
//! use dinoai_emulator::changes::{Level, changes};
//! use dinoai_emulator::documents::{Documents, Schema};
//!
//! let old = Schema::parse("old.graphql", "type Query { id: ID!, name: String, more: Int }")?;
//! let new = Schema::parse("new.graphql", "type Query { id: ID, more: Float }")?;
//! let documents = Documents::new().with("both.graphql", "query Both { id name }");
//! let found = changes(&old, &new, &documents)?;
//! let [id, name] = found.list() else { panic!("{found:?}") };
//! assert_eq!(id.coordinate, "Query.id");
//! assert_eq!(id.message, "the type `ID!` became `ID`: it may be null");
//! assert_eq!((name.level, &*name.message), (Level::Breaking, "the field is removed"));
//! assert_eq!((name.places[0].line, name.places[0].column), (1, 17));
//! // `Query.more` is in no document.
//! assert_eq!(found.unused(), 1);
//! # Ok::<(), dinoai_emulator::documents::Problems>(())
//! ```
//!
//! # The levels
//!
//! *Breaking*: a server with the new schema refuses the document (it is validated in full against it), or
//! its response cannot be read any more by types that were made from the old schema, or it refuses
//! variables of such types:
//!
//! - what a document selects is removed, may be null, also within a list, or has another type: a list
//!   or none, another scalar or enum;
//! - an argument that a document gives is removed, or takes another type; an argument that it does
//!   not give is required, of a directive as of a field;
//! - a default is removed, so that a value is required;
//! - a variable may be null, and null is not taken any more. A default does not help: it takes the place of
//!   what is left out, and the derive's types send null;
//! - a type that a document names is removed, or has another name: of a fragment, of a variable;
//! - of an input object that a variable is made of, a field is removed, is added as required, or takes
//!   another type, and an enum that a variable holds lost a value. Validation does not find these: a
//!   server checks variables only when it is called;
//! - of the objects that an interface or a union may be, which the derive's types find by `__typename`,
//!   one has another name, or none is as before;
//! - a fragment may not apply any more where it always did, and the derive's types need what is in it.
//!
//! *Dangerous*: the document is valid and its response can be read, but may mean something else:
//!
//! - an enum of which a document selects a value has a further one; an interface or a union a further
//!   type, whose objects the derive's types read only with `fragments_other_variant`;
//! - the default changed of an argument that a document leaves out, of a field or of a directive, or of
//!   such a field of an input object;
//! - a field has another object type, which has what the document selects;
//! - an object type became an interface or a union, or the other way round. Types that were made before
//!   read what they read; the message says it where the derive would not make them again;
//! - a value may not be taken: a schema does not say which values a custom scalar takes.
//!
//! *Safe*: everything else that concerns what a document uses: an optional argument or field of an input
//! object is added, what may be null never is, something is deprecated, an enum lost a value which is
//! only read, an object type or an enum that no document names has another name. Also what the derive
//! alone does not take any more: it concerns whoever compiles again.
//!
//! What concerns no document is counted ([`Changes::unused`]). Descriptions do not count.

mod all;
mod change;
mod comparison;
mod inputs;
mod objects;
mod outputs;
mod parts;
mod reads;
mod refusals;
mod renames;
mod schemas;
mod scopes;
mod values;

pub use change::{Change, Changes, Level, Place};

use comparison::Comparison;
use schemas::Schemas;

use crate::documents::{Documents, Problems, Schema};
use crate::graphql::document;

/// What changed between two schemas for these documents, by level and then by coordinate.
///
/// # Errors
///
/// What a server with the old schema would refuse of the documents: nothing can be said of those. What
/// the derive alone would not make types of ([`Documents::check`]) does not matter here.
///
/// ```
/// use dinoai_emulator::changes::changes;
/// use dinoai_emulator::documents::{Documents, Schema};
///
/// let schema = Schema::parse("schema.graphql", "type Query { id: ID! }")?;
/// let documents = Documents::new().with("id.graphql", "query Id { id }");
/// assert!(changes(&schema, &schema, &documents)?.list().is_empty());
/// # Ok::<(), dinoai_emulator::documents::Problems>(())
/// ```
pub fn changes(old: &Schema, new: &Schema, documents: &Documents) -> Result<Changes, Problems> {
    documents.validate(old)?;
    let schemas = Schemas::of(&old.declared, &new.declared);
    let mut found = change::Found::default();
    for source in documents.sources() {
        // It has been read before, so this is no error.
        let Ok(document) = document::read(schemas.old, &source.text) else {
            continue;
        };
        let mut comparison = Comparison::new(&schemas, &document, source, &mut found);
        comparison.definitions(&document);
        comparison.add_unexplained(&document);
    }
    Ok(found.into_changes(all::coordinates(&schemas)))
}
