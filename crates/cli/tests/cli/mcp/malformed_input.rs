//! What is no request is replied to with an error, what wants no reply gets none, and the command goes on.

use serde_json::{Value, json};

use super::{Assistant, Bench};

/// What is wrong, the code of the error, and the id in it.
fn malformed() -> Vec<(String, i64, Value)> {
    let no_json = ["{", "no JSON", "\u{feff}", "{}{}", "nul"];
    let no_json = no_json.map(|line| (line.to_owned(), -32700, Value::Null));
    let deep = ("[".repeat(1000) + &"]".repeat(1000), -32700, Value::Null);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let invalid = [
        ("5", json!(null)),
        ("null", json!(null)),
        ("\"text\"", json!(null)),
        ("{}", json!(null)),
        ("[]", json!(null)),
        (&*format!("[{ping},{ping}]"), json!(null)),
        (r#"{"id":701,"method":"ping"}"#, json!(701)),
        (r#"{"jsonrpc":"1.0","id":"a","method":"ping"}"#, json!("a")),
        (r#"{"jsonrpc":"2.0","id":702}"#, json!(702)),
        (r#"{"jsonrpc":"2.0","id":703,"method":5}"#, json!(703)),
        (
            r#"{"jsonrpc":"2.0","id":704,"method":"ping","result":{}}"#,
            json!(704),
        ),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, json!(1.5)),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            json!(null),
        ),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, json!(null)),
        (r#"{"jsonrpc":"2.0","method":5}"#, json!(null)),
        (r#"{"method":"notifications/initialized"}"#, json!(null)),
    ];
    let invalid = invalid.map(|(line, id)| (line.to_owned(), -32600, id));
    no_json.into_iter().chain([deep]).chain(invalid).collect()
}

/// What wants no reply.
const SILENT: [&str; 7] = [
    "",
    "  ",
    r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
    r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#,
    r#"{"jsonrpc":"2.0","id":"x","error":5}"#,
    r#"{"jsonrpc":"2.0","method":"no/such"}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":5}"#,
];

fn send_all(assistant: &mut Assistant) {
    for line in SILENT {
        assistant.write(line);
    }
    for (line, code, id) in malformed() {
        assistant.write(&line);
        let reply = match id.as_u64() {
            Some(id) => assistant.reply(id),
            None => assistant.unnumbered_reply(&line),
        };
        assert_eq!(reply["jsonrpc"], "2.0", "{line}: {reply}");
        assert_eq!(
            (&reply["error"]["code"], &reply["id"]),
            (&json!(code), &id),
            "{line}: {reply}"
        );
        assert!(reply["error"]["message"].is_string(), "{line}: {reply}");
    }
    let ping = assistant.request("ping", json!({}));
    assert_eq!(assistant.reply(ping)["result"], json!({}));
}

#[test]
fn what_is_no_request_is_replied_to_before_and_after_the_first_one() {
    let bench = Bench::start();
    let mut assistant = Assistant::start_silent(bench.command(), &[]);
    assistant.notify("notifications/initialized", json!({}));
    send_all(&mut assistant);
    // After a request that begins nothing.
    send_all(&mut assistant);
    assistant.write(r#"{"jsonrpc":"2.0","id":1000,"method":"tools/list"}"#);
    assert_eq!(assistant.reply(1000)["error"]["code"], -32602);
    send_all(&mut assistant);
    let hello = assistant.request("initialize", json!({ "protocolVersion": 5 }));
    assert_eq!(assistant.reply(hello)["error"]["code"], -32602);
    let hello = json!({
        "protocolVersion": "1999-01-01", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let hello = assistant.request("initialize", hello);
    assert_eq!(
        assistant.reply(hello)["result"]["serverInfo"]["name"],
        "dinoai"
    );
    send_all(&mut assistant);
    assert_eq!(assistant.end().code(), 0);
}

#[test]
fn a_batch_is_refused_with_what_to_do() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    assistant.write(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#);
    let refused = assistant.unnumbered_reply("a batch");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("each message on a line of its own"),
        "{message}"
    );
    assert_eq!(assistant.end().code(), 0);
}
