//! The thread that serves an emulator, the connections on it, and what all of its requests share
//! ([`Shared`]): its runs, its request log, its clock, its faults.
//!
//! An emulator runs on a thread of its own with a runtime of its own. It serves tests that are
//! asynchronous, blocking or run on a paused clock alike, and whatever it holds ends with it.
//!
//! [`listen`] takes the port, [`Server::start`] the thread; dropping the [`Server`] ends both.

use std::hint;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
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

use super::buffered_response::InFlight;
use super::guard::Guard;
use super::request_log::RequestLog;
use crate::backend::Schemas;
use crate::clock::Clock;
use crate::credentials::Workspaces;
use crate::error::Error;
use crate::fault::FaultPlan;
use crate::quirks::Quirks;
use crate::run::{Run, RunStore};

/// What the requests of one emulator share.
pub(crate) struct Shared {
    pub(crate) path: String,
    pub(crate) guard: Guard,
    pub(crate) workspaces: Workspaces,
    pub(crate) schemas: Schemas,
    pub(crate) runs: Mutex<RunStore>,
    pub(crate) request_log: RequestLog,
    pub(crate) clock: Clock,
    pub(crate) quirks: Arc<Quirks>,
    pub(crate) plan: FaultPlan,
    pub(crate) in_flight: InFlight,
    /// How many resets there have been. Read while a request is executed, so that a reset comes
    /// before or after all of that.
    pub(crate) resets: RwLock<u64>,
    /// Notified after each reset.
    pub(crate) was_reset: Arc<Notify>,
}

impl Shared {
    /// Brings back the state at the start: no run, no request, the faults and the clock of then.
    pub(crate) fn reset(&self) {
        let mut resets = self.resets.write().unwrap_or_else(PoisonError::into_inner);
        *resets += 1;
        self.clock.reset();
        self.plan.reset();
        self.request_log.clear();
        self.run_store().reset();
        self.was_reset.notify_one();
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn reported_runs(&self) -> Vec<Run> {
        let _not_resetting = self.not_resetting();
        let now = self.now();
        self.run_store().reports(now)
    }

    /// While this is held nothing is reset: the time that was read is that of the runs.
    pub(crate) fn not_resetting(&self) -> RwLockReadGuard<'_, u64> {
        self.resets.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn run_store(&self) -> MutexGuard<'_, RunStore> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Documents may nest as deep as the parser allows, and every level takes stack: a debug build
/// overflowed 1 MiB. Of this much only what is used is ever taken from the machine.
const STACK: usize = 64 << 20;

/// How long to wait when the system takes no further connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The TCP connection that a request came over.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) peer: IpAddr,
    /// Notified when the connection is to be reset.
    pub(crate) reset: Arc<Notify>,
}

/// A thread that serves until this is dropped.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(
        listener: StdListener,
        service: Router,
        was_reset: Arc<Notify>,
    ) -> Result<Self, Error> {
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let thread = thread::Builder::new()
            .name("dinoai-emulator".to_owned())
            .stack_size(STACK)
            .spawn(move || run(&runtime, listener, service, stopped, was_reset))
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

/// Serves until `stopped`. After each reset another thread takes over: what a thread keeps of freed
/// memory at hand, as glibc's do, lies all over the heap, and while it does the rest of that cannot
/// be given back to the system. It leaves with its thread.
fn run(
    runtime: &Runtime,
    listener: StdListener,
    service: Router,
    stopped: oneshot::Receiver<()>,
    was_reset: Arc<Notify>,
) {
    let listener = {
        let _within = runtime.enter();
        TcpListener::from_std(listener)
    };
    let Ok(listener) = listener else {
        return;
    };
    let mut serving = Serving {
        listener,
        service,
        stopped,
        was_reset,
        connections: JoinSet::new(),
        count: 0,
        awaits_last_close: false,
    };
    loop {
        let until = thread::scope(|scope| {
            let serve = || {
                give_back();
                runtime.block_on(serving.serve())
            };
            let builder = thread::Builder::new().name("dinoai-emulator".to_owned());
            let thread = builder.stack_size(STACK).spawn_scoped(scope, serve);
            thread.map(|thread| thread.join().unwrap_or(Until::Stopped))
        });
        // Without another thread this one serves; it keeps some memory.
        match until.unwrap_or_else(|_| runtime.block_on(serving.serve())) {
            Until::Reset => {}
            Until::Stopped => return,
        }
    }
}

/// Frees a block that is large enough for glibc to put its free pieces together, and to give back
/// what it then has.
fn give_back() {
    drop(hint::black_box(Vec::<u8>::with_capacity(100 << 10)));
}

/// Why a thread serves no more.
enum Until {
    Reset,
    Stopped,
}

/// What is served. The connections' tasks end with the set that holds them.
struct Serving {
    listener: TcpListener,
    service: Router,
    stopped: oneshot::Receiver<()>,
    was_reset: Arc<Notify>,
    connections: JoinSet<()>,
    count: u64,
    /// Since a reset there have been connections all the time.
    awaits_last_close: bool,
}

impl Serving {
    async fn serve(&mut self) -> Until {
        loop {
            tokio::select! {
                _ = &mut self.stopped => return Until::Stopped,
                () = self.was_reset.notified() => {
                    self.awaits_last_close = true;
                    return Until::Reset;
                }
                Some(_) = self.connections.join_next() => {
                    // What these took is free now, too.
                    if self.awaits_last_close && self.connections.is_empty() {
                        self.awaits_last_close = false;
                        return Until::Reset;
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        self.count += 1;
                        let connection = Connection {
                            number: self.count,
                            peer: peer.ip(),
                            reset: Arc::new(Notify::new()),
                        };
                        let service = self.service.clone();
                        self.connections.spawn(serve(stream, service, connection));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }
}

async fn serve(stream: TcpStream, service: Router, connection: Connection) {
    // Without it a delay of up to 40 ms could stand between a response's head and its body.
    let _ = stream.set_nodelay(true);
    let reset = Arc::clone(&connection.reset);
    let service = TowerToHyperService::new(service.layer(Extension(connection)));
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error here is the client's: it went away, or it did not speak HTTP, which its response says.
        _ = &mut served => {}
        () = reset.notified() => {
            let stream = served.into_parts().io.into_inner();
            // Closed without lingering, a socket sends RST instead of FIN.
            let _ = stream.set_zero_linger();
        }
    }
}
