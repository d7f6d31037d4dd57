//! The response to an introspection is the schema that it describes, and nothing else.

use dinoai_emulator::documents::{ProblemKind, Schema};
use serde_json::{Value, json};

/// A response to an introspection, with one type beside `Query`.
pub(super) fn introspection(change: impl FnOnce(&mut Value)) -> String {
    let mut schema = json!({
        "queryType": {"name": "Query"},
        "types": [
            {"kind": "SCALAR", "name": "String"},
            {"kind": "OBJECT", "name": "__Type", "fields": null},
            {
                "kind": "OBJECT", "name": "Query", "interfaces": [],
                "fields": [{
                    "name": "a", "isDeprecated": true, "deprecationReason": "say \"b\"\n",
                    "type": {"kind": "NON_NULL", "ofType": {"kind": "LIST", "ofType": {"kind": "SCALAR", "name": "String"}}},
                    "args": [{
                        "name": "b", "type": {"kind": "INPUT_OBJECT", "name": "In"},
                        "defaultValue": "{c: [A], d: \"x\"}",
                    }],
                }],
            },
            {
                "kind": "INPUT_OBJECT", "name": "In", "inputFields": [
                    {"name": "c", "type": {"kind": "LIST", "ofType": {"kind": "ENUM", "name": "E"}}, "defaultValue": null},
                    {"name": "d", "type": {"kind": "SCALAR", "name": "String"}, "isDeprecated": false},
                ],
            },
            {"kind": "ENUM", "name": "E", "enumValues": [{"name": "A", "isDeprecated": true, "deprecationReason": null}]},
            {"kind": "UNION", "name": "U", "possibleTypes": [{"name": "Query"}]},
            {"kind": "SCALAR", "name": "Date", "specifiedByURL": "https://example.com/\"date\""},
        ],
        "directives": [
            {"name": "skip", "locations": ["FIELD"], "args": []},
            {"name": "own", "locations": ["FIELD", "QUERY"], "isRepeatable": true, "args": []},
        ],
    });
    change(&mut schema);
    json!({"data": {"__schema": schema}}).to_string()
}

#[test]
fn an_introspection_is_the_same_schema_as_its_definitions() {
    let schema = Schema::parse("a.json", introspection(|_| {})).unwrap();
    for definition in [
        "  a(b: In = {c: [A], d: \"x\"}\n): [String]! @deprecated(reason: \"say \\\"b\\\"\\n\")\n",
        "input In {\n  c: [E]\n  d: String\n}",
        "enum E {\n  A @deprecated\n}",
        "union U = Query\n",
        "scalar Date @specifiedBy(url: \"https://example.com/\\\"date\\\"\")",
        "directive @own repeatable on FIELD | QUERY",
    ] {
        assert!(
            schema.sdl().contains(definition),
            "{definition}: {}",
            schema.sdl()
        );
    }
    assert!(!schema.sdl().contains("__Type") && !schema.sdl().contains("@skip"));
}

#[test]
fn nothing_of_an_introspection_becomes_a_definition_of_its_own() {
    type Change = fn(&mut Value);
    let hostile: [(&str, Change); 11] = [
        ("the default value of \"b\" is no value", |it| {
            it["types"][2]["fields"][0]["args"][0]["defaultValue"] =
                json!("1) evil: Int, a2(x: Int = 1");
        }),
        ("the default value of \"b\" is no value", |it| {
            it["types"][2]["fields"][0]["args"][0]["defaultValue"] = json!("");
        }),
        ("\"a: Int } type B\" is no name", |it| {
            it["types"][2]["fields"][0]["name"] = json!("a: Int } type B");
        }),
        ("its kind \"CLASS\" is not known", |it| {
            it["types"][2]["kind"] = json!("CLASS")
        }),
        ("it has no `fields`", |it| {
            it["types"][2]["fields"] = json!(null)
        }),
        ("has no `ofType`", |it| {
            it["types"][2]["fields"][0]["type"] = json!({"kind": "LIST"});
        }),
        ("\"String!!\" is no type", |it| {
            let string = json!({"kind": "SCALAR", "name": "String"});
            let inner = json!({"kind": "NON_NULL", "ofType": string});
            it["types"][2]["fields"][0]["type"] = json!({"kind": "NON_NULL", "ofType": inner});
        }),
        ("\"FIELD | X on\" is no name", |it| {
            it["directives"][1]["locations"] = json!(["FIELD | X on"])
        }),
        ("is not as an introspection returns it", |it| {
            it["types"] = json!(7)
        }),
        ("cannot find type `In`", |it| {
            it["types"].as_array_mut().unwrap().remove(3);
        }),
        ("cannot find type `No`", |it| {
            it["queryType"]["name"] = json!("No")
        }),
    ];
    for (words, change) in hostile {
        let problems = Schema::parse("a.json", introspection(change)).unwrap_err();
        assert!(problems.to_string().contains(words), "{words}: {problems}");
    }
    for text in [
        "{",
        "{}",
        "[]",
        "{\"data\": null}",
        "{\"data\": {\"__schema\": null}}",
        "null",
    ] {
        let problems = Schema::parse("a.json", text).unwrap_err();
        assert_eq!(problems.list()[0].kind, ProblemKind::Schema, "{text}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let value = format!("{{\"data\": {deep}}}");
    assert!(Schema::parse("a.json", value).is_err());
    // The value is a text in the JSON, so that JSON itself is not deep.
    let deep = introspection(|it| {
        it["types"][2]["fields"][0]["args"][0]["defaultValue"] = json!(deep);
    });
    assert!(Schema::parse("a.json", deep).is_err());
}

#[test]
fn what_a_server_says_in_place_of_its_schema_is_said() {
    for text in [
        "{\"data\": {\"__schema\": null}, \"errors\": [{\"message\": \"not for you\"}]}",
        "{\"data\": null, \"errors\": [{\"message\": \"not for you\"}]}",
    ] {
        let problems = Schema::parse("a.json", text).unwrap_err().to_string();
        assert!(
            problems.contains("without `__schema`: not for you"),
            "{problems}"
        );
    }
}

#[test]
fn a_place_in_what_json_was_converted_to_is_not_said() {
    let wrong = introspection(|it| {
        it["types"].as_array_mut().unwrap().remove(3);
    });
    let problems = Schema::parse("a.json", wrong).unwrap_err();
    let problem = &problems.list()[0];
    assert_eq!(
        (problem.line, problem.file.as_deref()),
        (None, Some("a.json"))
    );
}
