//! A server that answers each path with the bytes that were given for it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::hostile::judge::runtime;

/// One server for all tests of this file, which writes what it is given, valid or not. Each
/// answer has a path of its own.
pub(crate) static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) served: Arc<Mutex<HashMap<String, Served>>>,
    pub(crate) next: AtomicUsize,
}

#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) behaviour: Arc<Behaviour>,
    pub(crate) requests: usize,
    /// The triggers and follow-ups among them.
    pub(crate) changes: usize,
}

pub(crate) enum Behaviour {
    /// Writes these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Writes a body until the client has had enough.
    Endless,
    /// Writes one byte at a time, more slowly than any client waits.
    DrippingHead,
    DrippingBody,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(Mutex::new(HashMap::new()));
        let answers = served.clone();
        std::thread::spawn(move || {
            runtime().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (connection, _) = listener.accept().await.unwrap();
                    let answers = answers.clone();
                    // A client that goes away is what some of these answers ask for.
                    tokio::spawn(async move { converse(connection, &answers).await.ok() });
                }
            });
        });
        Self {
            address,
            served,
            next: AtomicUsize::new(0),
        }
    }

    /// Takes an answer, and gives the path where it is found.
    pub(crate) fn serve(&self, behaviour: Behaviour) -> String {
        let path = format!("/{}", self.next.fetch_add(1, Ordering::Relaxed));
        let served = Served {
            behaviour: Arc::new(behaviour),
            requests: 0,
            changes: 0,
        };
        self.served.lock().unwrap().insert(path.clone(), served);
        path
    }

    pub(crate) fn requests(&self, path: &str) -> usize {
        self.served.lock().unwrap()[path].requests
    }

    pub(crate) fn changes(&self, path: &str) -> usize {
        self.served.lock().unwrap()[path].changes
    }
}

async fn converse(
    mut connection: TcpStream,
    answers: &Mutex<HashMap<String, Served>>,
) -> io::Result<()> {
    let request = read_request(&mut connection).await?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let behaviour = {
        let mut answers = answers.lock().unwrap();
        let served = answers.get_mut(path).unwrap();
        served.requests += 1;
        let is_change = ["mutation Trigger", "mutation Send"]
            .iter()
            .any(|change| request.contains(change));
        served.changes += usize::from(is_change);
        served.behaviour.clone()
    };
    match &*behaviour {
        Behaviour::Bytes(bytes) => connection.write_all(bytes).await?,
        Behaviour::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            connection.write_all(head).await?;
            let chunk = [&b"2000\r\n"[..], &[b' '; 0x2000], b"\r\n"].concat();
            loop {
                connection.write_all(&chunk).await?;
            }
        }
        Behaviour::DrippingHead => drip(&mut connection, b"HTTP/1.1 200 OK\r\nx: ").await?,
        Behaviour::DrippingBody => {
            drip(
                &mut connection,
                b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n",
            )
            .await?;
        }
    }
    connection.shutdown().await
}

async fn drip(connection: &mut TcpStream, start: &[u8]) -> io::Result<()> {
    connection.write_all(start).await?;
    loop {
        connection.write_all(b" ").await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads a request to its end: closing before would reset the connection.
async fn read_request(connection: &mut TcpStream) -> io::Result<String> {
    let mut request = vec![];
    loop {
        if connection.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Ok(text.into_owned());
        }
    }
}
