//! A variable is of its type, or is refused as the reference implementation refuses it.

use dinoai_emulator::{Backend, Emulator, Scenario, Stage, Step};
use serde_json::{Value, json};

use crate::caller::{STEPS, call, post, response_to, trigger};

/// A schema whose variables are of every kind. Its field has no value.
const KINDS: &str = "
    type Query { at(int: Int, float: Float, id: ID, text: String, flag: Boolean, word: Word,
        list: [[Int!]], object: Object, any: Any): Int }
    enum Word { ONE TWO }
    input Object { int: Int! = 1, object: Object, needed: Boolean! }
    scalar Any";

#[tokio::test]
async fn a_variable_is_of_its_type_as_json_has_it() {
    let emulator = Emulator::builder().backend(Backend::sdl(KINDS));
    let emulator = emulator.start().await.unwrap();
    let kinds: [(&str, &str, Vec<Value>, Vec<Value>); 9] = [
        (
            "int",
            "Int",
            vec![
                json!(1.0),
                json!(1e2),
                json!(-0.0),
                json!(-2147483648.0),
                json!(2147483647),
                json!(null),
            ],
            vec![
                json!(1.5),
                json!(2147483648_u64),
                json!(-2147483649.0),
                json!(1e21),
                json!("1"),
                json!(true),
                json!([1]),
            ],
        ),
        (
            "float",
            "Float",
            vec![
                json!(1),
                json!(1.5),
                json!(9007199254740993_u64),
                json!(1e300),
            ],
            vec![json!("1"), json!(false), json!([1.0])],
        ),
        (
            "id",
            "ID",
            vec![json!(1), json!(1.0), json!("x"), json!(""), json!(1e21)],
            vec![json!(1.5), json!(true), json!({})],
        ),
        (
            "text",
            "String",
            vec![json!("x"), json!("")],
            vec![json!(1), json!(1.5), json!(false), json!(["x"])],
        ),
        (
            "flag",
            "Boolean",
            vec![json!(true)],
            vec![json!(0), json!("true")],
        ),
        (
            "word",
            "Word",
            vec![json!("ONE")],
            vec![json!("THREE"), json!(1), json!(["ONE"])],
        ),
        (
            "list",
            "[[Int!]]",
            vec![json!(1.0), json!([1, null, [2.0]]), json!([[]])],
            vec![json!([[null]]), json!([[[1]]]), json!("x")],
        ),
        (
            "object",
            "Object",
            vec![
                json!({ "needed": true }),
                json!({ "needed": true, "int": 2.0, "object": null }),
            ],
            vec![
                json!({}),
                json!({ "needed": true, "int": null }),
                json!({ "needed": true, "more": 1 }),
                json!([{ "needed": true }]),
                json!("x"),
            ],
        ),
        (
            "any",
            "Any",
            vec![json!(1), json!("x"), json!([{ "a": [null] }])],
            vec![],
        ),
    ];
    for (name, ty, taken, refused) in kinds {
        let document = format!("query ($v: {ty}) {{ at({name}: $v) }}");
        for value in taken {
            let response = call(&emulator, &document, json!({ "v": value })).await;
            assert_eq!(
                response.text, r#"{"data":{"at":null}}"#,
                "{document} {value}"
            );
        }
        for value in refused {
            let response = call(&emulator, &document, json!({ "v": value })).await;
            assert!(!response.messages().is_empty(), "{document} {value}");
            assert!(response.body.get("data").is_none(), "{document} {value}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_variable_is_shown_as_javascript_shows_it() {
    let emulator = Emulator::builder().backend(Backend::sdl(KINDS));
    let emulator = emulator.start().await.unwrap();
    let shown = [
        ("1.0", "1"),
        ("1e21", "1e+21"),
        ("123456789012345678901", "123456789012345680000"),
        ("9007199254740993", "9007199254740992"),
        ("1e-7", "1e-7"),
        ("0.000001", "0.000001"),
        ("-0.0", "0"),
        (
            "{\"b\":1.50,\"10\":2,\"9\":3,\"a\":4}",
            "{ 9: 3, 10: 2, b: 1.5, a: 4 }",
        ),
    ];
    for (value, shown) in shown {
        let query = "query ($v: String) { at(text: $v) }";
        let body = format!(r#"{{"query":"{query}","variables":{{"v":{value}}}}}"#);
        let request = crate::caller::post(&emulator)
            .header("Content-Type", "application/json")
            .body(body);
        let response = crate::caller::response_to(request).await;
        let expected = format!(
            "Variable \"$v\" got invalid value {shown}; String cannot represent a non string value: {shown}"
        );
        assert_eq!(response.messages(), [expected], "{value}");
    }
}

#[tokio::test]
async fn a_whole_number_is_an_int_however_it_is_written() {
    let scenario = Scenario::new()
        .stage(Stage::new("COMPLETED"))
        .step(Step::user("Check it."))
        .step(Step::agent("Done."));
    let emulator = Emulator::builder().scenario("a", scenario);
    let emulator = emulator.start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    let steps = async |after: Value| {
        let variables = json!({ "id": id, "after": after, "includeToolIo": false });
        let response = call(&emulator, STEPS, variables).await;
        assert_eq!(response.messages(), Vec::<&str>::new(), "{after}");
        response.root()["steps"].clone()
    };
    let all = steps(json!(null)).await;
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let first = all[0]["index"].as_i64().unwrap();
    assert_eq!(steps(json!(first)).await, json!([all[1]]));
    assert_eq!(steps(json!(first as f64)).await, json!([all[1]]));
}

#[tokio::test]
async fn nothing_is_executed_where_a_condition_at_the_root_is_null() {
    const MESSAGE: &str = "Argument \"if\" of non-null type \"Boolean!\" must not be null.";
    let emulator = Emulator::start().await.unwrap();
    let start = "triggerDinoaiAgentRun(message: \"m\")";
    let [skip, include] = ["@skip(if: $b)", "@include(if: $b)"];
    for selections in [
        format!("{{ {start} {skip} {{ ok }} }}"),
        format!("{{ {start} {include} {{ ok }} }}"),
        format!("{{ a: {start} {{ ok }} b: {start} {skip} {{ ok }} }}"),
        format!("{{ ... {include} {{ {start} {{ ok }} }} }}"),
        format!("{{ ...F }} fragment F on Mutation {{ {start} {skip} {{ ok }} }}"),
        format!("{{ ...F {skip} }} fragment F on Mutation {{ {start} {{ ok }} }}"),
    ] {
        let query = format!("mutation ($b: Boolean = false) {selections}");
        let response = call(&emulator, &query, json!({ "b": null })).await.body;
        assert_eq!(
            response["errors"][0]["message"], MESSAGE,
            "{query}: {response}"
        );
        assert_eq!(response.get("data"), Some(&Value::Null), "{query}");
        assert!(emulator.runs().is_empty(), "{query}");
    }
    let query = format!("mutation ($b: Boolean = false) {{ {start} {skip} {{ ok }} }}");
    call(&emulator, &query, json!({})).await;
    assert_eq!(emulator.runs().len(), 1);
    // What is left out anyhow is not looked at.
    let query = format!(
        "mutation ($b: Boolean = false) {{ ... @skip(if: true) {{ {start} {skip} {{ ok }} }} __typename }}"
    );
    let response = call(&emulator, &query, json!({ "b": null })).await.body;
    assert_eq!(response["data"]["__typename"], "Mutation", "{response}");
}

#[tokio::test]
async fn json_that_cannot_be_kept_as_values_is_refused_with_its_variable() {
    let emulator = Emulator::start().await.unwrap();
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (value, is_read) in [
        // The variables are a level, too.
        (nested(126), true),
        (nested(127), false),
        (r#""\ud83d\ude00""#.to_owned(), true),
        (r#""\ud83d""#.to_owned(), false),
        ("1e308".to_owned(), true),
        ("1e309".to_owned(), false),
    ] {
        let body = format!(r#"{{"query":"{{__typename}}","variables":{{"a":{value}}}}}"#);
        let request = post(&emulator).header("Content-Type", "application/json");
        let response = response_to(request.body(body)).await;
        let messages = response.messages().concat();
        assert_eq!(response.status, if is_read { 200 } else { 400 }, "{value}");
        assert_eq!(messages.starts_with("'variables' is not JSON"), !is_read);
    }
}
