//! Hooks are called as soon as the API has accepted what was sent.

use std::sync::{Arc, Mutex};

use dinoai::{Accepted, SessionId};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::samples::request;

/// What hooks were called with, and how many requests the server had seen by then.
#[derive(Clone)]
struct Log {
    server: Arc<FaultServer>,
    calls: Arc<Mutex<Vec<(String, usize)>>>,
}

impl Log {
    fn new(server: &Arc<FaultServer>) -> Self {
        Self {
            server: server.clone(),
            calls: Arc::default(),
        }
    }

    fn started(&self) -> impl FnOnce(&SessionId) + Send + use<> {
        let log = self.clone();
        move |id| log.note(id)
    }

    fn accepted(&self) -> impl FnOnce(&Accepted) + Send + use<> {
        let log = self.clone();
        move |accepted| log.note(&accepted.session_id)
    }

    fn note(&self, id: &SessionId) {
        let seen = self.server.seen().len();
        self.calls.lock().unwrap().push((id.to_string(), seen));
    }

    fn take(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

async fn ended() -> Arc<FaultServer> {
    Arc::new(FaultServer::start([]).await)
}

#[tokio::test]
async fn a_started_run_is_named_before_it_is_polled() {
    let server = ended().await;
    let (client, _) = server.client();
    let log = Log::new(&server);
    let wait = client.trigger_run_and_wait(request());
    let wait = wait.on_accepted(log.accepted()).on_started(log.started());
    wait.await.unwrap();
    let named = (SESSION.to_owned(), 1);
    assert_eq!(log.take(), [named.clone(), named]);

    let before = server.seen().len();
    let watch = client.trigger_run_and_watch(request());
    let watch = watch.on_accepted(log.accepted()).on_started(log.started());
    let mut events = watch.events();
    assert_eq!(log.take(), []);
    events.next().await.unwrap().unwrap();
    let named = (SESSION.to_owned(), before + 1);
    assert_eq!(log.take(), [named.clone(), named]);
}

#[tokio::test]
async fn a_run_that_was_started_before_is_named_before_it_is_polled() {
    let server = ended().await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let log = Log::new(&server);
    session.wait().on_started(log.started()).await.unwrap();
    assert_eq!(log.take(), [(SESSION.to_owned(), 0)]);

    let before = server.seen().len();
    let watch = session.watch().on_accepted(log.accepted());
    let mut events = watch.on_started(log.started()).events();
    events.next().await.unwrap().unwrap();
    assert_eq!(log.take(), [(SESSION.to_owned(), before)]);
}

#[tokio::test]
async fn each_of_many_runs_is_named_with_its_place_before_it_is_polled() {
    let server = ended().await;
    let (client, _) = server.client();
    let (accepted, started) = (Log::new(&server), Log::new(&server));
    let (noted, named) = (accepted.clone(), started.clone());
    let mut results = client
        .run_all([request()], 1)
        .on_accepted(move |place, accepted| {
            assert_eq!(place, 0);
            noted.note(&accepted.session_id);
        })
        .on_started(move |_, id| named.note(id))
        .results();
    results.next().await.unwrap().1.unwrap();
    assert_eq!(accepted.take(), [(SESSION.to_owned(), 1)]);
    assert_eq!(started.take(), [(SESSION.to_owned(), 1)]);
}

#[tokio::test]
async fn a_follow_up_is_reported_before_its_turn_is_waited_for() {
    let server = ended().await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let log = Log::new(&server);
    let sends = |server: &FaultServer| {
        let operations = server.operations();
        let place = operations
            .iter()
            .rposition(|name| name == "SendDinoaiAgentMessage");
        place.unwrap() + 1
    };

    let mut events = session
        .send_and_watch("Go on.")
        .on_accepted(log.accepted())
        .events();
    events.next().await.unwrap().unwrap();
    assert_eq!(log.take(), [(SESSION.to_owned(), sends(&server))]);

    let session = client.session(SESSION).unwrap();
    let ask = session.ask("Go on.").on_accepted(log.accepted());
    // How the turn ends does not matter.
    drop(ask.await);
    assert_eq!(log.take(), [(SESSION.to_owned(), sends(&server))]);
}

#[tokio::test]
async fn what_is_refused_calls_no_hook() {
    let refusals = (0..2).map(|_| Reply::html(404));
    let server = Arc::new(FaultServer::start(refusals).await);
    let (client, _) = server.client();
    let log = Log::new(&server);
    let wait = client.trigger_run_and_wait(request());
    let wait = wait.on_accepted(log.accepted()).on_started(log.started());
    wait.await.unwrap_err();
    let watch = client.trigger_run_and_watch(request());
    let mut events = watch.on_started(log.started()).events();
    events.next().await.unwrap().unwrap_err();
    assert_eq!(log.take(), []);
}
