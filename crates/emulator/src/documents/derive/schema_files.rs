//! The files of type definitions as the derive can have them ([`SchemaFiles`]): it reads one.

use std::collections::HashSet;

use apollo_compiler::ast::{
    Definition, DirectiveDefinition, DirectiveList, Document, Selection, Type,
};
use apollo_compiler::{Name, Node, Schema, name};

use super::super::problem::{Problem, ProblemKind};
use super::super::source::{Source, is_json};
use super::definitions::Definitions;
use super::parser;
use crate::backend::declare;
use crate::graphql::{document, types};

/// One file, or several.
pub(crate) enum SchemaFiles {
    One(Option<Unreadable>),
    /// Those that are a schema by themselves.
    Several(Vec<(Schema, Option<Unreadable>)>),
}

/// A file that the derive's parser does not read.
pub(crate) struct Unreadable {
    file: String,
    said: String,
}

impl SchemaFiles {
    /// Those of a schema, each as type definitions.
    pub(crate) fn of<'a>(whole: &Schema, files: impl ExactSizeIterator<Item = &'a Source>) -> Self {
        if files.len() > 1 {
            let alone = files.filter_map(|it| Some((alone(whole, it)?, unreadable(it))));
            return Self::Several(alone.collect());
        }
        Self::One(files.filter_map(unreadable).next())
    }

    /// What keeps the derive from making types of any document.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let Self::One(Some(unreadable)) = self else {
            return None;
        };
        Some(unreadable.problem().in_file(&unreadable.file))
    }

    /// What keeps the derive from making types of a valid document.
    pub(crate) fn problem_of(
        &self,
        whole: &Schema,
        document: &Document,
        source: &Source,
    ) -> Option<Problem> {
        let Self::Several(files) = self else {
            return None;
        };
        let enough = files.iter().filter(|(alone, _)| {
            document::read(alone, &source.text).is_ok() && has_all_objects(alone, whole, document)
        });
        let enough: Vec<_> = enough.map(|(_, unreadable)| unreadable).collect();
        if enough.iter().any(|it| it.is_none()) {
            return None;
        }
        let problem = match enough.into_iter().flatten().next() {
            Some(unreadable) => unreadable.problem(),
            None => Problem::new(ProblemKind::Derive, "It needs several files of the schema.")
                .with_help("the derive reads one: put the type definitions into one file"),
        };
        Some(problem.in_file(&source.name))
    }
}

impl Unreadable {
    fn problem(&self) -> Problem {
        let help = format!(
            "write {} in another way; the derive's parser says: {}",
            self.file, self.said
        );
        let message = "The derive cannot read the schema.";
        Problem::new(ProblemKind::Derive, message).with_help(help)
    }
}

/// What a file declares without the others. Their directives it has all the same, since the derive reads none,
/// with arguments of any type.
fn alone(whole: &Schema, file: &Source) -> Option<Schema> {
    const ANY: Name = name!("ArgumentOfADirective");

    let own = Document::parse(file.text.as_str(), &file.name).ok()?;
    let is_own = |name: &str| {
        own.definitions
            .iter()
            .any(|it| matches!(it, Definition::DirectiveDefinition(it) if it.name == name))
    };
    let mut directives = format!("scalar {ANY}");
    for (name, directive) in &whole.directive_definitions {
        if directive.is_built_in() || is_own(name) {
            continue;
        }
        let mut directive = DirectiveDefinition::clone(directive);
        for argument in &mut directive.arguments {
            let argument = argument.make_mut();
            (argument.ty, argument.default_value) = (Node::new(Type::Named(ANY)), None);
            argument.directives = DirectiveList::new();
        }
        directives.push_str(&format!("\n{}", directive.serialize()));
    }
    let parts = [
        (&*file.name, &*file.text),
        ("directives.graphql", &directives),
    ];
    declare(&parts).ok()
}

/// Whether each interface and union that a document selects from has the same objects in both.
fn has_all_objects(alone: &Schema, whole: &Schema, document: &Document) -> bool {
    let definitions = Definitions::of(alone, document);
    let mut ahead: Vec<(&str, &[Selection])> = Vec::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(it) => {
                let root = types::root(alone, it.operation_type);
                ahead.extend(root.map(|root| (root.as_str(), &*it.selection_set)));
            }
            Definition::FragmentDefinition(it) => {
                ahead.push((&it.type_condition, &it.selection_set));
            }
            _ => {}
        }
    }
    let mut seen = HashSet::new();
    while let Some((on, selections)) = ahead.pop() {
        let is_new = definitions.is_abstract(on) && seen.insert(on);
        if is_new && objects(alone, on) != objects(whole, on) {
            return false;
        }
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let ty = definitions.type_of(on, field);
                    ahead.extend(ty.map(|ty| (ty.as_str(), &*field.selection_set)));
                }
                Selection::InlineFragment(it) => {
                    let on = it.type_condition.as_ref().map_or(on, |it| it.as_str());
                    ahead.push((on, &it.selection_set));
                }
                // Each fragment is looked at by itself.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    true
}

/// The objects of an interface or a union.
fn objects<'a>(schema: &'a Schema, on: &str) -> HashSet<&'a str> {
    let objects = schema.types.iter().filter(|(_, ty)| ty.is_object());
    let objects = objects.filter(|(name, _)| types::overlap(schema, on, name));
    objects.map(|(name, _)| name.as_str()).collect()
}

fn unreadable(file: &Source) -> Option<Unreadable> {
    // JSON has no such parser.
    if is_json(&file.name) {
        return None;
    }
    let said = parser::reads_schema(&file.text).err()?;
    Some(Unreadable {
        file: file.name.clone(),
        said,
    })
}
