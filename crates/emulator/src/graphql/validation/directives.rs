//! Directives: that they are known, where they stand, how often, and with which arguments.

use apollo_compiler::ast::{DirectiveList, DirectiveLocation, FieldDefinition};

use super::context::{Check, Seen};
use super::selections::is_given;

impl<'a> Check<'a> {
    /// The directives at one place. `field` is the innermost field around: the reference takes the
    /// arguments of a directive that it does not know for that field's.
    pub(super) fn directives(
        &mut self,
        directives: &'a DirectiveList,
        location: DirectiveLocation,
        field: Option<&'a FieldDefinition>,
    ) {
        self.directives_beside(directives, location, field, &mut Seen::new());
    }

    /// The directives at one place, and those that were seen at others that count as the same.
    pub(super) fn directives_beside(
        &mut self,
        directives: &'a DirectiveList,
        location: DirectiveLocation,
        field: Option<&'a FieldDefinition>,
        seen: &mut Seen<'a>,
    ) {
        for directive in &directives.0 {
            let name = &directive.name;
            let known = self.directives.get(name);
            match known {
                None => {
                    let message = format!("Unknown directive \"@{name}\".");
                    self.report(message, [directive.location()]);
                }
                Some(known) => {
                    if !known.locations.contains(&location) {
                        let message =
                            format!("Directive \"@{name}\" may not be used on {location}.");
                        self.report(message, [directive.location()]);
                    }
                    let first = *seen.entry(name).or_insert(directive);
                    if !known.repeatable && !std::ptr::eq(first, directive) {
                        let message = format!(
                            "The directive \"@{name}\" can only be used once at this location."
                        );
                        self.report(message, [first.location(), directive.location()]);
                    }
                    for argument in &directive.arguments {
                        if known.argument_by_name(&argument.name).is_none() {
                            let message = format!(
                                "Unknown argument \"{}\" on directive \"@{name}\".",
                                argument.name
                            );
                            self.report(message, [argument.location()]);
                        }
                    }
                }
            }
            self.unique_arguments(&directive.arguments);
            // A directive that only the document defines says nothing about values.
            let declared = self.schema.directive_definitions.get(name);
            for argument in &directive.arguments {
                let known = match (declared, field) {
                    (Some(directive), _) => directive.argument_by_name(&argument.name),
                    (None, Some(field)) => field.argument_by_name(&argument.name),
                    (None, None) => None,
                };
                self.argument(argument, known.map(|it| &**it));
            }
            for required in known.iter().flat_map(|it| &it.arguments) {
                if required.is_required() && !is_given(&directive.arguments, &required.name) {
                    let message = format!(
                        "Directive \"@{name}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                        required.name, required.ty
                    );
                    self.report(message, [directive.location()]);
                }
            }
        }
    }
}
