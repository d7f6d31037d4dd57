//! Odd statuses, cut texts and endless bodies start nothing twice and are read up to a limit.

use std::io::Write;
use std::time::{Duration, Instant};

use dinoai::{Error, Retry, TriggerRun};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::hostile::envelope::{envelope_with, envelope_without_errors, ok};
use crate::hostile::judge::client;
use crate::hostile::server::{Behaviour, SERVER};

/// HTTP has such a status treated as a 5xx (RFC 9110, section 15).
#[tokio::test]
async fn a_change_whose_answer_has_a_status_that_http_does_not_know_is_not_sent_again() {
    for status in ["600 Any", "999 Any"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let path = SERVER.serve(Behaviour::Bytes(answer.into_bytes()));
        let client = client(&path).build().unwrap();
        let trigger = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        assert_eq!(SERVER.changes(&path), 1, "{trigger:?}");
        assert!(trigger.may_have_started(), "{trigger:?}");
        let message = client.send_message("s", "m").await.unwrap_err();
        assert_eq!(SERVER.changes(&path), 2, "{message:?}");
        assert!(message.may_have_started(), "{message:?}");
    }
}

/// Null data with an error at a path: the trigger was executed, and failed somewhere.
#[tokio::test]
async fn a_trigger_whose_errors_cannot_be_read_whole_may_have_started_all_the_same() {
    for error in [
        r#"{"message":"m","path":["triggerDinoaiAgentRun"]}"#,
        r#"{"message":"cut in an emoji \ud83e","path":["triggerDinoaiAgentRun"]}"#,
        r#"{"message":"m","path":["triggerDinoaiAgentRun"],"extensions":{"cost":1e999}}"#,
        r#"{"message":"m","path":"triggerDinoaiAgentRun"}"#,
    ] {
        let answer = format!("{{\"data\":null,\"errors\":[{error}]}}");
        let path = SERVER.serve(Behaviour::Bytes(ok(answer.as_bytes())));
        let client = client(&path).build().unwrap();
        let trigger = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        assert!(trigger.may_have_started(), "{error}: {trigger:?}");
    }
}

#[tokio::test]
async fn a_text_that_the_server_cut_in_an_emoji_does_not_hide_the_run() {
    let cut = br#""cut in an emoji \ud83e""#;
    let body = envelope_with("/data/dinoaiAgentRun/messages/0/content", cut);
    let path = SERVER.serve(Behaviour::Bytes(ok(&body)));
    let client = client(&path).build().unwrap();
    let run = client.get_run("session").await.unwrap();
    assert!(run.messages[0].content.starts_with("cut in an emoji "));
}

#[tokio::test]
async fn an_error_message_does_not_speak_to_the_terminal() {
    let text = b"\"\\u001b[2J\\u0007\"";
    for place in ["/errors/0/message", "/errors/0/path/0", "/errors/0"] {
        let path = SERVER.serve(Behaviour::Bytes(ok(&envelope_with(place, text))));
        let error = client(&path)
            .build()
            .unwrap()
            .get_run("s")
            .await
            .unwrap_err();
        let message = error.to_string();
        assert!(
            !message.contains(['\u{1b}', '\u{7}']),
            "{place}: {message:?}"
        );
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_up_to_the_limit() {
    let path = SERVER.serve(Behaviour::Endless);
    let client = client(&path).response_limit(64 * 1024).build().unwrap();

    let read = client.get_run("s").await.unwrap_err();
    assert!(
        matches!(read, Error::ResponseTooLarge { limit: 65_536, .. }),
        "{read:?}"
    );
    let stop = client.stop_run("s").await.unwrap_err();
    assert!(matches!(stop, Error::ResponseTooLarge { .. }), "{stop:?}");
    let trigger = client
        .trigger_run(TriggerRun::agent("a"))
        .await
        .unwrap_err();
    assert!(
        matches!(trigger, Error::OutcomeUnknown { .. }),
        "{trigger:?}"
    );
    let message = client.send_message("s", "m").await.unwrap_err();
    assert!(
        matches!(message, Error::OutcomeUnknown { .. }),
        "{message:?}"
    );

    assert_eq!(SERVER.requests(&path), 4);
    assert!(!read.is_retryable() && !read.may_have_started());
    assert!(!trigger.is_retryable() && trigger.may_have_started());
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_read_up_to_the_limit() {
    let mut gzip = GzEncoder::new(vec![], Compression::best());
    gzip.write_all(&vec![b' '; 8 * 1024 * 1024]).unwrap();
    let packed = gzip.finish().unwrap();
    let limit = 1024 * 1024;
    assert!(packed.len() < limit / 10);
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
         content-length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    bytes.extend(packed);
    let path = SERVER.serve(Behaviour::Bytes(bytes));
    let client = client(&path).response_limit(limit).build().unwrap();

    let read = client.get_run("s").await.unwrap_err();
    assert!(matches!(read, Error::ResponseTooLarge { .. }), "{read:?}");
    let trigger = client
        .trigger_run(TriggerRun::agent("a"))
        .await
        .unwrap_err();
    assert!(
        matches!(trigger, Error::OutcomeUnknown { .. }),
        "{trigger:?}"
    );
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_read() {
    let body = envelope_without_errors().to_string();
    let path = SERVER.serve(Behaviour::Bytes(ok(body.as_bytes())));
    let at_limit = client(&path).response_limit(body.len()).build().unwrap();
    assert!(at_limit.get_run("session").await.is_ok());
    let below = client(&path)
        .response_limit(body.len() - 1)
        .build()
        .unwrap();
    let refused = below.get_run("s").await.unwrap_err();
    assert!(
        matches!(refused, Error::ResponseTooLarge { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_answer_that_drips_ends_with_the_request_timeout() {
    for behaviour in [Behaviour::DrippingHead, Behaviour::DrippingBody] {
        let path = SERVER.serve(behaviour);
        let client = client(&path)
            .retry(Retry::none())
            .request_timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        let start = Instant::now();
        let (read, trigger) = tokio::join!(
            client.get_run("s"),
            client.trigger_run(TriggerRun::agent("a")),
        );
        let (read, trigger) = (read.unwrap_err(), trigger.unwrap_err());
        assert!(matches!(read, Error::Transport { .. }), "{read:?}");
        assert!(
            matches!(trigger, Error::OutcomeUnknown { .. }),
            "{trigger:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
