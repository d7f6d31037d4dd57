//! [`Proxy`]: stands before a server, counts what the client sends, and keeps it back when told to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

#[derive(Clone)]
pub(crate) struct Proxy {
    state: Arc<State>,
    port: u16,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    /// What the client waits for an answer to: the messages Sync and Query.
    requests: AtomicUsize,
    /// Messages that give a statement a name.
    named: AtomicUsize,
    keeps_back: AtomicBool,
    was_kept_back: Notify,
    is_delayed: watch::Sender<bool>,
    cut: Notify,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        let its = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                its.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(pass_on(client, port, its.clone()));
            }
        });
        Self { state, port: own }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        super::server::url(self.port, database, "sslmode=disable")
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many round trips there were, those of connecting aside.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn named_statements(&self) -> usize {
        self.state.named.load(Ordering::SeqCst)
    }

    /// Lets nothing of what clients send reach the server any more.
    pub(crate) fn keep_back(&self) {
        self.state.keeps_back.store(true, Ordering::SeqCst);
    }

    pub(crate) fn let_pass(&self) {
        self.state.keeps_back.store(false, Ordering::SeqCst);
    }

    /// Lets what clients send wait, or not any more.
    pub(crate) fn delay(&self, is_delayed: bool) {
        self.state.is_delayed.send_replace(is_delayed);
    }

    /// Waits until something was kept back, or waits.
    pub(crate) async fn was_kept_back(&self) {
        let kept = self.state.was_kept_back.notified();
        let waited = timeout(Duration::from_secs(20), kept).await;
        waited.expect("the client sends nothing");
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        self.state.cut.notify_waiters();
    }
}

async fn pass_on(client: TcpStream, port: u16, state: Arc<State>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let answers = async move { tokio::io::copy(&mut from_server, &mut to_client).await };
    tokio::select! {
        _ = messages(from_client, to_server, &state) => {}
        _ = answers => {}
        () = state.cut.notified() => {}
    }
}

/// Passes on a client's messages, one by one.
async fn messages(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    state: &State,
) -> std::io::Result<()> {
    let mut is_first = true;
    loop {
        // The first message has no type.
        let mut message = vec![0; if is_first { 4 } else { 5 }];
        client.read_exact(&mut message).await?;
        let start = message.len() - 4;
        let length = u32::from_be_bytes(message[start..].try_into().unwrap()) as usize;
        let read = message.len();
        message.resize(read + length - 4, 0);
        client.read_exact(&mut message[read..]).await?;
        if !is_first {
            let is_request = matches!(message[0], b'S' | b'Q');
            let requests = usize::from(is_request);
            state.requests.fetch_add(requests, Ordering::SeqCst);
            let is_named = message[0] == b'P' && message[5] != 0;
            state
                .named
                .fetch_add(usize::from(is_named), Ordering::SeqCst);
        }
        is_first = false;
        if state.keeps_back.load(Ordering::SeqCst) {
            state.was_kept_back.notify_one();
            continue;
        }
        if *state.is_delayed.borrow() {
            state.was_kept_back.notify_one();
            let mut is_delayed = state.is_delayed.subscribe();
            let _ = is_delayed.wait_for(|is_delayed| !is_delayed).await;
        }
        server.write_all(&message).await?;
    }
}
