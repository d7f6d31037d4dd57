//! What must hold for a response, whatever status, headers and body it has.

use std::fmt::Debug;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::errors::{
    is_proven_where_nothing_started, is_retryable_by_the_table, keeps_the_id, shows_no_secret,
    shows_no_transcript,
};
use super::given::{AGENT, ASKED, Given, LIMIT, TRANSPORT, Whole};
use super::json::Json;
use super::own_documents::own;
use super::proofs::{Said, Sent};
use crate::error::{Error, FailedCall};
use crate::model::{Accepted, Run, SessionId};
use crate::operations::documents::{
    DinoaiAgentRun, DinoaiAgentRunDigest, DinoaiAgentRunStatus, DinoaiAgentRunSteps,
    ListWorkspaces, SendDinoaiAgentMessage, StopDinoaiAgentRun, TriggerDinoaiAgentRun,
    TriggerDinoaiAgentRunWithOptions,
};
use crate::operations::status_batch::{Reading, StatusBatch, examined_batch, read_batch};
use crate::transport::{Operation, Response, ResponseContext, Safety};

/// Checks a response, written as HTTP writes it, but for the first line, which has the operation
/// and the status: `trigger 200`. Anything else is no response and passes.
pub fn response(input: &[u8]) {
    let Some(given) = Given::of(input) else {
        return;
    };
    match given.operation.as_str() {
        "trigger" => started::<TriggerDinoaiAgentRun>(&given, None, Some(AGENT)),
        "trigger-with-options" => {
            started::<TriggerDinoaiAgentRunWithOptions>(&given, None, Some(AGENT));
        }
        "send" => started::<SendDinoaiAgentMessage>(&given, Some(ASKED), None),
        "run" => {
            if let Ok(run) = read::<DinoaiAgentRun>(&given) {
                reads_back(&run);
            }
        }
        "status" => drop(read::<DinoaiAgentRunStatus>(&given)),
        "digest" => drop(read::<DinoaiAgentRunDigest>(&given)),
        "steps" => drop(read::<DinoaiAgentRunSteps>(&given)),
        "stop" => drop(read::<StopDinoaiAgentRun>(&given)),
        "workspaces" => {
            let answer = read::<ListWorkspaces>(&given);
            assert!(!matches!(answer, Err(Error::NotFound { .. })));
        }
        "statuses" => statuses(&given),
        "query" => own(&given, Safety::Read),
        "idempotent-mutation" => own(&given, Safety::Idempotent),
        "mutation" => own(&given, Safety::Never),
        _ => {}
    }
}

fn started<O: Operation<Output = Accepted>>(
    given: &Given,
    asked: Option<&str>,
    agent: Option<&str>,
) {
    let answer = given.answer::<O>(asked, agent);
    always::<O>(given, asked, agent, &answer);
    let (body, _) = given.unpacked();
    let said = Said::of(&body);
    let id = match &answer {
        Ok(accepted) => Some(&accepted.session_id),
        Err(error) => error.session_id(),
    };
    keeps_the_id(&said, asked, id.map(SessionId::as_str));
    if let (Ok(accepted), Some(envelope)) = (&answer, said.envelope()) {
        // The value's own id, and no other one of the same response.
        let values = envelope.values(O::INFO.root.unwrap_or_default());
        let own = values.iter().flat_map(|value| value.all("agentSessionId"));
        let mut own = own.filter_map(Json::text);
        assert!(
            own.any(|own| own == accepted.session_id.as_str()),
            "{accepted:?}"
        );
    }
    let sent = Sent {
        root: O::INFO.root.unwrap_or_default(),
        agent,
        starts_a_run: asked.is_none(),
    };
    if let Err(error) = answer {
        is_proven_where_nothing_started(given, &said, &sent, &error);
    }
}

fn read<O: Operation>(given: &Given) -> Result<O::Output, Error>
where
    O::Output: Debug,
{
    let answer = given.answer::<O>(Some(ASKED), None);
    always::<O>(given, Some(ASKED), None, &answer);
    if let Err(error) = &answer {
        assert_eq!(error.session_id().map(SessionId::as_str), Some(ASKED));
        assert!(!error.may_have_started(), "{error:?}");
        is_retryable_by_the_table(given, error);
        shows_no_transcript(given, error);
    }
    answer
}

/// What holds for every operation.
fn always<O: Operation>(
    given: &Given,
    asked: Option<&str>,
    agent: Option<&str>,
    answer: &Result<O::Output, Error>,
) where
    O::Output: Debug,
{
    let again = given.answer::<O>(asked, agent);
    assert_eq!(format!("{answer:?}"), format!("{again:?}"));
    let examined = given.examined::<O>(asked, agent);
    assert_eq!(format!("{answer:?}"), format!("{examined:?}"));
    if let Err(error) = answer {
        shows_no_secret(error);
    }
    let (body, whole) = given.unpacked();
    let is_refused =
        O::INFO.safety != Safety::Never && [401, 403, 429].contains(&given.status.as_u16());
    let Ok(Strict { data, .. }) = serde_json::from_slice(&body) else {
        return;
    };
    // serde takes arrays for the fields in their order.
    let is_array = body.trim_ascii_start().starts_with(b"[") || data.get().starts_with('[');
    if whole != Whole::Yes || is_refused || is_array {
        return;
    }
    let Ok(data) = serde_json::from_str::<O::ResponseData>(data.get()) else {
        return;
    };
    let Ok(expected) = O::output(data) else {
        assert!(answer.is_err(), "{answer:?}");
        return;
    };
    let is_another = O::session_id(&expected).is_some_and(|id| Some(id.as_str()) != asked);
    match is_another {
        true => assert!(matches!(answer, Err(Error::Decode { .. })), "{answer:?}"),
        false => assert_eq!(
            format!("{:?}", answer.as_ref().map_err(ToString::to_string)),
            format!("{:?}", Ok::<_, String>(expected)),
        ),
    }
}

/// An envelope without errors whose data is what the schema says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default, rename = "extensions")]
    _extensions: serde::de::IgnoredAny,
}

/// A run that was read is the same after it was written as the API writes it.
fn reads_back(run: &Run) {
    let mut root = serde_json::to_value(run).unwrap();
    root["ok"] = json!(true);
    let body = json!({ "data": { "dinoaiAgentRun": root } });
    let given = Given {
        operation: "run".to_owned(),
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: body.to_string().into_bytes(),
    };
    // Escapes make it longer.
    if given.body.len() <= LIMIT {
        assert_eq!(
            &given.answer::<DinoaiAgentRun>(Some(ASKED), None).unwrap(),
            run
        );
    }
}

type ReadBatch = fn(
    &Response,
    &FailedCall,
    &[SessionId],
    &ResponseContext,
) -> Result<Vec<Result<Reading, Error>>, Error>;

fn statuses(given: &Given) {
    let ids = [ASKED, "second", "third"].map(|id| SessionId::new(id).unwrap());
    let answer = |read: ReadBatch| {
        let (response, call) = given.arrive(None, &StatusBatch::INFO)?;
        read(&response, &call, &ids[..], TRANSPORT.context())
    };
    let read = answer(read_batch);
    for again in [read_batch as ReadBatch, examined_batch] {
        assert_eq!(format!("{read:?}"), format!("{:?}", answer(again)));
    }
    match read {
        Err(error) => {
            shows_no_secret(&error);
            assert!(!error.may_have_started());
            is_retryable_by_the_table(given, &error);
        }
        Ok(read) => {
            assert_eq!(read.len(), ids.len());
            for (read, id) in read.iter().zip(&ids) {
                if let Err(error) = read {
                    shows_no_secret(error);
                    assert_eq!(error.session_id(), Some(id));
                    assert!(!error.may_have_started());
                    is_retryable_by_the_table(given, error);
                }
            }
        }
    }
}

/// What was found.
#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(status: u16, body: &str) -> Error {
        let input = format!("trigger {status}\n\n{body}");
        let given = Given::of(input.as_bytes()).unwrap();
        given
            .answer::<TriggerDinoaiAgentRun>(None, Some(AGENT))
            .unwrap_err()
    }

    /// Bodies around each kind of data, as bytes: half a surrogate pair, or what is no UTF-8, can
    /// stand where nobody reads it.
    const AROUND: [(&[u8], &[u8]); 24] = [
        (b"{\"data\":", b"}"),
        (b" {\"data\":", b"}\n"),
        (b"{\"errors\":null,\"data\":", b"}"),
        (b"{\"errors\":[],\"data\":", b"}"),
        (b"{\"errors\":[null],\"data\":", b"}"),
        (b"{\"errors\":{},\"data\":", b"}"),
        (b"{\"errors\":\"\",\"data\":", b"}"),
        (b"{\"data\":", b",\"errors\":[{\"message\":\"m\"}]}"),
        (
            b"{\"data\":",
            b",\"errors\":[{\"message\":\"m\",\"path\":[\"dinoaiAgentRun\",\"steps\"]}]}",
        ),
        (
            b"{\"data\":",
            b",\"errors\":[{\"message\":\"m\",\"path\":[\"run1\"]}]}",
        ),
        (b"{\"data\":", b",\"errors\":[1}"),
        (b"{\"data\":", b",\"errors\":[],\"errors\":[]}"),
        (b"{\"data\":", b",\"data\":null}"),
        (b"{\"data\":null,\"data\":", b"}"),
        (
            b"{\"data\":",
            b",\"extensions\":{\"a\":\"\\ud83d\",\"a\":[1e999,\"\xff\"]}}",
        ),
        (b"{\"data\":", b",\"\\ud83d\":1}"),
        (b"{\"data\":", b",\"\xff\":1}"),
        (b"\xEF\xBB\xBF{\"data\":", b"}"),
        (b"{\"data\":", b""),
        (b"{\"data\":", b"}}"),
        (b"{\"data\":", b"} {}"),
        (b"[{\"data\":", b"}]"),
        (b"[", b"]"),
        (b"[", b",null]"),
    ];

    /// A value at a root, and at an alias of a batch.
    const VALUES: [&[u8]; 16] = [
        b"null",
        b"{}",
        b"[true,\"RUNNING\"]",
        b"{\"ok\":true,\"status\":\"RUNNING\"}",
        b"{\"ok\":false,\"status\":\"canaryKey0123\"}",
        b"{\"ok\":true,\"status\":null}",
        b"{\"ok\":\"true\",\"status\":\"RUNNING\"}",
        b"{\"ok\":true,\"status\":\"RUNNING\",\"status\":\"FAILED\"}",
        b"{\"ok\":true,\"status\":\"\\ud83d\"}",
        b"{\"ok\":true,\"status\":\"\xff\"}",
        b"{\"ok\":true,\"status\":\"RUNNING\",\"other\":\"\\ud83d\\u0041\xff\"}",
        b"{\"ok\":true,\"status\":\"RUNNING\",\"\xff\":{\"a\":1,\"a\":2}}",
        b"{\"\\u006fk\":true,\"status\":\"RUN\\u004eING\"}",
        b"{\"ok\":true,\"status\":\"COMPLETED\",\"agentSessionId\":\"xwzdneft6emspe0f\",\"messages\":[{\"ts\":1e3,\"role\":\"user\",\"content\":\"\"}],\"childSessionIds\":[\" \"],\"workspaceUid\":\"\"}",
        b"{\"ok\":true,\"status\":\"COMPLETED\",\"agentSessionId\":\"another\",\"messages\":[{\"ts\":1785,\"role\":\"user\",\"content\":\"\\ud83d\"}],\"childSessionIds\":[],\"workspaceUid\":\"\"}",
        b"{\"ok\":true,\"status\":\"COMPLETED\",\"agentSessionId\":\"xwzdneft6emspe0f\",\"messages\":[{\"ts\":\"1785\",\"role\":\"user\",\"content\":\"x\"}],\"childSessionIds\":null}",
    ];

    /// Data with a value in each of its places, which are the `?`.
    const DATA: [&[u8]; 13] = [
        b"?",
        b"[?]",
        b"{\"dinoaiAgentRun\":?}",
        b"{\"dinoaiAgentRun\":?,\"dinoaiAgentRun\":?}",
        b"{\"dinoaiAgentRun\":?,\"other\":?}",
        b"{\"stopDinoaiAgentRun\":?}",
        b"{\"run0\":?,\"run1\":?,\"run2\":?}",
        b"{\"run0\":?,\"run2\":?,\"run1\":?}",
        b"{\"run0\":?,\"run1\":?,\"run01\":?,\"run2\":?}",
        b"{\"run0\":?,\"run1\":?,\"run1\":null,\"run2\":?}",
        b"{\"run0\":?,\"run1\":?,\"run2\":?,\"run3\":?}",
        b"{\"run0\":?,\"run+1\":?,\"run2\":?}",
        b"{\"run0\":?,\"run\\u0031\":?}",
    ];

    /// Who reads data of this form.
    fn heads(data: &[u8]) -> &'static [&'static str] {
        match data.get(2) {
            Some(b'd') => &[
                "run 200",
                "digest 503",
                "status 200",
                "steps 200",
                "status 403",
                "query 200",
                "query 503",
            ],
            Some(b's') => &["stop 200"],
            _ => &["statuses 200", "statuses 503", "statuses 403", "status 200"],
        }
    }

    /// [`response`] compares what one strict pass gives with what a look at everything gives.
    #[test]
    fn a_strict_pass_gives_what_a_look_at_everything_gives() {
        for (before, after) in AROUND {
            for data in DATA {
                for value in VALUES {
                    let parts: Vec<_> = data.split(|byte| *byte == b'?').collect();
                    let body = [before, &parts.join(value), after].concat();
                    for head in heads(data) {
                        response(&[head.as_bytes(), b"\n\n", &body].concat());
                    }
                }
            }
        }
    }

    #[test]
    fn a_response_in_which_a_name_stands_twice_proves_nothing() {
        for (status, body) in [
            (
                400,
                r#"{"errors":[{"message":"m","path":["triggerDinoaiAgentRun"]}],"errors":[]}"#,
            ),
            (
                200,
                r#"{"errors":[{"message":"m","path":["triggerDinoaiAgentRun"],"path":null,"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}"#,
            ),
            (
                200,
                r#"{"data":{"triggerDinoaiAgentRun":{"ok":true,"ok":false,"status":"queued"}}}"#,
            ),
            (
                429,
                r#"{"data":{"triggerDinoaiAgentRun":{},"triggerDinoaiAgentRun":null}}"#,
            ),
        ] {
            let error = trigger(status, body);
            assert!(error.may_have_started(), "{body}: {error:?}");
        }
    }

    #[test]
    fn an_id_that_is_hidden_by_a_second_name_is_found() {
        for (status, body) in [
            (
                400,
                r#"{"data":{"triggerDinoaiAgentRun":{"ok":true,"agentSessionId":"a"}},"data":null}"#,
            ),
            (404, r#"{"agentSessionId":"a","agentSessionId":null}"#),
            (502, r#"{"agentSessionId":"a","agentSessionId":"#),
        ] {
            let error = trigger(status, body);
            assert_eq!(
                error.session_id().unwrap().as_str(),
                "a",
                "{body}: {error:?}"
            );
            assert!(error.may_have_started(), "{body}: {error:?}");
        }
    }

    #[test]
    fn a_value_beside_a_name_that_is_half_a_surrogate_pair_counts() {
        let input = concat!(
            "send 429\n\n",
            r#"{"data":{"sendDinoaiAgentMessage":{"ok":true,"agentSessionId":"xwzdneft6emspe0f","#,
            r#""status":"queued"},"\ud83d":1}}"#
        );
        let given = Given::of(input.as_bytes()).unwrap();
        let answer = given.answer::<SendDinoaiAgentMessage>(Some(ASKED), None);
        assert_eq!(answer.unwrap().session_id.as_str(), ASKED);
    }

    #[test]
    fn a_proof_is_what_was_said_and_not_what_is_shown_of_it() {
        let body = r#"{"errors":[{"message":"Cannot query field \"a/api/v1/canaryPath0123/graphql\" on type \"Run\"."}]}"#;
        let error = trigger(400, body);
        assert!(error.may_have_started(), "{error:?}");
        // A piece of the name that was sent is a secret, too.
        let input = concat!(
            "trigger 200\n\n",
            r#"{"data":null,"errors":[{"message":"No agent named canaryKey0123 was found","#,
            r#""path":["triggerDinoaiAgentRun"]}]}"#
        );
        let given = Given::of(input.as_bytes()).unwrap();
        let error = given.answer::<TriggerDinoaiAgentRun>(None, Some("canaryKey0123"));
        let error = error.unwrap_err();
        assert!(!error.may_have_started(), "{error:?}");
        shows_no_secret(&error);
    }

    #[test]
    fn data_beside_errors_is_kept_also_with_half_a_surrogate_pair() {
        let errors = r#""errors":[{"message":"m","path":["a","b"]}]"#;
        for (head, root) in [
            ("run 200", "dinoaiAgentRun"),
            ("stop 200", "stopDinoaiAgentRun"),
            ("trigger 200", "triggerDinoaiAgentRun"),
        ] {
            let input = format!(
                "{head}\n\n{{\"data\":{{\"{root}\":{{\"status\":\"x\\ud83d\"}}}},{errors}}}"
            );
            let given = Given::of(input.as_bytes()).unwrap();
            let error = match head {
                "run 200" => given
                    .answer::<DinoaiAgentRun>(Some(ASKED), None)
                    .unwrap_err(),
                "stop 200" => given
                    .answer::<StopDinoaiAgentRun>(Some(ASKED), None)
                    .unwrap_err(),
                _ => given
                    .answer::<TriggerDinoaiAgentRun>(None, None)
                    .unwrap_err(),
            };
            let Error::GraphQl { data, .. } = error else {
                panic!("{error:?}")
            };
            let status = json!({ root: { "status": "x\u{fffd}" } });
            assert_eq!(data, Some(status), "{head}");
        }
    }

    /// serde would take it for the fields in their order.
    #[test]
    fn data_that_is_an_array_is_no_value() {
        let input = b"status 200\n\n{\"data\":[{\"ok\":true,\"status\":\"COMPLETED\"}]}";
        let given = Given::of(input).unwrap();
        for read in [
            Given::answer::<DinoaiAgentRunStatus>,
            Given::examined::<DinoaiAgentRunStatus>,
        ] {
            let error = read(&given, Some(ASKED), None).unwrap_err();
            assert!(
                error.to_string().contains("data: it is no object"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_read_with_two_values_of_data_is_not_tried_again() {
        let input = b"status 200\n\n{\"data\":{},\"data\":null}";
        let given = Given::of(input).unwrap();
        let error = given.answer::<DinoaiAgentRunStatus>(Some(ASKED), None);
        assert!(matches!(error, Err(Error::Decode { .. })), "{error:?}");
    }
}
