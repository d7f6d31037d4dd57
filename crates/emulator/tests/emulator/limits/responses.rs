//! A response takes a limited amount of memory, and so do all responses that nobody reads.

use std::fmt::Write;
use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Fault, Scenario};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::caller::{RUN, SEND, TRIGGER, call, client, post, response_to, trigger};

const TOO_LARGE: &str = "The response would take more than the 48 MiB of memory that the emulator has \
                         for one response: ask for less at a time.";

/// Starts a run with a message of 900 KB.
async fn large_run(emulator: &Emulator) -> String {
    let variables = json!({ "message": "m".repeat(900_000) });
    let response = call(emulator, TRIGGER, variables).await;
    response.root()["agentSessionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A query for the text of each message as often as this.
fn contents(times: usize) -> String {
    let mut fields = String::new();
    for number in 0..times {
        write!(fields, "a{number}: content ").unwrap();
    }
    format!(
        "query ($id: String!) {{ dinoaiAgentRun(agentSessionId: $id) {{ messages {{ {fields} }} }} }}"
    )
}

#[tokio::test]
async fn a_response_that_would_take_too_much_is_refused_before_it_is_made() {
    let emulator = Emulator::start().await.unwrap();
    let large = large_run(&emulator).await;
    let talk = trigger(&emulator, "a").await;
    for _ in 0..200 {
        let sent = json!({ "id": talk, "message": "m" });
        assert_eq!(call(&emulator, SEND, sent).await.root()["ok"], true);
    }
    let many = |field: &str, count: usize| {
        let fields = (0..count).map(|number| format!("a{number}: {field} "));
        fields.collect::<String>()
    };
    let of_messages = |fields: &str| {
        format!(
            "query ($id: String!) {{ dinoaiAgentRun(agentSessionId: $id) {{ messages {{ {fields} }} }} }}"
        )
    };
    let unknown = format!(
        "query ($id: String!) {{ {} }}",
        many("dinoaiAgentRun(agentSessionId: $id) { ok }", 100)
    );
    for (query, id) in [
        (contents(300), large.as_str()),
        (of_messages(&many("role", 2_000)), &talk),
        (of_messages(&many("__typename", 2_000)), &talk),
        (
            of_messages(&format!(
                "...F }} }} }} fragment F on DinoAiAgentMessage {{ ... {{ {} }} }} query Other {{ dinoaiAgentRun(agentSessionId: \"x\") {{ messages {{ role",
                many("__typename", 2_000)
            )),
            &talk,
        ),
        (
            of_messages(&format!("{}: role", "k".repeat(200_000))),
            &talk,
        ),
        (unknown, &"u".repeat(600_000)),
        (
            format!(
                "query ($id: String!) {{ __schema {{ types {{ fields {{ {} }} }} }} __typename @skip(if: false) dinoaiAgentRun(agentSessionId: $id) {{ ok }} }}",
                many("name", 9_000)
            ),
            &talk,
        ),
        (
            format!(
                "query ($id: String!) {{ __type(name: $id) {{ name }} __schema {{ types {{ fields {{ {} }} }} }} }}",
                many("__typename", 9_000)
            ),
            "Query",
        ),
    ] {
        let mut body = json!({ "query": query, "variables": { "id": id } });
        if query.contains("query Other") {
            body["query"] = query.replacen("query (", "query This(", 1).into();
            body["operationName"] = "This".into();
        }
        let response = response_to(post(&emulator).json(&body)).await;
        let asked = &query[..query.len().min(150)];
        assert_eq!(response.messages(), [TOO_LARGE], "{asked}");
        assert_eq!(response.body["data"], Value::Null);
        assert_eq!(response.status, 200);
    }
    // As much as there is memory for is sent whole.
    let response = call(&emulator, &contents(20), json!({ "id": large })).await;
    let message = &response.root()["messages"][0];
    assert_eq!(message.as_object().unwrap().len(), 20);
    assert_eq!(message["a19"].as_str().unwrap().len(), 900_000);
}

#[tokio::test]
async fn a_run_can_be_read_at_once_whatever_it_was_sent() {
    let emulator = Emulator::start().await.unwrap();
    let id = large_run(&emulator).await;
    for _ in 0..12 {
        let sent = json!({ "id": id, "message": "\"".repeat(400_000) });
        call(&emulator, SEND, sent).await;
    }
    let response = call(&emulator, RUN, json!({ "id": id })).await;
    let messages = response.root()["messages"].as_array().unwrap();
    assert_eq!(
        messages[0]["content"],
        "[dropped by the emulator: a text of 900000 bytes]"
    );
    assert_eq!(messages.last().unwrap()["content"], "\"".repeat(400_000));
    assert!(response.text.len() > 7 << 20, "{}", response.text.len());
}

/// An emulator with a run of so many messages.
async fn talkative(messages: usize) -> (Emulator, String) {
    let say = |scenario: Scenario, _| scenario.message("assistant", "m");
    let scenario = (0..messages).fold(Scenario::new(), say);
    let emulator = Emulator::builder().default_scenario(scenario);
    let emulator = emulator.start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    (emulator, id)
}

#[tokio::test]
async fn what_is_skipped_is_not_looked_at_for_each_message() {
    let (emulator, id) = talkative(20_000).await;
    let skipped = format!(
        "...@include(if: $no) {{ role }} ts @skip(if: $yes) {}",
        "...F @skip(if: true) ".repeat(10_000)
    );
    let query = format!(
        "query ($id: String!, $no: Boolean!, $yes: Boolean!) {{
            dinoaiAgentRun(agentSessionId: $id) {{ messages {{ {skipped} a: content }} none: messages {{ ts @skip(if: $yes) }} }}
        }}
        fragment F on DinoAiAgentMessage {{ role }}"
    );
    let begun = Instant::now();
    let variables = json!({ "id": id, "no": false, "yes": true });
    let response = call(&emulator, &query, variables).await;
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    let messages = response.root()["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 20_001);
    assert_eq!(messages[1], json!({ "a": "m" }));
    assert_eq!(response.root()["none"][1], json!({}));
}

#[tokio::test]
async fn selections_that_ask_for_the_same_count_for_each_message() {
    let (emulator, id) = talkative(20_000).await;
    let of_messages = |selections: &str| {
        format!(
            "query ($id: String!) {{ dinoaiAgentRun(agentSessionId: $id) {{ messages {{ {selections} ...F }} }} }}
            fragment F on DinoAiAgentMessage {{ role }}"
        )
    };
    for selections in [
        "...{role} ".repeat(600),
        "role ".repeat(300),
        "...{...{...{role}}} ".repeat(300),
    ] {
        let begun = Instant::now();
        let query = of_messages(&selections);
        let response = call(&emulator, &query, json!({ "id": id })).await;
        let took = begun.elapsed();
        assert_eq!(response.messages(), [TOO_LARGE], "{}", &selections[..20]);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let query = of_messages(&"...{role} ".repeat(10));
    let response = call(&emulator, &query, json!({ "id": id })).await;
    assert_eq!(
        response.root()["messages"].as_array().unwrap().len(),
        20_001
    );
}

/// Sends a request over a connection that takes in hardly anything.
async fn unread(emulator: &Emulator, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(emulator.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn posted(emulator: &Emulator, query: &str, id: &str) -> String {
    let path = emulator.endpoint().split_once("/api").unwrap().1;
    let body = json!({ "query": query, "variables": { "id": id } }).to_string();
    format!(
        "POST /api{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         X-API-KEY: {}\r\nX-API-SECRET: {}\r\nContent-Length: {}\r\n\r\n{body}",
        emulator.key(),
        emulator.secret(),
        body.len()
    )
}

/// Waits until as many requests have got a response, read or not.
async fn until_responded(emulator: &Emulator, count: usize) {
    let has_response = |request: &dinoai_emulator::Request| request.status != 0;
    while emulator
        .requests()
        .iter()
        .filter(|it| has_response(it))
        .count()
        < count
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn responses_that_nobody_reads_leave_room_for_no_further_large_one() {
    let emulator = Emulator::start().await.unwrap();
    let id = large_run(&emulator).await;
    emulator.clear_requests();
    // One that is held back by its fault counts, too, and so does one that drips.
    emulator
        .add_fault(Fault::slow_drip(Duration::from_secs(60)))
        .unwrap();
    emulator.add_fault(Fault::pass()).unwrap();
    emulator
        .add_fault(Fault::delay(Duration::from_secs(600)).after_execution())
        .unwrap();
    let request = posted(&emulator, &contents(8), &id);
    let mut stalled = Vec::new();
    for _ in 0..2 {
        stalled.push(unread(&emulator, &request).await);
        until_responded(&emulator, stalled.len()).await;
    }
    stalled.push(unread(&emulator, &request).await);
    while !emulator.requests().last().unwrap().executed {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = call(&emulator, &contents(8), json!({ "id": id })).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "1");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("take the 24 MiB"), "{detail}");
    let small = call(&emulator, "{ __typename }", json!({})).await;
    assert_eq!(small.status, 200, "small ones always leave");
    trigger(&emulator, "a").await;
    drop(stalled);
    loop {
        let response = call(&emulator, &contents(8), json!({ "id": id })).await;
        if response.status == 200 {
            assert_eq!(response.text.len() / 900_000, 8);
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A run that was sent 8 MB.
async fn long_run(emulator: &Emulator) -> String {
    let id = large_run(emulator).await;
    for _ in 0..8 {
        let sent = json!({ "id": id, "message": "m".repeat(900_000) });
        call(emulator, SEND, sent).await;
    }
    id
}

#[tokio::test]
async fn many_who_read_long_responses_at_once_get_them() {
    let emulator = Emulator::start().await.unwrap();
    let id = long_run(&emulator).await;
    let body = json!({ "query": RUN, "variables": { "id": id } });
    let reads = (0..12).map(|_| tokio::spawn(response_to(post(&emulator).json(&body))));
    for read in reads.collect::<Vec<_>>() {
        let response = read.await.unwrap();
        assert_eq!(response.status, 200, "{}", response.text);
        assert!(response.text.len() > 7 << 20, "{}", response.text.len());
    }
}

#[tokio::test]
async fn while_a_long_response_waits_others_leave() {
    let emulator = Emulator::start().await.unwrap();
    let long = long_run(&emulator).await;
    let variables = json!({ "message": "m".repeat(100_000) });
    let response = call(&emulator, TRIGGER, variables).await;
    let short = response.root()["agentSessionId"]
        .as_str()
        .unwrap()
        .to_owned();
    emulator.clear_requests();
    let mut stalled = Vec::new();
    for _ in 0..2 {
        stalled.push(unread(&emulator, &posted(&emulator, RUN, &long)).await);
        until_responded(&emulator, stalled.len()).await;
    }
    // A list that waits for the memory for a run of which each text stands in it twice.
    let mut list = unread(&emulator, LIST_RUNS).await;
    let mut begun = [0; 16];
    list.read_exact(&mut begun).await.unwrap();
    for _ in 0..3 {
        let response = call(&emulator, RUN, json!({ "id": short })).await;
        assert_eq!(response.status, 200, "{}", response.text);
    }
    // One more that leaves, one that waits, and others that wait to be made. Small ones do not.
    stalled.push(unread(&emulator, &posted(&emulator, RUN, &long)).await);
    let body = json!({ "query": RUN, "variables": { "id": long } });
    let begun = Instant::now();
    let waiting = (0..10).map(|_| tokio::spawn(response_to(post(&emulator).json(&body))));
    let waiting: Vec<_> = waiting.collect();
    while emulator.requests().len() < 2 + 3 + 1 + 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let small = trigger(&emulator, "a").await;
    let response = call(&emulator, RUN, json!({ "id": small })).await;
    assert_eq!(response.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    let requests = emulator.requests().into_iter();
    let executed = requests.filter(|it| it.executed && it.variables["id"] == long);
    assert_eq!(executed.count(), 4, "three have left, and one waits");
    for waiting in waiting {
        let response = waiting.await.unwrap();
        assert_eq!(response.status, 503);
    }
    let waited = begun.elapsed().as_secs();
    assert!((9..30).contains(&waited), "{waited}");
}

const LIST_RUNS: &str =
    "GET /control/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn lists_of_the_control_path_wait_for_their_readers() {
    let emulator = Emulator::start().await.unwrap();
    for _ in 0..10 {
        large_run(&emulator).await;
    }
    let mut stalled = Vec::new();
    for path in ["runs", "requests"] {
        for _ in 0..20 {
            let list = LIST_RUNS.replace("runs", path);
            stalled.push(unread(&emulator, &list).await);
        }
    }
    let list = |path: &str| {
        let list = client().get(format!("{}/{path}", emulator.control()));
        tokio::spawn(response_to(list))
    };
    let (runs, requests) = (list("runs"), list("requests"));
    // Others are served meanwhile, and these once there is memory.
    trigger(&emulator, "a").await;
    drop(stalled);
    let runs = runs.await.unwrap().body;
    assert!(runs.as_array().unwrap().len() >= 10);
    assert_eq!(runs[9]["message"].as_str().unwrap().len(), 900_000);
    let requests = requests.await.unwrap().body;
    assert!(requests.as_array().unwrap().len() >= 10);
    assert_eq!(requests[9]["variables"]["message"], runs[9]["message"]);
}

#[tokio::test]
async fn a_list_that_nobody_reads_has_the_room_for_what_its_scenario_says() {
    let scenario = Scenario::new().message("assistant", "m".repeat(11 << 20));
    let emulator = Emulator::builder().scenario("says-much", scenario);
    let emulator = emulator.start().await.unwrap();
    trigger(&emulator, "says-much").await;
    let mut stalled = Vec::new();
    for _ in 0..6 {
        let mut list = unread(&emulator, LIST_RUNS).await;
        let mut head = [0; 16];
        list.read_exact(&mut head).await.unwrap();
        stalled.push(list);
    }
    // Two have the 22 MiB that they need; the others have not come to the run.
    let id = large_run(&emulator).await;
    let refused = call(&emulator, &contents(6), json!({ "id": id })).await;
    assert_eq!(refused.status, 503);
    drop(stalled);
}

#[tokio::test]
async fn a_list_of_runs_ends_at_a_reset() {
    let emulator = Emulator::start().await.unwrap();
    for _ in 0..20 {
        large_run(&emulator).await;
    }
    let mut list = unread(&emulator, LIST_RUNS).await;
    let mut begun = [0; 1_000];
    list.read_exact(&mut begun).await.unwrap();
    emulator.reset();
    trigger(&emulator, "later").await;
    let mut rest = String::new();
    list.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("]\r\n0\r\n\r\n"));
    assert!(rest.len() < 19 * 2 * 900_000, "{}", rest.len());
    assert!(!rest.contains("later"));
}
