//! What the derive makes of a document ([`Derived`]): a model of the types as far as they compile, hold the
//! default values of variables, and read responses.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::panic::catch_unwind;

use graphql_client_codegen::{
    CodegenMode, GraphQLClientCodegenOptions, generate_module_token_stream_from_string,
};
use serde_json::{Map, Value};
use syn::punctuated::Punctuated;

/// What a derived module has, as far as a response is read by it.
pub(super) struct Derived(pub(super) HashMap<String, Item>);

pub(super) enum Item {
    Alias(syn::Type),
    Struct(Vec<Field>),
    /// By `__typename`.
    Variants(Vec<(String, Option<syn::Type>)>),
    /// An enum of the schema, or what is no part of a response.
    Other,
}

pub(super) struct Field {
    name: String,
    key: String,
    ty: syn::Type,
    is_flattened: bool,
}

pub(super) type Read<T> = Result<T, String>;

impl Derived {
    /// What the derive makes of a document by a schema, unless it fails, or that would not compile.
    pub(super) fn of(schema_text: &str, text: &str) -> Read<Self> {
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
    pub(super) fn read(&self, response: &Value) -> Read<Value> {
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
pub(super) fn comparable(value: &Value) -> Value {
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
