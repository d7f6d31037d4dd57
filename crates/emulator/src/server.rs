//! The thread that serves an emulator, and the connections on it.
//!
//! An emulator runs on a thread of its own with a runtime of its own. It serves tests that are
//! asynchronous, blocking or run on a paused clock alike, and whatever it holds ends with it.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::http::Connection;

/// Documents may nest as deep as the parser allows, and every level takes stack: a debug build
/// overflowed 1 MiB. Of this much only what is used is ever taken from the machine.
const STACK: usize = 64 << 20;

/// How long to wait when the system has no room for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A thread that serves until this is dropped.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(listener: StdListener, service: Router) -> Result<Self, Error> {
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let thread = thread::Builder::new()
            .name("dinoai-emulator".to_owned())
            .stack_size(STACK)
            .spawn(move || run(&runtime, listener, &service, stopped))
            .map_err(Error::Thread)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails only if the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Listens on a port of this address; 0 takes a free one.
pub(crate) fn listen(host: IpAddr, port: u16) -> io::Result<(StdListener, SocketAddr)> {
    let listener = StdListener::bind((host, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until told to stop. The connections' tasks end with the set that holds them.
fn run(
    runtime: &Runtime,
    listener: StdListener,
    service: &Router,
    mut stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let Ok(listener) = TcpListener::from_std(listener) else {
            return;
        };
        let mut connections = JoinSet::new();
        let mut count = 0;
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        count += 1;
                        let connection = Connection {
                            number: count,
                            peer: peer.ip(),
                            reset: Arc::new(Notify::new()),
                        };
                        connections.spawn(serve(stream, service.clone(), connection));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    });
}

async fn serve(stream: TcpStream, service: Router, connection: Connection) {
    // Without it a delay of up to 40 ms could stand between an answer's head and its body.
    let _ = stream.set_nodelay(true);
    let reset = Arc::clone(&connection.reset);
    let service = TowerToHyperService::new(service.layer(Extension(connection)));
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error here is the client's: it went away, or it did not speak HTTP and was told so.
        _ = &mut served => {}
        () = reset.notified() => {
            let stream = served.into_parts().io.into_inner();
            // Closed without lingering, a socket sends RST instead of FIN.
            let _ = stream.set_zero_linger();
        }
    }
}
