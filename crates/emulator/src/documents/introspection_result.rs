//! The response to an introspection as type definitions ([`as_definitions`]). It comes from a server,
//! so nothing in it becomes a part of the text but what is a name, a type, a string or a value.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::graphql::literals::quoted;
use crate::graphql::syntax::{is_literal, is_name};

/// Scalars and directives that every schema has.
const SCALARS: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];
const DIRECTIVES: [&str; 5] = ["skip", "include", "deprecated", "specifiedBy", "oneOf"];

type Converted<T> = Result<T, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaResult {
    query_type: Option<Named>,
    mutation_type: Option<Named>,
    subscription_type: Option<Named>,
    types: Vec<TypeResult>,
    #[serde(default)]
    directives: Vec<DirectiveResult>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeResult {
    kind: String,
    name: String,
    description: Option<String>,
    #[serde(rename = "specifiedByURL")]
    specified_by_url: Option<String>,
    is_one_of: Option<bool>,
    fields: Option<Vec<FieldResult>>,
    input_fields: Option<Vec<InputValueResult>>,
    interfaces: Option<Vec<Named>>,
    enum_values: Option<Vec<EnumValueResult>>,
    possible_types: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct FieldResult {
    name: String,
    description: Option<String>,
    #[serde(default)]
    args: Vec<InputValueResult>,
    #[serde(rename = "type")]
    ty: TypeReference,
    #[serde(flatten)]
    deprecation: Deprecation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InputValueResult {
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    ty: TypeReference,
    default_value: Option<String>,
    #[serde(flatten)]
    deprecation: Deprecation,
}

#[derive(Deserialize)]
struct EnumValueResult {
    name: String,
    description: Option<String>,
    #[serde(flatten)]
    deprecation: Deprecation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deprecation {
    is_deprecated: Option<bool>,
    deprecation_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectiveResult {
    name: String,
    description: Option<String>,
    #[serde(default)]
    args: Vec<InputValueResult>,
    locations: Vec<String>,
    is_repeatable: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeReference {
    kind: String,
    name: Option<String>,
    of_type: Option<Box<TypeReference>>,
}

/// The type definitions that a response comes to, or why it comes to none.
pub(super) fn as_definitions(text: &str) -> Converted<String> {
    let mut response: Value = serde_json::from_str(text)
        .map_err(|error| format!("it is neither type definitions nor JSON ({error})"))?;
    let data = match response.get_mut("data") {
        Some(data) if data.is_object() => data.take(),
        _ => response.clone(),
    };
    let Some(schema) = data.get("__schema").filter(|it| it.is_object()) else {
        let said = response
            .pointer("/errors/0/message")
            .and_then(Value::as_str);
        return Err(match said {
            Some(said) => format!("it is a response with an error and without `__schema`: {said}"),
            None => {
                "it is JSON without `__schema`, so not the response to an introspection".to_owned()
            }
        });
    };
    let schema = SchemaResult::deserialize(schema)
        .map_err(|error| format!("`__schema` is not as an introspection returns it: {error}"))?;
    let mut sdl = String::new();
    roots(&schema, &mut sdl)?;
    for ty in &schema.types {
        type_definition(ty, &mut sdl).map_err(|why| format!("the type \"{}\": {why}", ty.name))?;
    }
    for directive in &schema.directives {
        let name = name(&directive.name)?;
        if DIRECTIVES.contains(&name) {
            continue;
        }
        describe(directive.description.as_deref(), &mut sdl);
        sdl.push_str("directive @");
        sdl.push_str(name);
        arguments(&directive.args, &mut sdl)
            .map_err(|why| format!("the directive \"@{name}\": {why}"))?;
        if directive.is_repeatable == Some(true) {
            sdl.push_str(" repeatable");
        }
        let locations: Converted<Vec<_>> = directive
            .locations
            .iter()
            .map(|it| self::name(it))
            .collect();
        sdl.push_str(" on ");
        sdl.push_str(&locations?.join(" | "));
        sdl.push_str("\n\n");
    }
    Ok(sdl)
}

fn roots(schema: &SchemaResult, sdl: &mut String) -> Converted<()> {
    sdl.push_str("schema {\n");
    let roots = [
        ("query", &schema.query_type),
        ("mutation", &schema.mutation_type),
        ("subscription", &schema.subscription_type),
    ];
    for (operation, root) in roots {
        if let Some(root) = root {
            push(sdl, format_args!("  {operation}: {}\n", name(&root.name)?));
        }
    }
    sdl.push_str("}\n\n");
    Ok(())
}

fn type_definition(ty: &TypeResult, sdl: &mut String) -> Converted<()> {
    let name = name(&ty.name)?;
    if name.starts_with("__") || (ty.kind == "SCALAR" && SCALARS.contains(&name)) {
        return Ok(());
    }
    describe(ty.description.as_deref(), sdl);
    match &*ty.kind {
        "SCALAR" => {
            push(sdl, format_args!("scalar {name}"));
            if let Some(url) = &ty.specified_by_url {
                push(sdl, format_args!(" @specifiedBy(url: {})", quoted(url)));
            }
        }
        "OBJECT" | "INTERFACE" => {
            let keyword = if ty.kind == "OBJECT" {
                "type"
            } else {
                "interface"
            };
            push(sdl, format_args!("{keyword} {name}"));
            if let Some(interfaces) = ty.interfaces.as_deref().filter(|it| !it.is_empty()) {
                push(
                    sdl,
                    format_args!(" implements {}", joined(interfaces, " & ")?),
                );
            }
            sdl.push_str(" {\n");
            for field in ty.fields.as_ref().ok_or("it has no `fields`")? {
                describe(field.description.as_deref(), sdl);
                push(sdl, format_args!("  {}", self::name(&field.name)?));
                arguments(&field.args, sdl)?;
                push(sdl, format_args!(": {}", type_reference(&field.ty)?));
                field.deprecation.write(sdl);
                sdl.push('\n');
            }
            sdl.push('}');
        }
        "UNION" => {
            let members = ty
                .possible_types
                .as_ref()
                .ok_or("it has no `possibleTypes`")?;
            push(
                sdl,
                format_args!("union {name} = {}", joined(members, " | ")?),
            );
        }
        "ENUM" => {
            push(sdl, format_args!("enum {name} {{\n"));
            for value in ty.enum_values.as_ref().ok_or("it has no `enumValues`")? {
                describe(value.description.as_deref(), sdl);
                push(sdl, format_args!("  {}", self::name(&value.name)?));
                value.deprecation.write(sdl);
                sdl.push('\n');
            }
            sdl.push('}');
        }
        "INPUT_OBJECT" => {
            let one_of = if ty.is_one_of == Some(true) {
                " @oneOf"
            } else {
                ""
            };
            push(sdl, format_args!("input {name}{one_of} {{\n"));
            for field in ty.input_fields.as_ref().ok_or("it has no `inputFields`")? {
                sdl.push_str("  ");
                input_value(field, sdl)?;
                sdl.push('\n');
            }
            sdl.push('}');
        }
        kind => return Err(format!("its kind \"{kind}\" is not known")),
    }
    sdl.push_str("\n\n");
    Ok(())
}

fn arguments(arguments: &[InputValueResult], sdl: &mut String) -> Converted<()> {
    for (number, argument) in arguments.iter().enumerate() {
        sdl.push_str(if number == 0 { "(" } else { ", " });
        input_value(argument, sdl)?;
    }
    if !arguments.is_empty() {
        sdl.push(')');
    }
    Ok(())
}

fn input_value(value: &InputValueResult, sdl: &mut String) -> Converted<()> {
    let name = name(&value.name)?;
    describe(value.description.as_deref(), sdl);
    push(sdl, format_args!("{name}: {}", type_reference(&value.ty)?));
    if let Some(default) = &value.default_value {
        if !is_literal(default) {
            return Err(format!("the default value of \"{name}\" is no value"));
        }
        // A comment at its end would hide what follows.
        push(sdl, format_args!(" = {default}\n"));
    }
    value.deprecation.write(sdl);
    Ok(())
}

impl Deprecation {
    fn write(&self, sdl: &mut String) {
        if self.is_deprecated != Some(true) {
            return;
        }
        match &self.deprecation_reason {
            Some(reason) => push(
                sdl,
                format_args!(" @deprecated(reason: {})", quoted(reason)),
            ),
            None => sdl.push_str(" @deprecated"),
        }
    }
}

/// A type as it is written. JSON nests no deeper than what reads it here allows.
fn type_reference(reference: &TypeReference) -> Converted<String> {
    let inner = || {
        let inner = reference.of_type.as_deref();
        type_reference(
            inner.ok_or("a list or non-null type has no `ofType`; introspect it deeper")?,
        )
    };
    match &*reference.kind {
        "NON_NULL" => {
            let inner = inner()?;
            if inner.ends_with('!') {
                return Err(format!("\"{inner}!\" is no type"));
            }
            Ok(format!("{inner}!"))
        }
        "LIST" => Ok(format!("[{}]", inner()?)),
        _ => {
            let named = reference.name.as_deref();
            Ok(name(named.ok_or("a type has no name")?)?.to_owned())
        }
    }
}

fn joined(names: &[Named], between: &str) -> Converted<String> {
    let names: Converted<Vec<_>> = names.iter().map(|it| name(&it.name)).collect();
    Ok(names?.join(between))
}

fn name(text: &str) -> Converted<&str> {
    match is_name(text) {
        true => Ok(text),
        false => Err(format!("\"{text}\" is no name")),
    }
}

fn describe(description: Option<&str>, sdl: &mut String) {
    if let Some(description) = description {
        push(sdl, format_args!("{}\n", quoted(description)));
    }
}

/// Texts take everything.
fn push(sdl: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = sdl.write_fmt(text);
}
