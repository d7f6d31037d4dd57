//! `dinoai doctor` says how far the way to the endpoint goes: its name, a proxy, a connection, TLS.

use std::process::Command;

use dinoai_emulator::Emulator;

use crate::support::answering::{
    Answer, answering, answering_by_tls, certificate, dinoai_at, nobody, saying,
};
use crate::support::program::{Done, bare};
use crate::support::report::{doctor, line};

/// The line of the endpoint, and what to do about it, where nothing else could be tested.
fn failed_at_the_endpoint(command: Command) -> (Done, String, String) {
    let done = doctor(command);
    assert_eq!(done.code(), 5, "{}{}", done.stdout, done.stderr);
    let endpoint = line(&done, "endpoint").to_owned();
    assert!(endpoint.starts_with("failed"), "{endpoint}");
    for name in ["credentials", "workspace", "read", "trigger"] {
        let line = line(&done, name);
        assert!(line.starts_with("not tested"), "{line}");
        assert!(line.ends_with("see endpoint"), "{line}");
    }
    let mut lines = done.stdout.lines();
    lines.find(|line| *line == endpoint);
    let fix = lines.next().unwrap_or_default().trim().to_owned();
    (done, endpoint, fix)
}

#[test]
fn where_nothing_listens_nothing_is_ok() {
    let address = nobody();
    let mut command = dinoai_at("http", address);
    command.env("PARADIME_API_ENDPOINT", format!("http://{address}/canary"));
    let (done, endpoint, fix) = failed_at_the_endpoint(command);
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    assert!(
        endpoint.contains(&format!("no connection to {address}")),
        "{endpoint}"
    );
    assert!(fix.contains("PARADIME_API_ENDPOINT"), "{fix}");
    let is_ok = |line: &str| line.starts_with("ok");
    assert!(!done.stdout.lines().any(is_ok), "{}", done.stdout);
}

#[test]
fn what_answers_and_is_not_the_api_is_no_endpoint() {
    let redirect = Answer {
        status: "302 Found",
        headers: "Location: https://elsewhere.example/\r\n",
        body: String::new(),
    };
    // What is not GraphQL is asked nothing more.
    for (words, rows, answer) in [
        ("HTTP 404", 0, Answer::page("404 Not Found")),
        ("HTTP 400", 0, Answer::page("400 Bad Request")),
        ("HTTP 302", 0, redirect),
        ("HTTP 200", 0, Answer::page("200 OK")),
        (
            "neither errors nor a value",
            9,
            Answer::json("200 OK", r#"{"data":null}"#),
        ),
    ] {
        let address = answering(move |_| answer.clone());
        let (done, endpoint, fix) = failed_at_the_endpoint(dinoai_at("http", address));
        assert!(
            endpoint.contains("connected to 127.0.0.1") && endpoint.contains(words),
            "{endpoint}"
        );
        assert!(fix.contains("PARADIME_API_ENDPOINT"), "{fix}");
        let not_checked = done.stdout.matches("\nnot checked").count();
        assert_eq!(not_checked, rows, "{}", done.stdout);
        // What is wrong is said once.
        assert_eq!(done.stdout.matches(words).count(), 1, "{}", done.stdout);
        assert!(line(&done, "schema").ends_with("see endpoint"));
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_named_with_what_to_do() {
    let address = answering_by_tls(|_| Answer::page("404 Not Found"));
    let (_, endpoint, fix) = failed_at_the_endpoint(dinoai_at("https", address));
    assert!(
        endpoint.contains("connected to 127.0.0.1") && endpoint.contains("certificate was refused"),
        "{endpoint}"
    );
    assert!(!endpoint.contains("is trusted"), "{endpoint}");
    assert!(fix.contains("clock") && fix.contains("issuer"), "{fix}");
}

#[test]
fn a_certificate_that_is_trusted_is_said_to_be() {
    let address = answering_by_tls(|_| Answer::json("200 OK", r#"{"data":{}}"#));
    let mut command = dinoai_at("https", address);
    command.env("SSL_CERT_FILE", certificate("valid"));
    let done = doctor(command);
    let endpoint = line(&done, "endpoint");
    assert!(
        endpoint.starts_with("ok") && endpoint.ends_with("TLS with a certificate that is trusted"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_port_that_does_not_speak_tls_is_named() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let other = saying(b"220 mail.example\r\n");
    for address in [emulator.address(), other] {
        let (_, endpoint, fix) = failed_at_the_endpoint(dinoai_at("https", address));
        assert!(
            endpoint.ends_with("the port does not speak TLS"),
            "{endpoint}"
        );
        assert!(fix.contains("http://") && fix.contains("port"), "{fix}");
    }
}

#[test]
fn a_proxy_that_is_used_is_named_and_one_that_is_not_is_left_out() {
    let proxy = format!("http://{}", nobody());
    let mut by_proxy = bare();
    by_proxy
        .env("PARADIME_API_ENDPOINT", "https://dinoai.invalid/graphql")
        .env("PARADIME_API_KEY", "key")
        .env("PARADIME_API_SECRET", "secret")
        .env("HTTPS_PROXY", &proxy);
    let (_, endpoint, fix) = failed_at_the_endpoint(by_proxy);
    assert!(
        endpoint.contains("through the proxy that HTTPS_PROXY names"),
        "{endpoint}"
    );
    assert!(fix.contains("proxy"), "{fix}");

    for names in [&["HTTP_PROXY"][..], &["ALL_PROXY", "NO_PROXY"]] {
        let mut local = dinoai_at("http", nobody());
        names.iter().for_each(|name| {
            local.env(name, &proxy);
        });
        let (_, endpoint, _) = failed_at_the_endpoint(local);
        assert!(!endpoint.contains("through the proxy"), "{endpoint}");
    }
}
