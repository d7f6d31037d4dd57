//! A server whose answers are a function of the operation and its variables.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use dinoai::time::VirtualClock;
use dinoai::{Client, Credentials};
use serde_json::Value;

pub(crate) struct ScriptedServer {
    address: SocketAddr,
    scripted: Arc<Scripted>,
    serving: tokio::task::JoinHandle<()>,
}

type Script = dyn Fn(&str, &Value) -> Value + Send + Sync;

struct Scripted {
    script: Box<Script>,
    answers: Mutex<Vec<(String, usize)>>,
}

impl ScriptedServer {
    /// A server that answers with `script`, given an operation's name and its variables.
    pub(crate) async fn start(
        script: impl Fn(&str, &Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        let scripted = Arc::new(Scripted {
            script: Box::new(script),
            answers: Mutex::default(),
        });
        let app = Router::new()
            .route("/graphql", post(answer))
            .with_state(scripted.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            scripted,
            serving: tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder()
            .endpoint(format!("http://{}/graphql", self.address))
            .credentials(Credentials::key_and_secret("key", "secret"))
            .clock(VirtualClock::new())
            .build()
            .unwrap()
    }

    /// The operations that were answered, each with the length of its answer in bytes.
    pub(crate) fn answers(&self) -> Vec<(String, usize)> {
        self.scripted.answers.lock().unwrap().clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(scripted): State<Arc<Scripted>>, body: String) -> impl IntoResponse {
    let request: Value = serde_json::from_str(&body).unwrap();
    let operation = request["operationName"].as_str().unwrap().to_owned();
    let answer = (scripted.script)(&operation, &request["variables"]).to_string();
    scripted
        .answers
        .lock()
        .unwrap()
        .push((operation, answer.len()));
    ([(CONTENT_TYPE, "application/json")], answer)
}
