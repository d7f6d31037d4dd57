//! An error about the document or its variables proves that nothing was carried out.

use dinoai::Error;
use serde_json::json;

use crate::starting::change::{Bench, Change, GAVE_UP, Wrong};
use crate::support::fault_server::Reply;

/// What graphql-js says of a document or of its variables before it executes anything;
/// graphql-core says the same in single quotes.
const ABOUT_THE_DOCUMENT: [&str; 28] = [
    r#"Syntax Error: Expected Name, found ")"."#,
    r#"Syntax Error: Expected Name, found <EOF>."#,
    r#"Syntax Error: Unexpected Name "mutatio"."#,
    r#"Syntax Error: Unterminated string."#,
    r#"Cannot query field "warning" on type "TriggerDinoAiAgentRun"."#,
    r#"Cannot query field "statu" on type "TriggerDinoAiAgentRun". Did you mean "status"?"#,
    r#"Cannot query field "statu" on type "Run". Did you mean "status" or "state"?"#,
    r#"Unknown argument "baseBranch" on field "Mutation.triggerDinoaiAgentRun"."#,
    r#"Unknown argument "agen" on field "Mutation.triggerDinoaiAgentRun". Did you mean "agent"?"#,
    r#"Unknown argument "unless" on directive "@skip"."#,
    r#"Unknown type "DinoAiAgentSlackInput"."#,
    r#"Unknown fragment "TriggeredRun"."#,
    r#"Unknown directive "@defer"."#,
    r#"Unknown operation named "TriggerDinoaiAgentRun"."#,
    r#"Must provide an operation."#,
    r#"Must provide operation name if query contains multiple operations."#,
    r#"Schema is not configured for mutations."#,
    r#"Schema is not configured to execute mutation operation."#,
    r#"Variable "$agent" is not defined by operation "TriggerDinoaiAgentRun"."#,
    r#"Variable "$slack" is never used in operation "TriggerDinoaiAgentRun"."#,
    r#"Variable "$slack" of type "SlackInput" used in position expecting type "SlackInput!"."#,
    r#"Variable "$slack" cannot be non-input type "DinoAiAgentRun"."#,
    r#"Variable "$message" of required type "String!" was not provided."#,
    r#"Variable "$message" of non-null type "String!" must not be null."#,
    r#"Variable "$message" got invalid value 7; String cannot represent a non string value: 7"#,
    r#"Field "triggerDinoaiAgentRun" argument "agent" of type "String!" is required, but it was not provided."#,
    r#"Field "status" must not have a selection since type "String!" has no subfields."#,
    r#"Fragment "TriggeredRun" cannot be spread here as objects of type "A" can never be of type "B"."#,
];

#[tokio::test]
async fn a_message_about_the_document_is_proof_in_either_kind_of_quotes() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in ABOUT_THE_DOCUMENT {
        for message in [message.to_owned(), message.replace('"', "'")] {
            let error = json!({ "message": message, "locations": [{ "line": 1, "column": 2 }] });
            for (status, body) in [
                (200, json!({ "errors": [error] })),
                (400, json!({ "errors": [error] })),
                (422, json!({ "data": null, "errors": [error] })),
            ] {
                for change in Change::ALL {
                    let answered = bench.answer(change, Reply::json(status, &body)).await;
                    let is_unknown_name = message.starts_with("Cannot query field")
                        || message.starts_with("Unknown argument");
                    let is_right = is_unknown_name
                        == matches!(answered.result, Err(Error::Unsupported { .. }));
                    let is_right = is_right && answered.is_not_started();
                    wrong.unless(is_right, format_args!("{status}, {message}"), &answered);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_message_about_the_document_proves_nothing_where_something_was_begun() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in ABOUT_THE_DOCUMENT {
        let error = json!({ "message": message });
        for change in Change::ALL {
            for status in GAVE_UP {
                let reply = Reply::errors(status, &json!([error]));
                let answered = bench.answer(change, reply).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{message}, {status}"),
                    &answered,
                );
            }
            let value = json!({ "ok": true, "status": "queued" });
            for body in [
                json!({ "errors": [change.error(message)] }),
                json!({ "data": { change.field(): null }, "errors": [change.error(message)] }),
                json!({ "data": { change.field(): value }, "errors": [error] }),
                json!({ "errors": [error, { "message": "It broke." }] }),
            ] {
                let answered = bench.answer(change, Reply::json(200, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_only_resembles_one_about_the_document_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in [
        r#"Upstream: Cannot query field "warning" on type "TriggerDinoAiAgentRun"."#,
        r#"Cannot query field "warning" on type "Run". The run has been started without it."#,
        r#"Cannot query field "warning"#,
        r#"Cannot query field warning on type Run."#,
        r#"Cannot query field "the database" on type "read replica"."#,
        r#"Unknown argument "baseBranch" on field "x" was ignored."#,
        r#"Unknown argument "baseBranch"; the run "xwz" goes on."#,
        r#"Unknown type "a" while the run "b"."#,
        r#"Unknown fragment of the agent's file."#,
        r#"Unknown error."#,
        r#"Variable "$agent" took too long."#,
        r#"Variable "$agent" got lost on the way"#,
        r#"Field "status" could not be read in time."#,
        r#"Syntax Error in the agent's file"#,
        r#"The agent's file has a Syntax Error: Expected Name, found ")"."#,
        r#"Must provide an operation. The run was started."#,
        r#"String cannot represent value: { run }"#,
        "",
    ] {
        for change in Change::ALL {
            let errors = json!([{ "message": message }]);
            for status in [200, 400] {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{message}, {status}"),
                    &answered,
                );
            }
        }
    }
}
