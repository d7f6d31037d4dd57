//! Introspection: what `__schema` and `__type` return, as the reference implementation does. The
//! executor's library has an introspection of its own, of an older state.

use std::collections::HashSet;

use apollo_compiler::ast::{
    DirectiveDefinition, DirectiveList, EnumValueDefinition, FieldDefinition, InputValueDefinition,
    OperationType, Type,
};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::{Component, ExtendedType};
use apollo_compiler::{Name, Node, Schema, name};

use super::literals::coerced;
use super::literals::print_as_literal;
use super::object_fields::without_value;
use super::object_fields::{SCHEMA, TYPE};
use super::types::is_one_of;

/// The built-in directives, in the reference's order.
const DIRECTIVES: [&str; 5] = ["include", "skip", "deprecated", "specifiedBy", "oneOf"];

/// What a root field of introspection returns; none for any other field.
pub(crate) fn root<'a>(schema: &'a Schema, info: &ResolveInfo<'_>) -> Option<ResolvedValue<'a>> {
    let field = info.field_name();
    if SCHEMA == field {
        Some(shown(schema, Subject::Schema))
    } else if TYPE == field {
        let name = info.arguments().get("name").and_then(JsonValue::as_str);
        Some(named(schema, name))
    } else {
        None
    }
}

/// What an object of introspection is about.
enum Subject<'a> {
    Schema,
    Type(&'a ExtendedType),
    /// A list, or what is never null.
    Wrapped(Type),
    Directive(&'a Node<DirectiveDefinition>),
    Field(&'a FieldDefinition),
    InputValue(&'a InputValueDefinition),
    EnumValue(&'a EnumValueDefinition),
}

/// An object of introspection.
struct Shown<'a> {
    schema: &'a Schema,
    subject: Subject<'a>,
}

fn shown<'a>(schema: &'a Schema, subject: Subject<'a>) -> ResolvedValue<'a> {
    ResolvedValue::object(Shown { schema, subject })
}

fn list<'a>(
    schema: &'a Schema,
    subjects: impl IntoIterator<Item = Subject<'a>>,
) -> ResolvedValue<'a> {
    let subjects: Vec<_> = subjects.into_iter().collect();
    ResolvedValue::list(
        subjects
            .into_iter()
            .map(move |subject| shown(schema, subject)),
    )
}

fn named<'a>(schema: &'a Schema, name: Option<&str>) -> ResolvedValue<'a> {
    match name.and_then(|name| schema.types.get(name)) {
        Some(ty) => shown(schema, Subject::Type(ty)),
        None => ResolvedValue::null(),
    }
}

fn referenced<'a>(schema: &'a Schema, ty: &Type) -> ResolvedValue<'a> {
    match ty {
        Type::Named(name) => named(schema, Some(name)),
        wrapped => shown(schema, Subject::Wrapped(wrapped.clone())),
    }
}

fn text<'a>(text: Option<&str>) -> ResolvedValue<'a> {
    ResolvedValue::leaf(text)
}

impl ObjectValue for Shown<'_> {
    fn type_name(&self) -> &str {
        match self.subject {
            Subject::Schema => "__Schema",
            Subject::Type(_) | Subject::Wrapped(_) => "__Type",
            Subject::Directive(_) => "__Directive",
            Subject::Field(_) => "__Field",
            Subject::InputValue(_) => "__InputValue",
            Subject::EnumValue(_) => "__EnumValue",
        }
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let all = info.arguments().get("includeDeprecated");
        let all = all.and_then(JsonValue::as_bool).unwrap_or(false);
        let field = info.field_name();
        let resolved = match &self.subject {
            Subject::Schema => self.of_schema(field),
            Subject::Type(ty) => self.of_type(ty, field, all),
            Subject::Wrapped(ty) => self.of_wrapped(ty, field),
            Subject::Directive(directive) => self.of_directive(directive, field, all),
            Subject::Field(definition) => self.of_field(definition, field, all),
            Subject::InputValue(definition) => self.of_input_value(definition, field),
            Subject::EnumValue(value) => match field {
                "name" => Some(text(Some(&value.value))),
                "description" => Some(text(value.description.as_deref())),
                _ => deprecation(&value.directives, field),
            },
        };
        // What is left are the fields that another kind of type has, and those that fail.
        resolved.map_or_else(|| without_value(info), Ok)
    }
}

impl Shown<'_> {
    fn of_schema<'a>(&'a self, field: &str) -> Option<ResolvedValue<'a>> {
        let schema = self.schema;
        let definition = &schema.schema_definition;
        let root = |ty| named(schema, schema.root_operation(ty).map(Name::as_str));
        Some(match field {
            "description" => text(definition.description.as_deref()),
            "types" => list(schema, types(schema).into_iter().map(Subject::Type)),
            "queryType" => root(OperationType::Query),
            "mutationType" => root(OperationType::Mutation),
            "subscriptionType" => root(OperationType::Subscription),
            // None is deprecated: the library knows no directives on their definitions.
            "directives" => list(schema, directives(schema).map(Subject::Directive)),
            _ => return None,
        })
    }

    fn of_type<'a>(
        &'a self,
        ty: &'a ExtendedType,
        field: &str,
        all: bool,
    ) -> Option<ResolvedValue<'a>> {
        let schema = self.schema;
        Some(match (field, ty) {
            ("kind", ty) => text(Some(match ty {
                ExtendedType::Scalar(_) => "SCALAR",
                ExtendedType::Object(_) => "OBJECT",
                ExtendedType::Interface(_) => "INTERFACE",
                ExtendedType::Union(_) => "UNION",
                ExtendedType::Enum(_) => "ENUM",
                ExtendedType::InputObject(_) => "INPUT_OBJECT",
            })),
            ("name", ty) => text(Some(ty.name())),
            ("description", ty) => text(ty.description().map(|it| &**it)),
            ("fields", ExtendedType::Object(ty)) => self.fields(ty.fields.values(), all),
            ("fields", ExtendedType::Interface(ty)) => self.fields(ty.fields.values(), all),
            ("interfaces", ExtendedType::Object(ty)) => {
                self.types(ty.implements_interfaces.iter().map(|it| &it.name))
            }
            ("interfaces", ExtendedType::Interface(ty)) => {
                self.types(ty.implements_interfaces.iter().map(|it| &it.name))
            }
            ("possibleTypes", ExtendedType::Union(ty)) => {
                self.types(ty.members.iter().map(|it| &it.name))
            }
            ("possibleTypes", ExtendedType::Interface(ty)) => {
                let objects = schema.types.values().filter(|it| it.is_object());
                let names = objects.map(ExtendedType::name);
                self.types(names.filter(|it| schema.is_subtype(&ty.name, it)))
            }
            ("enumValues", ExtendedType::Enum(ty)) => {
                let values = ty.values.values();
                let values = values.filter(|it| all || reason(&it.directives).is_none());
                list(schema, values.map(|it| Subject::EnumValue(it)))
            }
            ("inputFields", ExtendedType::InputObject(ty)) => {
                self.input_values(ty.fields.values().map(|it| &***it), all)
            }
            ("isOneOf", ExtendedType::InputObject(ty)) => ResolvedValue::leaf(is_one_of(ty)),
            ("specifiedByURL", ExtendedType::Scalar(ty)) => {
                let directive = ty.directives.get("specifiedBy");
                let url = directive.and_then(|it| it.specified_argument_by_name("url"));
                text(url.and_then(|url| url.as_str()))
            }
            _ => return None,
        })
    }

    fn of_wrapped<'a>(&'a self, ty: &Type, field: &str) -> Option<ResolvedValue<'a>> {
        Some(match (field, ty) {
            ("kind", Type::List(_)) => text(Some("LIST")),
            ("kind", _) => text(Some("NON_NULL")),
            ("ofType", Type::List(item)) => referenced(self.schema, item),
            ("ofType", ty) => referenced(self.schema, &ty.clone().nullable()),
            _ => return None,
        })
    }

    fn of_directive<'a>(
        &'a self,
        directive: &'a Node<DirectiveDefinition>,
        field: &str,
        all: bool,
    ) -> Option<ResolvedValue<'a>> {
        Some(match field {
            "name" => text(Some(&directive.name)),
            "description" => text(directive.description.as_deref()),
            "locations" => {
                let locations = directive.locations.iter().map(|it| it.name());
                // A place that the library does not know.
                let further = (directive.name == "deprecated" && directive.is_built_in())
                    .then_some("DIRECTIVE_DEFINITION");
                ResolvedValue::list(locations.chain(further).map(ResolvedValue::leaf))
            }
            "isRepeatable" => ResolvedValue::leaf(directive.repeatable),
            "args" => self.input_values(directive.arguments.iter().map(|it| &**it), all),
            "isDeprecated" => ResolvedValue::leaf(false),
            _ => return None,
        })
    }

    fn of_field<'a>(
        &'a self,
        definition: &'a FieldDefinition,
        field: &str,
        all: bool,
    ) -> Option<ResolvedValue<'a>> {
        Some(match field {
            "name" => text(Some(&definition.name)),
            "description" => text(definition.description.as_deref()),
            "args" => self.input_values(definition.arguments.iter().map(|it| &**it), all),
            "type" => referenced(self.schema, &definition.ty),
            _ => return deprecation(&definition.directives, field),
        })
    }

    fn of_input_value<'a>(
        &'a self,
        definition: &'a InputValueDefinition,
        field: &str,
    ) -> Option<ResolvedValue<'a>> {
        Some(match field {
            "name" => text(Some(&definition.name)),
            "description" => text(definition.description.as_deref()),
            "type" => referenced(self.schema, &definition.ty),
            "defaultValue" => {
                let ty = &definition.ty;
                let default = definition.default_value.as_ref();
                let default = default.map(|it| coerced(self.schema, it, ty));
                let default = default.map(|it| print_as_literal(self.schema, &it, Some(ty)));
                text(default.as_deref())
            }
            _ => return deprecation(&definition.directives, field),
        })
    }

    fn fields<'a>(
        &'a self,
        fields: impl Iterator<Item = &'a Component<FieldDefinition>>,
        all: bool,
    ) -> ResolvedValue<'a> {
        let fields = fields.filter(|it| all || reason(&it.directives).is_none());
        list(self.schema, fields.map(|it| Subject::Field(it)))
    }

    fn input_values<'a>(
        &'a self,
        values: impl Iterator<Item = &'a InputValueDefinition>,
        all: bool,
    ) -> ResolvedValue<'a> {
        let values = values.filter(|it| all || reason(&it.directives).is_none());
        list(self.schema, values.map(Subject::InputValue))
    }

    fn types<'a>(&'a self, names: impl Iterator<Item = &'a Name>) -> ResolvedValue<'a> {
        let types = names.filter_map(|name| self.schema.types.get(name));
        list(self.schema, types.map(Subject::Type))
    }
}

/// What `isDeprecated` and `deprecationReason` return.
fn deprecation<'a>(directives: &DirectiveList, field: &str) -> Option<ResolvedValue<'a>> {
    match field {
        "isDeprecated" => Some(ResolvedValue::leaf(reason(directives).is_some())),
        "deprecationReason" => Some(text(reason(directives))),
        _ => None,
    }
}

/// Why something is deprecated; none if it is not.
fn reason(directives: &DirectiveList) -> Option<&str> {
    let directive = directives.get("deprecated")?;
    match directive.specified_argument_by_name("reason") {
        Some(reason) => reason.as_str(),
        None => Some("No longer supported"),
    }
}

/// The directives of a schema, its own before the built-in ones.
fn directives(schema: &Schema) -> impl Iterator<Item = &Node<DirectiveDefinition>> {
    let known = &schema.directive_definitions;
    let own = known
        .values()
        .filter(|it| !DIRECTIVES.contains(&it.name.as_str()));
    own.chain(DIRECTIVES.iter().filter_map(|name| known.get(*name)))
}

/// The types of a schema as the reference lists them: its own in their order, each followed by the
/// built-in ones that it is the first to refer to, and then those of introspection.
fn types(schema: &Schema) -> Vec<&ExtendedType> {
    let is_own = |ty: &ExtendedType| !ty.is_built_in() && !ty.name().starts_with("__");
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut ahead: Vec<&Name> = Vec::new();
    let used = directives(schema).flat_map(|it| arguments(&it.arguments));
    let last = name!("__Schema");
    let own = schema.types.values().filter(|ty| is_own(ty));
    let roots = own.map(ExtendedType::name).chain(used).chain([&last]);
    for root in roots {
        ahead.push(root);
        while let Some(name) = ahead.pop() {
            let Some(ty) = schema.types.get(name) else {
                continue;
            };
            if (is_own(ty) && name != root) || !seen.insert(ty.name()) {
                continue;
            }
            found.push(ty);
            let referred = referred(ty);
            ahead.extend(referred.into_iter().rev());
        }
    }
    found
}

/// The types that a type refers to, in the reference's order.
fn referred(ty: &ExtendedType) -> Vec<&Name> {
    let (interfaces, fields) = match ty {
        ExtendedType::Object(ty) => (&ty.implements_interfaces, &ty.fields),
        ExtendedType::Interface(ty) => (&ty.implements_interfaces, &ty.fields),
        ExtendedType::InputObject(ty) => {
            return ty
                .fields
                .values()
                .map(|it| it.ty.inner_named_type())
                .collect();
        }
        // The members of a union are the schema's own.
        ExtendedType::Union(_) | ExtendedType::Scalar(_) | ExtendedType::Enum(_) => {
            return Vec::new();
        }
    };
    let mut referred: Vec<_> = interfaces.iter().map(|it| &it.name).collect();
    for field in fields.values() {
        referred.push(field.ty.inner_named_type());
        referred.extend(arguments(&field.arguments));
    }
    referred
}

fn arguments(arguments: &[Node<InputValueDefinition>]) -> impl Iterator<Item = &Name> {
    arguments.iter().map(|it| it.ty.inner_named_type())
}
