//! Definitions of types in a document. None is executable; what else is wrong with them is
//! said, too.

use apollo_compiler::ast::{
    Definition, DirectiveList, DirectiveLocation, FieldDefinition, InputValueDefinition,
};
use apollo_compiler::{Name, Node};

use super::check::{Check, named};

impl<'a> Check<'a> {
    pub(super) fn type_system_definition(&mut self, definition: &'a Definition) {
        use DirectiveLocation as At;
        match definition {
            Definition::OperationDefinition(_) | Definition::FragmentDefinition(_) => {}
            Definition::DirectiveDefinition(it) => {
                self.input_values(&it.arguments, At::ArgumentDefinition);
            }
            Definition::SchemaDefinition(it) => {
                self.on_type(definition, &it.directives, At::Schema);
                self.known_types(it.root_operations.iter().map(|it| &it.1));
            }
            Definition::SchemaExtension(it) => {
                self.on_type(definition, &it.directives, At::Schema);
                self.known_types(it.root_operations.iter().map(|it| &it.1));
            }
            Definition::ScalarTypeDefinition(it) => {
                self.on_type(definition, &it.directives, At::Scalar)
            }
            Definition::ScalarTypeExtension(it) => {
                self.on_type(definition, &it.directives, At::Scalar)
            }
            Definition::ObjectTypeDefinition(it) => {
                self.on_type(definition, &it.directives, At::Object);
                self.fields(&it.implements_interfaces, &it.fields);
            }
            Definition::ObjectTypeExtension(it) => {
                self.on_type(definition, &it.directives, At::Object);
                self.fields(&it.implements_interfaces, &it.fields);
            }
            Definition::InterfaceTypeDefinition(it) => {
                self.on_type(definition, &it.directives, At::Interface);
                self.fields(&it.implements_interfaces, &it.fields);
            }
            Definition::InterfaceTypeExtension(it) => {
                self.on_type(definition, &it.directives, At::Interface);
                self.fields(&it.implements_interfaces, &it.fields);
            }
            Definition::UnionTypeDefinition(it) => {
                self.on_type(definition, &it.directives, At::Union);
                self.known_types(&it.members);
            }
            Definition::UnionTypeExtension(it) => {
                self.on_type(definition, &it.directives, At::Union);
                self.known_types(&it.members);
            }
            Definition::EnumTypeDefinition(it) => {
                self.on_type(definition, &it.directives, At::Enum);
                for value in &it.values {
                    self.applied(&value.directives, At::EnumValue);
                }
            }
            Definition::EnumTypeExtension(it) => {
                self.on_type(definition, &it.directives, At::Enum);
                for value in &it.values {
                    self.applied(&value.directives, At::EnumValue);
                }
            }
            Definition::InputObjectTypeDefinition(it) => {
                self.on_type(definition, &it.directives, At::InputObject);
                self.input_values(&it.fields, At::InputFieldDefinition);
            }
            Definition::InputObjectTypeExtension(it) => {
                self.on_type(definition, &it.directives, At::InputObject);
                // The reference looks for a definition, and an extension is none.
                self.input_values(&it.fields, At::ArgumentDefinition);
            }
        }
    }

    /// A definition and its extensions count as one place.
    fn on_type(
        &mut self,
        definition: &'a Definition,
        directives: &'a DirectiveList,
        location: DirectiveLocation,
    ) {
        let name = named(definition);
        let mut seen = self.type_directives.remove(&name).unwrap_or_default();
        self.directives_beside(directives, location, None, &mut seen);
        self.type_directives.insert(name, seen);
    }

    fn applied(&mut self, directives: &'a DirectiveList, location: DirectiveLocation) {
        self.directives(directives, location, None);
    }

    fn fields(&mut self, interfaces: &'a [Name], fields: &'a [Node<FieldDefinition>]) {
        self.known_types(interfaces);
        for field in fields {
            self.input_values(&field.arguments, DirectiveLocation::ArgumentDefinition);
            self.known_types([field.ty.inner_named_type()]);
            self.applied(&field.directives, DirectiveLocation::FieldDefinition);
        }
    }

    fn input_values(
        &mut self,
        values: &'a [Node<InputValueDefinition>],
        location: DirectiveLocation,
    ) {
        for value in values {
            self.known_types([value.ty.inner_named_type()]);
            if let Some(default) = &value.default_value {
                self.value(default, None, false);
            }
            self.applied(&value.directives, location);
        }
    }

    /// Built-in scalars and types of introspection are known here, used in the schema or not.
    fn known_types<'n>(&mut self, names: impl IntoIterator<Item = &'n Name>) {
        for name in names {
            if !matches!(name.as_str(), "Int" | "Float" | "ID") {
                self.known_type(name);
            }
        }
    }
}
