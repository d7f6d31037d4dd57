//! With the feature `schema` the JSON Schema of the type is in the request, and in the follow-up that asks
//! again.

use dinoai::TriggerRun;
use dinoai::schemars::{self, JsonSchema};
use dinoai::time::VirtualClock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::operations::{SEND, TRIGGER};
use crate::support::samples::session;
use crate::support::shown_run::{agent, client_by, run, shows};

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code, reason = "read by the schema alone")]
struct Finding {
    /// The name of the dbt model.
    model: String,
    rows: Option<u64>,
}

async fn server(clock: &VirtualClock) -> FaultServer {
    shows(clock, |seen, _| {
        run(
            seen,
            "COMPLETED",
            &[
                agent(1.0, "```json\n[{\"model\": \"a\"}]\n```"),
                agent(50.0, "None."),
            ],
        )
    })
    .await
}

fn messages(server: &FaultServer) -> Vec<String> {
    let seen = server.seen();
    let starts = seen
        .iter()
        .filter(|seen| [TRIGGER, SEND].contains(&seen.operation.as_str()));
    let messages = starts.map(|seen| seen.variables["message"].as_str().unwrap().to_owned());
    messages.collect()
}

/// The schema in a message.
fn schema_in(message: &str) -> Value {
    let (_, block) = message.rsplit_once("\n```json\n").unwrap();
    serde_json::from_str(block.strip_suffix("\n```").unwrap()).unwrap()
}

#[tokio::test]
async fn the_schema_is_behind_each_message() {
    let clock = VirtualClock::new();
    let server = server(&clock).await;
    let client = client_by(&server, &clock);
    let request = TriggerRun::agent("checker").with_message("List what is wrong");
    client
        .run_json::<Vec<Finding>>(request)
        .schema()
        .await
        .unwrap_err();
    let [first, second] = &messages(&server)[..] else {
        panic!("{:?}", messages(&server));
    };
    assert!(
        first.starts_with("List what is wrong\n\nEnd your answer with one fenced code block"),
        "{first}"
    );
    assert!(
        second.starts_with("A program has to read your last answer"),
        "{second}"
    );
    for message in [first, second] {
        let schema = schema_in(message);
        assert_eq!(schema["type"], "array");
        let finding = &schema["$defs"]["Finding"];
        assert_eq!(
            finding["properties"]["model"]["description"],
            "The name of the dbt model."
        );
        assert_eq!(finding["required"], json!(["model"]));
    }
}

#[tokio::test]
async fn an_agent_without_a_message_gets_the_schema_alone_and_a_label_is_named() {
    let clock = VirtualClock::new();
    let server = server(&clock).await;
    let client = client_by(&server, &clock);
    let answer = client.run_json::<Vec<Finding>>(TriggerRun::agent("checker"));
    answer.schema().label("dinoai-findings").await.unwrap_err();
    let message = &messages(&server)[0];
    assert!(
        message.starts_with("End your answer with one fenced code block that begins with the line ```dinoai-findings and"),
        "{message}"
    );
    let session = session(&client);
    let blank = session.ask_json::<Vec<Finding>>(" ").schema().await;
    assert!(
        blank
            .unwrap_err()
            .to_string()
            .starts_with("message is blank")
    );
}
