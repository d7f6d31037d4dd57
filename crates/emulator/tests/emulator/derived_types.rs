//! What the types that the derive makes read of a response: all of it where a document counts as valid, and
//! nothing or a part where it does not.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::panic::catch_unwind;

use dinoai_emulator::documents::{Documents, ProblemKind, Schema};
use graphql_client_codegen::{
    CodegenMode, GraphQLClientCodegenOptions, generate_module_token_stream_from_string,
};
use serde_json::{Map, Value, json};
use syn::punctuated::Punctuated;

const SCHEMA: &str = "
type Query { run: Run, node: Node, any: Any, count(of: [Int!], on: [Int], f: Float, id: ID, yes: Boolean, in: In, plain: Plain, word: Word,
  words: Words, rec: Rec, many: Many, one: One, date: Date,
  kinds: Kinds): Int, at: Date }
interface Node { id: ID!, name: String }
interface Named { name: String }
type Run implements Node & Named { id: ID!, name: String, status: String!, next: Run, fooBar: Int, foo_bar: Int }
type Other implements Node { id: ID!, name: String, other: Int, on: Int }
union Any = Run | Other
input In { a: Int, fooBar: Int }
input Plain { a: Int!, list: [Int!], more: [Plain!] }
input Word { a: Int, type: String }
input Words { a: Int, union: Word }
input Rec { a: Int, next: Rec }
input Many { a: Int, next: [Many] }
input One @oneOf { a: Int, b: Int }
input Kinds { more: More }
input More { kind: Kind }
enum Kind { A }
scalar Date
";

/// What a derived module has, as far as a response is read by it.
struct Derived(HashMap<String, Item>);

enum Item {
    Alias(syn::Type),
    Struct(Vec<Field>),
    /// By `__typename`.
    Variants(Vec<(String, Option<syn::Type>)>),
    /// An enum of the schema, or what is no part of a response.
    Other,
}

struct Field {
    name: String,
    key: String,
    ty: syn::Type,
    is_flattened: bool,
}

type Read<T> = Result<T, String>;

impl Derived {
    /// What the derive makes of a document, unless it fails, or that would not compile.
    fn of(text: &str) -> Read<Self> {
        Self::by(SCHEMA, text)
    }

    /// The same by another schema.
    fn by(schema_text: &str, text: &str) -> Read<Self> {
        let folder = tempfile::tempdir().unwrap();
        let schema = folder.path().join("schema.graphql");
        fs::write(&schema, schema_text).unwrap();
        let options = GraphQLClientCodegenOptions::new(CodegenMode::Cli);
        let made =
            catch_unwind(|| generate_module_token_stream_from_string(text, &schema, options));
        let made = made.map_err(|_| "the derive panics".to_owned())?;
        let made = made.map_err(|error| error.to_string())?.to_string();
        let file: syn::File = syn::parse_str(&made).map_err(|error| error.to_string())?;
        let mut names = HashSet::new();
        let mut content = None;
        for item in file.items {
            let name = match item {
                syn::Item::Struct(it) => it.ident,
                syn::Item::Mod(it) => {
                    content = content.or(it.content);
                    it.ident
                }
                _ => continue,
            };
            if !names.insert(name.to_string()) {
                return Err(format!("{name} is a struct and a module"));
            }
        }
        let mut items = HashMap::new();
        let mut defaults = Vec::new();
        for item in content.ok_or("no module")?.1 {
            let (name, item) = match item {
                syn::Item::Type(it) => (it.ident, Item::Alias(*it.ty)),
                syn::Item::Struct(it) => (it.ident, Item::Struct(fields(it.fields)?)),
                syn::Item::Enum(it) if serde(&it.attrs, "tag").is_some() => {
                    let variants = it.variants.into_iter();
                    let variants = variants.map(|it| {
                        let inner = it.fields.into_iter().next().map(|field| field.ty);
                        (it.ident.to_string(), inner)
                    });
                    (it.ident, Item::Variants(variants.collect()))
                }
                syn::Item::Enum(it) => (it.ident, Item::Other),
                syn::Item::Impl(it) if it.trait_.is_none() => {
                    defaults.extend(it.items);
                    continue;
                }
                _ => continue,
            };
            if items.insert(name.to_string(), item).is_some() {
                return Err(format!("the type {name} is there twice"));
            }
        }
        let derived = Self(items);
        for default in defaults {
            derived.compiles(default)?;
        }
        Ok(derived)
    }

    /// Whether a function returns what it says: the default value of a variable.
    fn compiles(&self, item: syn::ImplItem) -> Read<()> {
        let syn::ImplItem::Fn(function) = item else {
            return Err("no function".to_owned());
        };
        let name = &function.sig.ident;
        let syn::ReturnType::Type(_, ty) = &function.sig.output else {
            return Err(format!("{name} returns nothing"));
        };
        let value = match &*function.block.stmts {
            [syn::Stmt::Expr(value, None)] => value.clone(),
            [syn::Stmt::Macro(it)] => syn::Expr::Macro(syn::ExprMacro {
                attrs: Vec::new(),
                mac: it.mac.clone(),
            }),
            _ => return Err(format!("{name} is no value")),
        };
        match self.is_of(&value, ty) {
            true => Ok(()),
            false => Err(format!("{name} returns another type")),
        }
    }

    /// Whether a value that stands in Rust is of a type.
    fn is_of(&self, value: &syn::Expr, ty: &syn::Type) -> bool {
        let (name, inner) = parts(ty);
        let is = |path: &syn::Path, name: &str| path.is_ident(name);
        match (value, &*name, inner) {
            (syn::Expr::Call(it), "Option", Some(inner)) => {
                let syn::Expr::Path(called) = &*it.func else {
                    return false;
                };
                is(&called.path, "Some") && self.is_of(&it.args[0], &inner)
            }
            (syn::Expr::Path(it), "Option", Some(_)) => is(&it.path, "None"),
            (syn::Expr::Macro(it), "Vec", Some(inner)) => {
                let items = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
                let items = it.mac.parse_body_with(items).unwrap();
                is(&it.mac.path, "vec") && items.iter().all(|it| self.is_of(it, &inner))
            }
            (syn::Expr::Macro(_), ..) | (_, _, Some(_)) => false,
            (syn::Expr::Struct(it), name, None) => {
                let Some(Item::Struct(fields)) = self.0.get(name) else {
                    return false;
                };
                let given = |name: &str| {
                    let is_it = |it: &&syn::FieldValue| matches!(&it.member, syn::Member::Named(ident) if ident == name);
                    it.fields.iter().find(is_it)
                };
                is(&it.path, name)
                    && fields.len() == it.fields.len()
                    && fields.iter().all(|field| {
                        given(&field.name).is_some_and(|it| self.is_of(&it.expr, &field.ty))
                    })
            }
            (value, name, None) => {
                let ty = match self.0.get(name) {
                    Some(Item::Alias(ty)) => parts(ty).0,
                    _ => name.to_owned(),
                };
                // A custom scalar is what the program says.
                let is_custom = ty == name && ty != "String";
                match value {
                    syn::Expr::Lit(it) => match &it.lit {
                        syn::Lit::Int(it) => is_custom || it.suffix() == ty,
                        syn::Lit::Float(it) => is_custom || it.suffix() == ty,
                        syn::Lit::Bool(_) => is_custom || ty == "bool",
                        _ => false,
                    },
                    syn::Expr::MethodCall(it) => {
                        it.method == "to_string" && (is_custom || ty == "String")
                    }
                    _ => false,
                }
            }
        }
    }

    /// What is read of a response.
    fn read(&self, response: &Value) -> Read<Value> {
        self.value(&syn::parse_str("ResponseData").unwrap(), Some(response))
    }

    fn value(&self, ty: &syn::Type, value: Option<&Value>) -> Read<Value> {
        let (name, inner) = parts(ty);
        match (&*name, inner) {
            ("Option", Some(inner)) => match value {
                None | Some(Value::Null) => Ok(Value::Null),
                value => self.value(&inner, value),
            },
            ("Box", Some(inner)) => self.value(&inner, value),
            (_, inner) => {
                let value = value.ok_or("missing field")?;
                match (&*name, inner, value) {
                    ("Vec", Some(inner), Value::Array(values)) => values
                        .iter()
                        .map(|it| self.value(&inner, Some(it)))
                        .collect(),
                    (_, _, Value::Object(map)) => {
                        Ok(Value::Object(self.object(&name, &mut map.clone())?))
                    }
                    (_, _, value) if !value.is_null() => Ok(value.clone()),
                    _ => Err(format!("null for {name}")),
                }
            }
        }
    }

    /// What is read of an object's fields. What is flattened into another one takes what it reads from
    /// there, unless others are flattened into itself.
    fn object(&self, name: &str, entries: &mut Map<String, Value>) -> Read<Map<String, Value>> {
        match self.0.get(name) {
            Some(Item::Alias(ty)) => {
                let (mut name, mut inner) = parts(ty);
                while let Some(ty) = inner {
                    (name, inner) = parts(&ty);
                }
                self.object(&name, entries)
            }
            Some(Item::Struct(fields)) => {
                let mut left = entries.clone();
                let mut read = Map::new();
                for field in fields.iter().filter(|it| !it.is_flattened) {
                    let value = left.remove(&field.key);
                    let value = self.value(&field.ty, value.as_ref());
                    read.insert(
                        field.key.clone(),
                        value.map_err(|it| format!("{it}: {}", field.key))?,
                    );
                }
                let mut flattened = fields.iter().filter(|it| it.is_flattened).peekable();
                if flattened.peek().is_none() {
                    *entries = left;
                    return Ok(read);
                }
                for field in flattened {
                    let (mut name, mut inner) = parts(&field.ty);
                    while let Some(ty) = inner {
                        (name, inner) = parts(&ty);
                    }
                    read.extend(self.object(&name, &mut left)?);
                }
                Ok(read)
            }
            Some(Item::Variants(variants)) => {
                let tag = entries.get("__typename").and_then(Value::as_str);
                let tag = tag.ok_or("missing field `__typename`")?;
                let mut variants = variants.iter();
                let found = variants.find(|(name, _)| name == tag);
                match found.ok_or(format!("unknown variant {tag}"))? {
                    (_, None) => Ok(Map::new()),
                    (_, Some(ty)) => {
                        let mut rest = entries.clone();
                        rest.remove("__typename");
                        self.object(&parts(ty).0, &mut rest)
                    }
                }
            }
            _ => Err(format!("an object for {name}")),
        }
    }
}

/// The name of a type, and of what its type is that is in `<…>`.
fn parts(ty: &syn::Type) -> (String, Option<syn::Type>) {
    let syn::Type::Path(path) = ty else {
        panic!("no path");
    };
    let last = path.path.segments.last().unwrap();
    let inner = match &last.arguments {
        syn::PathArguments::AngleBracketed(it) => it.args.first().map(|it| match it {
            syn::GenericArgument::Type(ty) => ty.clone(),
            _ => panic!("no type"),
        }),
        _ => None,
    };
    (last.ident.to_string(), inner)
}

fn fields(fields: syn::Fields) -> Read<Vec<Field>> {
    let mut names = HashSet::new();
    let fields = fields.into_iter().map(|field| {
        let name = field.ident.unwrap().to_string();
        if !names.insert(name.clone()) {
            return Err(format!("the field {name} is there twice"));
        }
        Ok(Field {
            key: serde(&field.attrs, "rename").unwrap_or(name.clone()),
            name,
            is_flattened: serde(&field.attrs, "flatten").is_some(),
            ty: field.ty,
        })
    });
    fields.collect()
}

/// What an attribute of serde says, nothing for one without a value.
fn serde(attributes: &[syn::Attribute], name: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|it| it.path().is_ident("serde")) {
        attribute
            .parse_nested_meta(|meta| {
                let value = match meta.value() {
                    Ok(value) => value.parse::<syn::LitStr>()?.value(),
                    Err(_) => String::new(),
                };
                if meta.path.is_ident(name) {
                    found = Some(value);
                }
                Ok(())
            })
            .unwrap();
    }
    found
}

/// A response without what no type has: the tags of types, and null, which a field may lack.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map
                .iter()
                .filter(|(key, value)| *key != "__typename" && !value.is_null());
            kept.map(|(key, value)| (key.clone(), comparable(value)))
                .collect()
        }
        Value::Array(values) => values.iter().map(comparable).collect(),
        other => other.clone(),
    }
}

/// Whether all of a response is read by what the derive makes of a document.
fn is_read(text: &str, response: &Value) -> Read<()> {
    let read = Derived::of(text)?.read(response)?;
    match comparable(&read) == comparable(response) {
        true => Ok(()),
        false => Err(format!("{read} is read of {response}")),
    }
}

/// What is said of a document: the place, and the message.
fn said(text: &str) -> Vec<String> {
    said_by(SCHEMA, text)
}

fn said_by(schema: &str, text: &str) -> Vec<String> {
    let schema = Schema::parse("schema.graphql", schema).unwrap();
    let Err(problems) = Documents::new().with("a.graphql", text).check(&schema) else {
        return Vec::new();
    };
    let problems = problems.list().iter().map(|it| {
        assert_eq!(it.kind, ProblemKind::Derive, "{it}");
        assert!(it.help.is_some(), "{it}");
        format!("{}: {}", it.column.unwrap_or_default(), it.message)
    });
    problems.collect()
}

fn run() -> Value {
    json!({"run": {"__typename": "Run", "id": "1", "name": "n", "status": "s"}})
}

fn some(root: &str, fields: Value) -> Value {
    let mut object = json!({"__typename": "Run"});
    object
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({ root: object })
}

#[test]
fn of_a_valid_document_the_derived_types_read_the_whole_response() {
    let id = || json!({"id": "1"});
    let both = || json!({"id": "1", "status": "s"});
    for (text, response) in [
        ("query A { run { __typename id name status } }", run()),
        (
            "query A { run { r: status type: name } }",
            some("run", json!({"r": "s", "type": "n"})),
        ),
        (
            "query A { run { ...F name } } fragment F on Run { id status }",
            run(),
        ),
        (
            "query A { run { ...F ...G } } fragment F on Run { id } fragment G on Run { status }",
            some("run", both()),
        ),
        // Alone, whatever the fragment is on.
        (
            "query A { run { ...F } } fragment F on Node { __typename id }",
            some("run", id()),
        ),
        (
            "query A { run { ...F } } fragment F on Any { __typename ... on Run { id } }",
            some("run", id()),
        ),
        (
            "query A { node { ...F } } fragment F on Node { __typename id ... on Run { status } }",
            some("node", both()),
        ),
        (
            "query A { node { __typename id ... on Run { status } } }",
            some("node", both()),
        ),
        (
            "query A { node { __typename id ...F } } fragment F on Run { status }",
            some("node", both()),
        ),
        (
            "query A { node { ...F ...G } } fragment F on Node { __typename id } fragment G on Node { __typename name }",
            some("node", json!({"id": "1", "name": "n"})),
        ),
        // Into both of them another one is flattened, for the types: these leave the field to one another.
        (
            "query A { node { ...F ...G } } fragment F on Node { __typename id } fragment G on Node { __typename id }",
            some("node", id()),
        ),
        (
            "query A { any { __typename ... on Run { id } ... on Other { id other } } }",
            some("any", id()),
        ),
        (
            "query A { any { __typename ... on Run { id } ...F } } fragment F on Run { status }",
            some("any", both()),
        ),
        (
            "query A { any { __typename ...F ...G } } fragment F on Run { id } fragment G on Run { status }",
            some("any", both()),
        ),
        ("query A { any { __typename } }", some("any", json!({}))),
        // The fragments on types alone are an enum, without a struct.
        (
            "query A { node { __typename ... on Run { id } } nodeOn: run { id } }",
            some("node", id()),
        ),
        (
            "query A($f: Boolean!) { run { name @include(if: $f) status @skip(if: false) } }",
            some("run", json!({"status": "s"})),
        ),
        (
            "query A { run { next { next { id } } } }",
            json!({"run": {"next": {"next": {"id": "1"}}}}),
        ),
        // Names that are keywords, and are none where they stand.
        (
            "query Union { run { type: name gen: status ...Match ...union } } fragment Match on Run { id } fragment union on Run { r: id }",
            some("run", json!({"type": "n", "gen": "s", "id": "1", "r": "1"})),
        ),
        (
            "query A { any { __typename ...Type } } fragment Type on Run { id }",
            some("any", id()),
        ),
        (
            "query A { any { __typename ..._1 } } fragment _1 on Run { id }",
            some("any", id()),
        ),
        // What may be left out, and is null then.
        (
            "query A($f: Boolean!) { run { id ...F @include(if: $f) } } fragment F on Run { name }",
            some("run", id()),
        ),
        (
            "query A($f: Boolean!) { ...F @include(if: $f) at } fragment F on Query { run { id } }",
            json!({"at": "d"}),
        ),
        (
            "query A($f: Boolean!) { run { id ...F @include(if: $f) } } fragment F on Run { ...G @skip(if: $f) name }
             fragment G on Run { fooBar }",
            some("run", id()),
        ),
        (
            "query A($f: Boolean!) { node { __typename id ...F @include(if: $f) } } fragment F on Node { __typename name }",
            some("node", id()),
        ),
        (
            "query A($f: Boolean!) { node { ...F ...G @include(if: $f) } } fragment F on Node { __typename id }
             fragment G on Node { __typename id name }",
            some("node", id()),
        ),
        (
            "query A($f: Boolean!) { any { __typename ... on Run @include(if: $f) { name } } }",
            some("any", json!({})),
        ),
        (
            "query A { run { id ...F @skip(if: false) } } fragment F on Run { status }",
            some("run", both()),
        ),
    ] {
        assert_eq!(said(text), [""; 0], "{text}");
        assert_eq!(is_read(text, &response), Ok(()), "{text}");
    }
}

#[test]
fn of_what_is_reported_the_derived_types_read_nothing_or_a_part() {
    let id = || json!({"id": "1"});
    let both = || json!({"id": "1", "status": "s"});
    for (text, response, expected) in [
        (
            "query A { run { ... on Run { status } } }",
            some("run", json!({"status": "s"})),
            "17: What is in `... on Run` is not read of \"Run\".",
        ),
        (
            "query A { run { status ... on Node { id } } }",
            some("run", both()),
            "24: What is in `... on Node` is not read of \"Run\".",
        ),
        (
            "query A { run { status ...F } } fragment F on Node { __typename id }",
            some("run", both()),
            "24: What is in `...F` is not read of \"Run\".",
        ),
        (
            "query A { node { __typename name ... on Node { id } } }",
            some("node", json!({"name": "n", "id": "1"})),
            "34: What is in `... on Node` is not read of \"Node\".",
        ),
        (
            "query A { node { __typename ... on Named { name } } }",
            some("node", json!({"name": "n"})),
            "29: What is in `... on Named` is not read of \"Node\".",
        ),
        (
            "query A { any { __typename ...F } } fragment F on Node { __typename id }",
            some("any", id()),
            "28: What is in `...F` is not read of \"Any\".",
        ),
        (
            "query A { any { t: __typename ... on Run { id } } }",
            json!({"any": {"t": "Run", "id": "1"}}),
            "11: `__typename` is not selected on \"Any\".",
        ),
        (
            "query A { run { t: __typename id } }",
            json!({"run": {"t": "Run", "id": "1"}}),
            "17: `__typename` is called \"t\".",
        ),
        (
            "query A { run { __typename } }",
            some("run", json!({})),
            "11: Nothing but `__typename` is selected on \"Run\".",
        ),
        (
            "query A { __typename }",
            json!({"__typename": "Query"}),
            "1: Nothing but `__typename` is selected on \"Query\".",
        ),
        (
            "query A { any { __typename ... on Run { __typename } } }",
            some("any", json!({})),
            "28: Nothing but `__typename` is selected on \"Run\".",
        ),
        (
            "query A { run { fooBar foo_bar } }",
            some("run", json!({"fooBar": 1, "foo_bar": 2})),
            "24: \"fooBar\" and \"foo_bar\" are both `foo_bar` in Rust.",
        ),
        (
            "query A { run { id id } }",
            some("run", id()),
            "20: \"id\" is there twice.",
        ),
        (
            "query A { run { status ...Status } } fragment Status on Run { id }",
            some("run", both()),
            "24: \"status\" and `...Status` are both `status` in Rust.",
        ),
        (
            "query A { run { _1: id } }",
            json!({"run": {"_1": "1"}}),
            "17: \"_1\" is no name in Rust.",
        ),
        (
            "query A { any { __typename ... on Run { id } ... on Run { status } } }",
            some("any", both()),
            "46: There is another fragment on \"Run\" before this one.",
        ),
        (
            "query A { any { __typename ...F ... on Run { status } } } fragment F on Run { id }",
            some("any", both()),
            "33: There is another fragment on \"Run\" before this one.",
        ),
        (
            "query A { any { __typename ... on Run { ...F } ...G } } fragment F on Run { id } fragment G on Run { status }",
            some("any", both()),
            "48: What is in `...G` is not read of \"Run\".",
        ),
        (
            "query A { node { __typename id ... on Run { id status } } }",
            some("node", both()),
            "32: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { node { __typename name ...F } } fragment F on Run { name id }",
            some("node", json!({"name": "n", "id": "1"})),
            "34: \"name\" is selected here, and beside this fragment.",
        ),
        (
            "query A { run { id ...F } } fragment F on Run { id status }",
            some("run", both()),
            "20: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { run { ...F ...G } } fragment F on Run { id } fragment G on Run { id status }",
            some("run", both()),
            "22: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { run { id ...F } } fragment F on Run { ...G name } fragment G on Run { id status }",
            run(),
            "20: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { any { __typename ... on Run { id ...F } ... on Other { id } } } fragment F on Run { id }",
            some("any", id()),
            "44: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { node { __typename id on: name } }",
            some("node", json!({"id": "1", "on": "n"})),
            "11: \"on\" and the fragments on types are both `on` in Rust.",
        ),
        (
            "query A($f: Boolean!) { run { name status @include(if: $f) } }",
            some("run", json!({"name": "n"})),
            "36: \"status\" may be left out, and is never null.",
        ),
        (
            "query A($f: Boolean!) { run { name ...F @include(if: $f) } } fragment F on Run { id }",
            some("run", json!({"name": "n"})),
            "36: `...F` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { run { ...F @skip(if: $f) } } fragment F on Run { ...G } fragment G on Run { name id }",
            some("run", json!({})),
            "31: `...F` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { run { ...F @skip(if: $f) } } fragment F on Node { __typename name }",
            json!({"run": {}}),
            "31: `...F` may be left out, and \"__typename\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { any { __typename ... on Run @include(if: $f) { name id } } }",
            some("any", json!({})),
            "42: `... on Run` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { any { __typename ...F @include(if: $f) } } fragment F on Run { id }",
            some("any", json!({})),
            "42: `...F` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { node { ... on Run { id } ...F @include(if: $f) } } fragment F on Node { __typename }",
            json!({"node": {"id": "1"}}),
            "50: `...F` may be left out, and \"__typename\" in it is never null.",
        ),
        (
            "query Type { run { id } }",
            some("run", id()),
            "7: \"Type\" is `type` in Rust, which is a keyword.",
        ),
        (
            "query workspaces { run { id } }",
            some("run", id()),
            "7: \"workspaces\" is the name of a struct and of its module.",
        ),
        (
            "query _1 { run { id } }",
            some("run", id()),
            "7: \"_1\" is no name in Rust.",
        ),
        (
            "query A { run { name ...type } } fragment type on Run { id }",
            some("run", json!({"name": "n", "id": "1"})),
            "43: \"type\" is `type` in Rust, which is a keyword.",
        ),
        (
            "query A { run { ...self } } fragment self on Run { id }",
            some("run", id()),
            "38: \"self\" is `self` in Rust, which is a keyword.",
        ),
        (
            "query A { run { ..._ } } fragment _ on Run { id }",
            some("run", id()),
            "35: \"_\" is no name in Rust.",
        ),
        (
            "query A { run { ..._1 } } fragment _1 on Run { next { id } }",
            json!({"run": {"next": {"id": "1"}}}),
            "48: \"1Next\" is no name in Rust.",
        ),
        (
            "query A { any { __typename ...Type ...F } } fragment Type on Run { id } fragment F on Run { status }",
            some("any", both()),
            "28: `...Type` is `type` in Rust, which is a keyword.",
        ),
        (
            "query A { __schema { queryType { name } } }",
            json!({"__schema": {"queryType": {"name": "Q"}}}),
            "11: \"__schema\" is selected.",
        ),
        (
            "query Run { next: run { ...RunNext } } fragment RunNext on Run { id }",
            json!({"next": {"id": "1"}}),
            "49: Two types in Rust are called `RunNext`.",
        ),
        (
            "query A($kinds: Kinds) { count(kinds: $kinds) run { ...Kind } } fragment Kind on Run { id }",
            some("run", id()),
            "7: Two types in Rust are called `Kind`.",
        ),
        (
            "query A($kinds: Kinds) { count(kinds: $kinds) run { ...More } } fragment More on Run { id }",
            some("run", id()),
            "7: Two types in Rust are called `More`.",
        ),
        (
            "query A { node { __typename name ... on Run { status } } nodeOn: run { id } }",
            some("node", json!({"name": "n", "status": "s"})),
            "11: Two types in Rust are called `ANodeOn`.",
        ),
        (
            "query A { node { ...F } run { ...FOn } } fragment F on Node { __typename name } fragment FOn on Run { id }",
            some("node", json!({"name": "n"})),
            "51: Two types in Rust are called `FOn`.",
        ),
        (
            "query A { node { __typename ...F } nodeOn: run { id } } fragment F on Node { __typename name }",
            some("node", json!({"name": "n"})),
            "11: Two types in Rust are called `ANodeOn`.",
        ),
        (
            "query A { run { ...ARun } } fragment ARun on Run { id }",
            some("run", id()),
            "38: Two types in Rust are called `ARun`.",
        ),
        (
            "query A { runNext: run { id } run { next { id } } }",
            json!({"runNext": {"id": "1"}, "run": {"next": {"id": "1"}}}),
            "37: Two types in Rust are called `ARunNext`.",
        ),
        (
            "query A { at run { ...Date } } fragment Date on Run { id }",
            json!({"run": {"id": "1"}}),
            "7: Two types in Rust are called `Date`.",
        ),
    ] {
        let said = said(text);
        assert!(said.iter().any(|it| it == expected), "{text}: {said:?}");
        let read = is_read(text, &response);
        assert!(read.is_err(), "the derive has learnt to read {text}");
    }
    let variables = "query A($fooBar: Int!, $foo_bar: Int!) { count(of: [$fooBar, $foo_bar]) }";
    assert_eq!(
        said(variables),
        ["24: \"$fooBar\" and \"$foo_bar\" are both `foo_bar` in Rust."]
    );
    assert!(Derived::of(variables).is_err());
}

#[test]
fn a_default_value_is_of_the_type_that_it_has_in_rust() {
    for (variable, is_right) in [
        ("$of: [Int!] = [1, 2]", true),
        ("$on: [Int] = []", true),
        // `Vec<i64>` is no `Vec<Option<i64>>`.
        ("$on: [Int] = [1, 2]", false),
        ("$of: [Int!] = 1", false),
        ("$f: Float = 1.5", true),
        ("$f: Float = 1", false),
        ("$id: ID = \"a\"", true),
        ("$id: ID = 1", false),
        ("$yes: Boolean = true", true),
        ("$yes: Boolean! = true", true),
        // The field is `foo_bar` in Rust.
        ("$in: In = {a: 1}", false),
        ("$plain: Plain = {a: 1, list: [2], more: [{a: 3}]}", true),
        ("$plain: Plain = {a: 1, list: null}", false),
        ("$word: Word = {a: 1}", false),
        ("$words: Words = {a: 1}", false),
        // The field is a `Box`.
        ("$rec: Rec = {a: 1}", false),
        ("$rec: Rec = {a: 1, next: {a: 2}}", false),
        ("$many: Many = {a: 1}", true),
        ("$one: One = {a: 1}", false),
        ("$date: Date = \"1\"", true),
        ("$date: Date = 1", true),
        ("$date: Date = {day: 1}", false),
    ] {
        let name = &variable[1..variable.find(':').unwrap()];
        let text = format!("query A({variable}) {{ count({name}: ${name}) }}");
        let derived = Derived::of(&text).map(|_| ());
        assert_eq!(derived.is_ok(), is_right, "{text}: {derived:?}");
        assert_eq!(
            said(&text).is_empty(),
            is_right,
            "{text}: {:?}",
            said(&text)
        );
    }
}

const EXTENDED: &str = "
type Query { one: Named, any: Any, kind: Kind, takes(in: In, out: Out): Int }
interface Named { name: String }
type Run implements Named { name: String, id: ID }
type More { n: Int }
union Any = Run
enum Kind { A }
input In { a: Int }
input Out { in: In }
extend type Run { more: Int }
extend interface Named { id: ID }
extend union Any = More
extend enum Kind { B }
extend input In { b: Int }
";

#[test]
fn what_the_derive_does_not_read_of_a_schema_is_reported_where_it_is_used() {
    let by = |text: &str| (said_by(EXTENDED, text), Derived::by(EXTENDED, text));
    let (said, derived) = by("query A { one { __typename name id } }");
    assert_eq!(said, ["33: \"id\" of \"Named\" is in `extend interface`."]);
    assert!(derived.is_err());

    let (said, derived) = by("query A { any { __typename ... on Run { name } } }");
    assert_eq!(said, ["11: There are types of \"Any\" in `extend union`."]);
    let more = json!({"any": {"__typename": "More"}});
    assert!(derived.unwrap().read(&more).is_err());

    for variable in ["$in: In", "$out: Out"] {
        let name = &variable[1..variable.find(':').unwrap()];
        let (said, derived) = by(&format!("query A({variable}) {{ takes({name}: ${name}) }}"));
        assert_eq!(said, ["9: There are fields of \"In\" in `extend input`."]);
        let Item::Struct(fields) = &derived.unwrap().0["In"] else {
            panic!("no struct");
        };
        assert_eq!(fields.len(), 1);
    }

    // An enum has another value beside those that it knows.
    let (said, derived) =
        by("query A { one { __typename name ... on Run { more } } kind takes(in: {a: 1, b: 2}) }");
    assert_eq!(said, [""; 0]);
    let one = json!({"__typename": "Run", "name": "n", "more": 1});
    let response = json!({"one": one, "kind": "B", "takes": 1});
    let read = derived.unwrap().read(&response).unwrap();
    assert_eq!(comparable(&read), comparable(&response));
}

#[test]
fn a_schema_that_the_derive_cannot_read_is_reported() {
    for schema in [
        "type Query { a: Int } type M { b: Int } extend schema { mutation: M }",
        "\"It is.\" schema { query: Query } type Query { a: Int }",
        "type Query { \"\\u{1F600}\" a: Int }",
        "type Query { a(b: Int = 0, c: Float = 99999999999999999999999): Int }",
    ] {
        let said = said_by(schema, "query A { a }");
        assert_eq!(
            said,
            ["0: The derive cannot read schema.graphql."],
            "{schema}"
        );
        assert!(Derived::by(schema, "query A { a }").is_err(), "{schema}");
    }
}

#[test]
fn a_document_that_needs_several_files_of_a_schema_is_reported() {
    let whole = "type Query { a: Int, run: Run } type Run { id: ID }";
    let parts = ["type Query { run: Run }", "type Run { id: ID }"];
    for (files, text, is_right) in [
        (
            [whole, "extend type Query { b: Int }"],
            "query A { a }",
            true,
        ),
        (
            [whole, "extend type Query { b: Int }"],
            "query A { a b }",
            false,
        ),
        (parts, "query A { run { id } }", false),
    ] {
        let documents = Documents::new().with("a.graphql", text);
        let [one, other] = files;
        let documents = documents
            .with("one.graphql", one)
            .with("other.graphql", other);
        let schema = documents.own_schema().unwrap().unwrap();
        let said = documents
            .check(&schema)
            .err()
            .map(|it| it.list()[0].message.clone());
        let expected = "It needs several files of the schema.";
        assert_eq!(said.as_deref(), (!is_right).then_some(expected), "{text}");
        let by_one = files.iter().any(|file| Derived::by(file, text).is_ok());
        assert_eq!(by_one, is_right, "{text}");
    }
}

#[test]
fn the_documents_of_this_repository_are_valid() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    for folder in ["graphql", "examples/own-documents/graphql"] {
        dinoai_emulator::check_documents(format!("{root}{folder}")).unwrap();
    }
}
