//! What must hold of any call on any response.

use std::time::Duration;

use dinoai::time::VirtualClock;
use dinoai::{Client, ClientBuilder, Credentials, Error, TriggerRun};
use tokio::runtime::Runtime;

use crate::hostile::envelope::ok;
use crate::hostile::server::{Behaviour, SERVER};

/// No error message is longer, whatever the server wrote.
const LONGEST_MESSAGE: usize = 20_000;

/// The calls that a client can make.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Read,
    Stop,
    Trigger,
    TriggerWithOptions,
    FollowUp,
    Wait,
    TriggerAndWait,
}

impl Call {
    const ALL: [Self; 7] = [
        Self::Read,
        Self::Stop,
        Self::Trigger,
        Self::TriggerWithOptions,
        Self::FollowUp,
        Self::Wait,
        Self::TriggerAndWait,
    ];

    async fn make(self, client: &Client) -> Result<(), Error> {
        let trigger = TriggerRun::agent("agent").with_message("message");
        let timeout = Duration::from_secs(2);
        match self {
            Self::Read => client.get_run("session").await.map(drop),
            Self::Stop => client.stop_run("session").await.map(drop),
            Self::Trigger => client.trigger_run(trigger).await.map(drop),
            Self::TriggerWithOptions => {
                let trigger = trigger.with_model_family("family");
                client.trigger_run(trigger).await.map(drop)
            }
            Self::FollowUp => client.send_message("session", "text").await.map(drop),
            Self::Wait => {
                let session = client.session("session")?;
                session.wait().timeout(timeout).await.map(drop)
            }
            Self::TriggerAndWait => {
                let wait = client.trigger_run_and_wait(trigger).timeout(timeout);
                wait.await.map(drop)
            }
        }
    }
}

/// Gives each body to each call.
pub(crate) fn judge_bodies<Name: AsRef<str>>(bodies: &[(Name, Vec<u8>)]) {
    let mut flaws = vec![];
    for (name, body) in bodies {
        if let Err(flaw) = judge(ok(body)) {
            flaws.push(format!("{}: {flaw}", name.as_ref()));
        }
    }
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

/// Gives an answer to each call and checks what must hold for every answer.
pub(crate) fn judge(answer: Vec<u8>) -> Result<(), String> {
    let may_be_repeated = answer.starts_with(b"HTTP/1.1 429");
    let path = SERVER.serve(Behaviour::Bytes(answer));
    let client = client(&path).build().unwrap();
    let runtime = runtime();
    for call in Call::ALL {
        let changes_before = SERVER.changes(&path);
        let given = runtime.block_on(call.make(&client));
        let changes = SERVER.changes(&path) - changes_before;
        if changes > 1 && !may_be_repeated {
            return Err(format!("{call:?} was sent {changes} times: {given:?}"));
        }
        if let Err(flaw) = given.or_else(|error| judge_error(&error)) {
            return Err(format!("{call:?} {flaw}"));
        }
    }
    Ok(())
}

fn judge_error(error: &Error) -> Result<(), String> {
    if error.is_retryable() && error.may_have_started() {
        return Err(format!("contradicts itself: {error:?}"));
    }
    if format!("{error:?}").is_empty() {
        return Err("gave an error that Debug does not show".to_owned());
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let message = error.to_string();
        if message.is_empty() || message.len() > LONGEST_MESSAGE {
            let start: String = message.chars().take(150).collect();
            return Err(format!(
                "gave a message of {} bytes: {start}",
                message.len()
            ));
        }
        cause = error.source();
    }
    Ok(())
}

/// A client whose retries and polls take no time. There is one for each answer, since a client
/// has a budget of retries, and a spent one would hide a retry that must not be.
pub(crate) fn client(path: &str) -> ClientBuilder {
    Client::builder()
        .endpoint(format!("http://{}{path}", SERVER.address))
        .credentials(Credentials::key_and_secret("key", "secret"))
        .clock(VirtualClock::new())
        .request_timeout(Duration::from_secs(10))
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
