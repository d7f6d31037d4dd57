//! No page of another site gets at the emulator, by whatever name; everybody may ask for its health.

use dinoai_emulator::{Emulator, Error, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::caller::{TRIGGER, call, client, response_to};

/// The status and the body of the response to a request that is sent as it stands here.
async fn sent(emulator: &Emulator, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").expect(&response);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The status and the detail of the response to a GET of this path with these lines in its head.
async fn got(emulator: &Emulator, path: &str, lines: &[&str]) -> (u16, String) {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
    let (status, body) = sent(emulator, &request).await;
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let detail = body["detail"].as_str().unwrap_or_default().to_owned();
    (status, detail)
}

const API: &str = "/api/v1/demo-company/graphql";
const PATHS: [&str; 5] = [API, "/control/runs", "/control/nothing", "/health", "/"];

#[tokio::test]
async fn a_foreign_host_gets_403_on_every_path_with_what_to_do() {
    let emulator = Emulator::builder()
        .fault(Fault::unavailable())
        .start()
        .await
        .unwrap();
    for host in [
        "evil.example:4000",
        "evil.example",
        "EVIL.example",
        "localhost.evil.example",
        "a.localhost",
        "127.0.0.1.evil.example",
        "localhosts",
        "emulator:4000",
    ] {
        for path in PATHS {
            let (status, detail) = got(&emulator, path, &[&format!("Host: {host}")]).await;
            assert_eq!(status, 403, "{host} {path}");
            let name = host.split(':').next().unwrap().to_lowercase();
            assert!(
                detail.contains(&format!("the host '{name}'")),
                "{host} {detail}"
            );
            assert!(
                detail.contains(&format!("--allow-host {name}")),
                "{host} {detail}"
            );
        }
    }
    for method in ["POST", "OPTIONS", "HEAD", "DELETE", "PUT"] {
        for path in PATHS {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\
                 Content-Length: 2\r\n\r\n{{}}"
            );
            assert_eq!(sent(&emulator, &request).await.0, 403, "{method} {path}");
        }
    }
    assert!(emulator.requests().is_empty(), "none is in the log");
    assert_eq!(emulator.faults().len(), 1, "none has used up a fault");
}

#[tokio::test]
async fn hosts_of_this_machine_and_addresses_are_served_on_any_port() {
    let emulator = Emulator::start().await.unwrap();
    for host in [
        "localhost",
        "localhost:5000",
        "LocalHost.",
        "localhost:",
        "127.0.0.1",
        "127.9.8.7:1",
        "[::1]:4000",
        "[::1]",
        "[::ffff:127.0.0.1]",
        // If a port is forwarded, this is how others reach it.
        "192.0.2.7:8080",
        "[2001:db8::1]",
    ] {
        let (status, _) = got(&emulator, "/health", &[&format!("Host: {host}")]).await;
        assert_eq!(status, 200, "{host}");
        let (status, _) = got(&emulator, API, &[&format!("Host: {host}")]).await;
        assert_eq!(status, 401, "{host}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_read_or_is_repeated_or_missing_gets_400() {
    let emulator = Emulator::start().await.unwrap();
    let long = format!("Host: {}", "a".repeat(10_000));
    for lines in [
        &["Host: user@localhost"][..],
        &["Host: localhost@evil.example"],
        &["Host: localhost", "Host: localhost"],
        &["Host: localhost", "Host: evil.example"],
        &["Host: localhost:80:80"],
        &["Host: localhost:port"],
        &["Host: localhost:+1"],
        &["Host: localhost:65536"],
        &["Host: [::1]x"],
        &["Host: [::1]4000"],
        &["Host: [::1"],
        &["Host: local host"],
        &["Host: http://localhost/"],
        &["Host: ,"],
        &["Host: $(reboot)"],
        &["Host: [evil]"],
        &["Host:"],
        &["Host: ."],
        &["Host: \u{e9}"],
        &[],
        &[&long],
    ] {
        for path in [API, "/control/runs", "/health"] {
            let (status, detail) = got(&emulator, path, lines).await;
            assert_eq!(status, 400, "{lines:?}");
            assert!(detail.contains("Host header"), "{lines:?} {detail}");
        }
    }
    let old = "GET /health HTTP/1.0\r\n\r\n";
    assert_eq!(sent(&emulator, old).await.0, 200, "HTTP/1.0 has none");
}

#[tokio::test]
async fn the_host_of_a_whole_url_counts_as_well() {
    let emulator = Emulator::start().await.unwrap();
    let status = async |url: &str, host: &str| got(&emulator, url, &[host]).await.0;
    assert_eq!(
        status("http://localhost:4000/health", "Host: localhost:4000").await,
        200
    );
    assert_eq!(
        status("http://evil.example/health", "Host: localhost").await,
        403
    );
    assert_eq!(
        status("http://localhost/health", "Host: evil.example").await,
        403
    );
    assert_eq!(
        status("http://a@localhost/control/runs", "Host: localhost").await,
        400
    );
}

#[tokio::test]
async fn pages_of_other_sites_get_403_whatever_they_ask() {
    let emulator = Emulator::builder()
        .fault(Fault::unavailable())
        .start()
        .await
        .unwrap();
    for line in [
        "Origin: http://evil.example",
        "Origin: https://evil.example:4000",
        "Origin: http://203.0.113.5",
        "Origin: http://localhost.evil.example",
        "Origin: null",
        "Origin: ",
        "Origin: nonsense",
        "Origin: chrome-extension://abcdefgh",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ] {
        for path in PATHS {
            let (status, detail) = got(&emulator, path, &["Host: localhost", line]).await;
            assert_eq!(status, 403, "{line} {path}");
            assert!(detail.contains("must not use this emulator"), "{detail}");
            // Any page can have the origin null: no response suggests to allow it.
            let is_site = line.contains("://");
            assert_eq!(detail.contains("--allow-host"), is_site, "{line}: {detail}");
        }
    }
    let two = &[
        "Host: localhost",
        "Origin: http://localhost",
        "Origin: http://evil.example",
    ];
    assert_eq!(got(&emulator, API, two).await.0, 403);
    assert!(emulator.requests().is_empty());
    assert_eq!(emulator.faults().len(), 1);
}

#[tokio::test]
async fn pages_of_this_machine_and_of_the_emulator_itself_are_served() {
    let emulator = Emulator::start().await.unwrap();
    for lines in [
        &["Host: localhost", "Origin: http://localhost:3000"][..],
        &["Host: 127.0.0.1:4000", "Origin: http://localhost"],
        &["Host: localhost", "Origin: http://[::1]:3000"],
        // A page of this machine, by its other name.
        &[
            "Host: localhost",
            "Origin: http://127.0.0.1",
            "Sec-Fetch-Site: cross-site",
        ],
        // If a port is forwarded, the browser's name of the emulator is another one.
        &["Host: 192.0.2.7:8080", "Origin: http://192.0.2.7:8080"],
        &["Host: localhost", "Sec-Fetch-Site: none"],
        &["Host: localhost", "Sec-Fetch-Site: same-origin"],
    ] {
        assert_eq!(got(&emulator, "/health", lines).await.0, 200, "{lines:?}");
    }
    let other = &["Host: 192.0.2.7:8080", "Origin: http://192.0.2.7:9090"];
    assert_eq!(got(&emulator, "/health", other).await.0, 403);
}

#[tokio::test]
async fn where_others_reach_it_the_names_of_containers_are_served() {
    let emulator = Emulator::builder()
        .host([0, 0, 0, 0].into())
        .start()
        .await
        .unwrap();
    let status = async |host: &str| got(&emulator, "/health", &[host]).await.0;
    assert_eq!(status("Host: emulator:4000").await, 200);
    assert_eq!(status("Host: my_service-1").await, 200);
    assert_eq!(status("Host: evil.example").await, 403);
}

#[tokio::test]
async fn a_host_that_is_allowed_is_served_and_so_are_its_pages() {
    let emulator = Emulator::builder()
        .allow_host("Host.Docker.internal.")
        .allow_host("192.0.2.7")
        .start()
        .await
        .unwrap();
    for lines in [
        &["Host: host.docker.internal:4000"][..],
        &["Host: HOST.docker.internal"],
        &[
            "Host: localhost",
            "Origin: http://host.docker.internal:3000",
        ],
        &["Host: localhost", "Origin: http://192.0.2.7"],
    ] {
        assert_eq!(got(&emulator, "/health", lines).await.0, 200, "{lines:?}");
    }
    let other = &["Host: docker.internal"];
    assert_eq!(got(&emulator, "/health", other).await.0, 403);
    for name in ["", "http://a", "a:4000", "a/b", "a b", "u@a"] {
        let refused = Emulator::builder().allow_host(name).start().await;
        let error = refused.unwrap_err();
        assert!(matches!(&error, Error::HostName(given) if given == name));
        assert!(error.to_string().contains("without scheme"), "{error}");
    }
}

#[tokio::test]
async fn health_is_asked_without_credentials_a_record_or_a_fault() {
    let emulator = Emulator::builder()
        .fault(Fault::unavailable())
        .start()
        .await
        .unwrap();
    let url = emulator.health();
    let response = response_to(client().get(&url)).await;
    assert_eq!(
        (response.status, response.body),
        (200, json!({ "status": "ok" }))
    );
    let response = response_to(client().head(&url)).await;
    assert_eq!((response.status, response.text.as_str()), (200, ""));
    let response = response_to(client().post(&url)).await;
    assert_eq!(
        (response.status, &response.headers["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
    assert!(emulator.requests().is_empty());
    assert_eq!(emulator.faults().len(), 1);
    assert_eq!(
        call(&emulator, TRIGGER, json!({ "agent": "a" }))
            .await
            .status,
        503
    );
}
