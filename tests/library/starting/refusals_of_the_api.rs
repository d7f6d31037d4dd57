//! The API's own refusal proves that nothing was carried out, if it is alone and names what was sent.

use Change::{Send, Trigger, TriggerWithOptions};
use dinoai::{Error, TriggerRun};
use serde_json::{Value, json};

use crate::starting::change::{AGENT, Bench, Change, ID, Wrong};
use crate::support::fault_server::{FaultServer, Reply};

#[tokio::test]
async fn not_ok_without_a_session_id_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for value in [
            json!({ "ok": false, "agentSessionId": "", "status": "rejected" }),
            json!({ "ok": false, "agentSessionId": null, "status": "rejected" }),
            json!({ "ok": false, "agentSessionId": " ", "status": "rejected" }),
            json!({ "ok": false, "status": "rejected" }),
            json!({ "ok": false, "agentSessionId": "", "status": null }),
        ] {
            let answered = bench
                .answer(change, Reply::json(200, &change.data(&value)))
                .await;
            let is_right = matches!(answered.result, Err(Error::NotAccepted { .. }));
            wrong.unless(
                answered.is_not_started() && is_right,
                format_args!("{value}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn not_ok_beside_a_session_id_proves_nothing_and_keeps_the_id() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        let value = json!({ "ok": false, "agentSessionId": ID, "status": "FAILED" });
        for status in [200, 400, 401, 403, 429, 503] {
            let reply = Reply::json(status, &change.data(&value));
            let answered = bench.answer(change, reply).await;
            wrong.unless(
                answered.has_kept_the_id(),
                format_args!("{status}, {value}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_value_that_says_neither_yes_nor_no_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::OURS {
        for value in [
            json!({}),
            json!({ "ok": null }),
            json!({ "ok": "no" }),
            json!({ "ok": 0 }),
            json!({ "status": "rejected" }),
            json!({ "ok": true, "agentSessionId": "", "status": "queued" }),
            json!({ "ok": true, "agentSessionId": 7, "status": "queued" }),
            json!("rejected"),
            json!(false),
            json!([]),
            json!(null),
        ] {
            if change == Send && value["ok"] == json!(true) {
                // Which run was meant is known, and `ok` is all that counts.
                continue;
            }
            let answered = bench
                .answer(change, Reply::json(200, &change.data(&value)))
                .await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{value}"),
                &answered,
            );
        }
    }
}

/// What the API says of an agent that it does not know, `NAME` being the one that was asked for.
const NO_SUCH_AGENT: [&str; 16] = [
    "No agent named NAME was found",
    "No agent named 'NAME' was found",
    "No agent named \"NAME\" was found",
    "No agent named NAME was found.",
    "No agent NAME was found",
    "No agent 'NAME' was found",
    "No DinoAI agent named NAME was found",
    "No DinoAI agent \"NAME\" was found",
    "Agent NAME was not found",
    "Agent 'NAME' was not found",
    "Agent NAME not found",
    "Agent \"NAME\" not found.",
    "Agent NAME does not exist",
    "Agent 'NAME' does not exist.",
    "Agent named NAME does not exist",
    "Agent named \"NAME\" was not found",
];

#[tokio::test]
async fn an_agent_that_the_api_does_not_know_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in NO_SUCH_AGENT {
        let message = message.replace("NAME", AGENT);
        for change in [Trigger, TriggerWithOptions] {
            let mut error = change.error(&message);
            for code in [None, Some("INTERNAL_SERVER_ERROR")] {
                if let Some(code) = code {
                    error["extensions"] = json!({ "code": code });
                }
                for (status, body) in [
                    (
                        200,
                        json!({ "data": { change.field(): null }, "errors": [error] }),
                    ),
                    (200, json!({ "data": null, "errors": [error] })),
                    (200, json!({ "errors": [error] })),
                    (404, json!({ "data": null, "errors": [error] })),
                ] {
                    let answered = bench.answer(change, Reply::json(status, &body)).await;
                    let is_told = answered.error().contains(AGENT);
                    wrong.unless(
                        answered.is_not_started() && is_told,
                        format_args!("{body}"),
                        &answered,
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_by_code_at_the_mutations_path_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in ["BAD_USER_INPUT", "NOT_FOUND", "AGENT_NOT_FOUND"] {
        for change in Change::OURS {
            let mut error = change.error("It was not to be.");
            error["extensions"] = json!({ "code": code });
            for (status, body) in [
                (
                    200,
                    json!({ "data": { change.field(): null }, "errors": [error] }),
                ),
                (200, json!({ "data": null, "errors": [error] })),
                (400, json!({ "errors": [error] })),
                (422, json!({ "data": null, "errors": [error] })),
            ] {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.is_not_started(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
            for status in [301, 500, 502, 503, 504] {
                let body = json!({ "data": null, "errors": [error] });
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn what_only_resembles_a_refusal_at_the_mutations_path_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for message in [
            "No agent named other was found",
            "No agent named nope-2 was found",
            "No agent named nope2 was found",
            "No agent named my-nope was found",
            "No agent named 'nope-2' was found",
            "No agent was found",
            "No agent named  was found",
            "No agent named nope answered in time",
            "No agent pod for nope was found",
            "No agent is free: nope was found, but waits",
            "The run has started, but: No agent named nope was found",
            "Timeout. Agent nope does not exist",
            "Agent nope was found, but its pod did not come up in time",
            "Agent nope is not found on the branch, so the default branch is used",
            "Agents: nope not found",
            "nope was not found",
            "not found",
        ] {
            let error = change.error(message);
            let body = json!({ "data": { change.field(): null }, "errors": [error] });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{message}"),
                &answered,
            );
        }
        for code in [
            "INTERNAL_SERVER_ERROR",
            "GATEWAY_TIMEOUT",
            "FORBIDDEN",
            "UNAUTHENTICATED",
            "SLACK_CHANNEL_NOT_FOUND",
            "bad_user_input",
        ] {
            let mut error = change.error("It was not to be.");
            error["extensions"] = json!({ "code": code });
            let body = json!({ "data": { change.field(): null }, "errors": [error] });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{code}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_proves_nothing_unless_it_is_alone_and_at_the_mutation_itself() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        let name = change.field();
        let refusal = |path: Value| {
            json!({
                "message": "No agent named nope was found",
                "path": path,
                "extensions": { "code": "NOT_FOUND" },
            })
        };
        let here = refusal(json!([name]));
        let value = json!({ "ok": true, "status": "queued" });
        for errors in [
            json!([here, here]),
            json!([here, { "message": "It broke." }]),
            json!([{ "message": "It broke." }, here]),
            json!([refusal(json!([name, "warning"]))]),
            json!([refusal(json!([name, "agentSessionId"]))]),
            json!([refusal(json!([name, 0]))]),
            json!([refusal(json!(["sendDinoaiAgentMessage"]))]),
            json!([refusal(json!([]))]),
            json!([refusal(Value::Null)]),
            json!([refusal(json!(name))]),
        ] {
            let body = json!({ "data": null, "errors": errors });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{body}"),
                &answered,
            );
        }
        let body = json!({ "data": { name: value }, "errors": [here] });
        let answered = bench.answer(change, Reply::json(200, &body)).await;
        wrong.unless(
            answered.may_have_started(),
            format_args!("{body}"),
            &answered,
        );
    }
}

#[tokio::test]
async fn a_refusal_at_a_path_that_cannot_be_read_whole_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let name = change.field();
        for path in [
            json!([name, null]),
            json!([name, -1]),
            json!([name, 1.5]),
            json!([name, {}]),
            json!([name, []]),
            json!([name, true]),
            json!([null, name]),
            json!([{}, name]),
        ] {
            let errors = json!([{
                "message": "No agent named nope was found",
                "path": path,
                "extensions": { "code": "NOT_FOUND" },
            }]);
            for body in [
                json!({ "data": null, "errors": errors }),
                json!({ "data": { name: null }, "errors": errors }),
                json!({ "errors": errors }),
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
async fn a_request_without_an_agent_is_not_refused_for_its_agents_name() {
    for message in [
        "No agent named nope was found",
        "No agent named  was found",
        "No agent  was found",
        "No agent named '' was found",
        "No agent named None was found",
    ] {
        let body = json!({ "data": null, "errors": [Trigger.error(message)] });
        let server = FaultServer::start([Reply::json(200, &body)]).await;
        let (client, _) = server.client();
        let request = TriggerRun::message("Which tests fail?");
        let error = client.trigger_run(request).await.unwrap_err();
        assert!(error.may_have_started(), "{message}: {error:?}");
        assert_eq!(server.arrived(), 1);
    }
}
