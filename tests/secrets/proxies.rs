//! Requests to this machine are not sent through a proxy.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use dinoai::{Client, Credentials, Error, Retry, TriggerRun};

use crate::support::fault_server::{CANARY, FaultServer, SESSION, client};

/// The environment of a process cannot be changed from inside it without unsafe code, so these
/// tests run themselves again in a process of their own.
const IN_A_CHILD: &str = "DINOAI_TEST_ENDPOINT";

#[test]
fn a_proxy_from_the_environment_does_not_see_requests_to_this_machine() {
    if let Ok(endpoint) = std::env::var(IN_A_CHILD) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(async {
            let credentials = Credentials::key_and_secret(CANARY, CANARY);
            let client = Client::new(endpoint, credentials).unwrap();
            client.get_run(SESSION).await.unwrap();
            client.trigger_run(TriggerRun::agent("a")).await.unwrap();
        });
    }

    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(FaultServer::start([]));
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "proxies::a_proxy_from_the_environment_does_not_see_requests_to_this_machine",
        ])
        .env(IN_A_CHILD, server.endpoint())
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, &proxy_url)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.arrived(), 2);
    assert!(proxy.accept().is_err(), "the proxy was connected to");
}

/// Proves that the proxy of the test above would be used if it were not for loopback.
#[tokio::test]
async fn a_proxy_that_the_caller_sets_is_used_for_other_machines() {
    let asked = asked_of_a_proxy("https://api.example/graphql").await;
    assert!(asked.starts_with("CONNECT api.example:443"), "{asked}");
}

/// A name below `localhost` is whatever a resolver says, so it is a name like any other.
#[tokio::test]
async fn a_proxy_is_used_for_names_below_localhost_and_not_for_localhost() {
    let asked = asked_of_a_proxy("https://api.localhost/graphql").await;
    assert!(asked.starts_with("CONNECT api.localhost:443"), "{asked}");
    // No server listens at that port.
    assert_eq!(asked_of_a_proxy("https://localhost:9/graphql").await, "");
}

/// The start of what a proxy that the caller sets is asked for; empty where it is asked nothing.
async fn asked_of_a_proxy(endpoint: &str) -> String {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut start = [0; 64];
        let length = stream.read(&mut start).unwrap();
        String::from_utf8_lossy(&start[..length]).into_owned()
    });
    let (client, _) = client(endpoint, |builder| {
        builder.retry(Retry::none()).http_client(move |http| {
            let proxy = reqwest::Proxy::all(format!("http://{address}"));
            http.proxy(proxy.unwrap())
        })
    });
    let error = client.trigger_run(TriggerRun::agent("a")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    // Where nothing has come, this ends the thread.
    drop(TcpStream::connect(address));
    asked.join().unwrap()
}
