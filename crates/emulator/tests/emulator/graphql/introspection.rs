//! Introspection returns what the reference implementation of today returns, and an object of `@oneOf` has
//! exactly one of its fields.

use dinoai_emulator::{Backend, Emulator, Error};
use serde_json::{Value, json};

use crate::caller::call;

async fn serving(sdl: &str) -> Emulator {
    let emulator = Emulator::builder().backend(Backend::sdl(sdl));
    emulator.start().await.unwrap()
}

const ONE_OF: &str = "
    type Query { a(x: One, all: [One], must: One!): Int, old: Int @deprecated(reason: \"Use a.\") }
    type Mutation { triggerDinoaiAgentRun(message: String, to: One): Int }
    input One @oneOf { p: Int, q: String @deprecated, r: [Int!] }
    input Any { p: Int = 1 }
    enum E { A B @deprecated }
    directive @own(a: Int = 1, b: E = A @deprecated) repeatable on FIELD
    scalar S @specifiedBy(url: \"https://example.com/s\")";

/// What the reference asks for with all options of `getIntrospectionQuery`, but for descriptions.
const EVERYTHING: &str = "query IntrospectionQuery {
    __schema {
        description queryType { name kind } mutationType { name kind } subscriptionType { name kind }
        types { ...FullType }
        directives(includeDeprecated: true) {
            name isRepeatable isDeprecated deprecationReason locations
            args(includeDeprecated: true) { ...InputValue }
        }
    }
}
fragment FullType on __Type {
    kind name specifiedByURL isOneOf
    fields(includeDeprecated: true) {
        name args(includeDeprecated: true) { ...InputValue } type { ...TypeRef }
        isDeprecated deprecationReason
    }
    inputFields(includeDeprecated: true) { ...InputValue }
    interfaces { ...TypeRef }
    enumValues(includeDeprecated: true) { name isDeprecated deprecationReason }
    possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
    name type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The names of what a list has.
fn names(items: &Value) -> Vec<&Value> {
    let items = items.as_array().unwrap();
    items.iter().map(|it| &it["name"]).collect()
}

fn named<'a>(items: &'a Value, name: &str) -> &'a Value {
    let found = items.as_array().unwrap().iter();
    { found }.find(|item| item["name"] == name).unwrap()
}

#[tokio::test]
async fn all_that_the_reference_asks_for_is_returned() {
    let emulator = serving(ONE_OF).await;
    let response = call(&emulator, EVERYTHING, json!({})).await;
    assert_eq!(response.messages(), Vec::<&str>::new());
    let schema = response.root();
    let types = &schema["types"];
    let found = names(types);
    assert_eq!(
        found[..6],
        ["Query", "Int", "Mutation", "String", "One", "Any"]
    );
    assert_eq!(named(types, "One")["isOneOf"], true);
    assert_eq!(named(types, "Any")["isOneOf"], false);
    assert_eq!(named(types, "Query")["isOneOf"], Value::Null);
    assert_eq!(named(types, "S")["specifiedByURL"], "https://example.com/s");
    let old = named(&named(types, "Query")["fields"], "old");
    assert_eq!(
        (&old["isDeprecated"], &old["deprecationReason"]),
        (&json!(true), &json!("Use a."))
    );
    let q = named(&named(types, "One")["inputFields"], "q");
    assert_eq!(q["deprecationReason"], "No longer supported");
    assert_eq!(
        named(&named(types, "E")["enumValues"], "B")["isDeprecated"],
        true
    );
    let directives = &schema["directives"];
    let found = names(directives);
    assert_eq!(
        found,
        [
            "own",
            "include",
            "skip",
            "deprecated",
            "specifiedBy",
            "oneOf"
        ]
    );
    let own = named(directives, "own");
    assert_eq!(
        (&own["isRepeatable"], &own["isDeprecated"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(named(&own["args"], "b")["defaultValue"], "A");
    assert_eq!(
        named(directives, "oneOf")["locations"],
        json!(["INPUT_OBJECT"])
    );
    assert!(
        named(directives, "deprecated")["locations"]
            .to_string()
            .contains("DIRECTIVE_DEFINITION")
    );
    // A scalar that the SDL does not mention is there, and described as any.
    for scalar in ["Int", "ID"] {
        let kind = format!("The `{scalar}` scalar type represents ");
        let query = format!("{{ __type(name: \"{scalar}\") {{ description }} }}");
        let response = call(&emulator, &query, json!({})).await;
        let description = response.root()["description"].as_str().unwrap();
        assert!(description.starts_with(&kind), "{description}");
    }
    // And what introspection says of itself.
    let fields = &named(types, "__Type")["fields"];
    assert_eq!(named(fields, "isOneOf")["type"]["name"], "Boolean");
}

#[tokio::test]
async fn what_is_deprecated_is_left_out_unless_it_is_asked_for() {
    let emulator = serving(ONE_OF).await;
    let query = "{ __schema { directives { name args { name } } }
        e: __type(name: \"E\") { enumValues { name } }
        q: __type(name: \"Query\") { fields(includeDeprecated: false) { name } }
        o: __type(name: \"One\") { inputFields(includeDeprecated: null) { name } } none: __type(name: \"No\") { name } }";
    let response = call(&emulator, query, json!({})).await.body;
    let data = &response["data"];
    assert_eq!(
        named(&data["__schema"]["directives"], "own")["args"],
        json!([{ "name": "a" }])
    );
    assert_eq!(data["e"]["enumValues"], json!([{ "name": "A" }]));
    assert_eq!(data["q"]["fields"], json!([{ "name": "a" }]));
    assert_eq!(
        data["o"]["inputFields"],
        json!([{ "name": "p" }, { "name": "r" }])
    );
    assert_eq!(data["none"], Value::Null);
    assert_eq!(response.get("errors"), None);
}

#[tokio::test]
async fn an_object_has_exactly_one_of_its_fields() {
    let emulator = serving(ONE_OF).await;
    let many = "OneOf Input Object \"One\" must specify exactly one key.";
    let null = "Field \"One.p\" must be non-null.";
    let variable = "Variable \"$v\" is of type \"Int\" but must be non-nullable to be used for OneOf Input Object \"One\".";
    for (document, messages) in [
        ("{ a(must: { p: 1 }) }", vec![]),
        ("{ a(must: { r: 1 }) }", vec![]),
        ("{ a(must: { p: 1, q: \"x\" }) }", vec![many]),
        ("{ a(must: {}) }", vec![many]),
        ("{ a(must: { p: null }) }", vec![null]),
        ("{ a(must: { p: 1 }, all: [{ q: \"a\" }, {}]) }", vec![many]),
        (
            "query ($v: Int) { a(must: { p: 1 }, x: { p: $v }) }",
            vec![variable],
        ),
        (
            "query ($v: Int!) { a(must: { p: 1 }, x: { p: $v }) }",
            vec!["Variable \"$v\" of required type \"Int!\" was not provided."],
        ),
        // The reference looks at no variable in an object that must not be null.
        (
            "query ($v: Int) { a(must: { p: $v }) }",
            vec!["Argument \"must\" has invalid value {p: $v}."],
        ),
    ] {
        let response = call(&emulator, document, json!({})).await;
        assert_eq!(response.messages(), messages, "{document}");
    }
    let document = "mutation ($to: One) { triggerDinoaiAgentRun(message: \"m\", to: $to) }";
    let wrong = "Variable \"$to\" got invalid value";
    for (value, messages) in [
        (
            json!({ "p": 1, "q": "x" }),
            vec![format!(
                "{wrong} {{ p: 1, q: \"x\" }}; Exactly one key must be specified for OneOf type \"One\"."
            )],
        ),
        (
            json!({}),
            vec![format!(
                "{wrong} {{}}; Exactly one key must be specified for OneOf type \"One\"."
            )],
        ),
        (
            json!({ "p": null }),
            vec![format!(
                "{wrong} null at \"to.p\"; Field \"p\" must be non-null."
            )],
        ),
    ] {
        let response = call(&emulator, document, json!({ "to": value })).await;
        assert_eq!(response.messages(), messages);
        assert_eq!(emulator.runs().len(), 0);
    }
    call(&emulator, document, json!({ "to": { "p": 1 } })).await;
    assert_eq!(emulator.runs().len(), 1);
}

#[tokio::test]
async fn an_sdl_whose_objects_cannot_have_exactly_one_field_is_refused_by_name() {
    for (fields, said) in [
        ("p: Int!", "OneOf input field One.p must be nullable."),
        (
            "q: Int, p: Int = 1",
            "OneOf input field One.p cannot have a default value.",
        ),
    ] {
        let sdl = format!("type Query {{ a(x: One): Int }} input One @oneOf {{ {fields} }}");
        let refused = Emulator::builder().backend(Backend::sdl(sdl)).start().await;
        match refused {
            Err(Error::Sdl(message)) => assert_eq!(message, said),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_sdl_with_directives_on_definitions_of_directives_is_refused_with_the_place() {
    let sdl = "type Query { a: Int } directive @own on FIELD @deprecated";
    let refused = Emulator::builder().backend(Backend::sdl(sdl)).start().await;
    let Err(Error::Sdl(message)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        message.contains("1:47") && message.contains("@deprecated"),
        "{message}"
    );
}
