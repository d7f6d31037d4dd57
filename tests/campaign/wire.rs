//! [`Wire`]: a TCP proxy between a client and an emulator that fails as wires do, at random byte
//! positions: it resets, cuts, delays, drips, swallows answers, and refuses connections.
//!
//! What happens to a connection follows from the seed and the connection's number. Which call opens
//! which connection depends on the order in which calls meet.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::wire_failure::Failure;

/// How much of what a connection carried each way is kept, heads of requests aside.
const KEPT: usize = 2 * 1024;

/// What a connection has carried, and what happened to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// The first bytes of the first request's body that have arrived here.
    pub(crate) body: Vec<u8>,
    /// How far the empty line that ends a head has come in.
    head_end: usize,
    /// The first bytes of the response that were passed on.
    pub(crate) response: Vec<u8>,
    /// When the failure struck first, by the wire's time.
    pub(crate) failed: Option<(Failure, Duration)>,
    /// When it struck last: a connection that drips does so with each of its responses.
    pub(crate) failed_last: Duration,
    /// When the last byte of the server's was passed on.
    pub(crate) answered: Option<Duration>,
    pub(crate) is_over: bool,
    /// When the connection was made.
    opened: Duration,
}

impl Carried {
    fn note_request(&mut self, bytes: &[u8]) {
        const END: &[u8] = b"\r\n\r\n";
        let mut rest = bytes;
        while self.head_end < END.len() {
            let Some((byte, left)) = rest.split_first() else {
                return;
            };
            rest = left;
            self.head_end = match END.get(self.head_end) == Some(byte) {
                true => self.head_end + 1,
                false => usize::from(*byte == b'\r'),
            };
        }
        keep(&mut self.body, rest);
    }

    /// Whether the client has got what was passed on to it.
    pub(crate) fn has_delivered(&self) -> bool {
        self.failed.is_none_or(|(failure, _)| !failure.takes_back())
    }
}

/// A proxy on a port of its own.
pub(crate) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    target: SocketAddr,
    seed: u64,
    /// How many of a hundred connections fail.
    percent: u8,
    /// When time began.
    start: Instant,
    carried: Mutex<Vec<Carried>>,
}

impl Shared {
    fn carried(&self) -> MutexGuard<'_, Vec<Carried>> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, number: usize, change: impl FnOnce(&mut Carried)) {
        if let Some(carried) = self.carried().get_mut(number) {
            change(carried);
        }
    }
}

impl Wire {
    /// Starts a proxy on `runtime`; its time counts from `start`.
    pub(crate) fn start(
        runtime: &Handle,
        target: SocketAddr,
        seed: u64,
        percent: u8,
        start: Instant,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((target.ip(), 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            seed,
            percent,
            start,
            carried: Mutex::default(),
        });
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let task = runtime.spawn(serve(listener, shared.clone()));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything carried so far, in the order in which connections came.
    pub(crate) fn carried(&self) -> Vec<Carried> {
        self.shared.carried().clone()
    }

    /// Whether no trigger, follow-up or stop is on its way: connections over which reads go are
    /// kept open, and can stay.
    pub(crate) fn carries_no_change(&self) -> bool {
        let carried = self.shared.carried();
        let reads =
            |carried: &Carried| has(&carried.body, "\"query\":") && !has(&carried.body, "mutation");
        // One that was made and never used.
        let now = self.shared.start.elapsed();
        let is_unused = |carried: &Carried| {
            carried.body.is_empty() && carried.opened + Duration::from_secs(2) < now
        };
        carried
            .iter()
            .all(|carried| carried.is_over || reads(carried) || is_unused(carried))
    }
}

/// Whether a text stands in bytes.
pub(crate) fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|at| at == text.as_bytes())
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let number = {
            let mut carried = shared.carried();
            carried.push(Carried {
                opened: shared.start.elapsed(),
                ..Carried::default()
            });
            carried.len() - 1
        };
        let mut rng = Rng::with_seed(
            shared
                .seed
                .wrapping_add(number as u64)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        let failure = (rng.u8(0..100) < shared.percent).then(|| Failure::random(&mut rng));
        let shared = shared.clone();
        connections.spawn(async move {
            let line = Line {
                shared: &shared,
                number,
                failure,
            };
            // An error is an end of the line like any other.
            let _ = line.carry(client).await;
            shared.change(number, |carried| carried.is_over = true);
        });
    }
}

/// One connection.
struct Line<'a> {
    shared: &'a Shared,
    number: usize,
    failure: Option<Failure>,
}

impl Line<'_> {
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        if self.failure == Some(Failure::Refuse) {
            self.failed();
            return client.set_zero_linger();
        }
        let mut server = TcpStream::connect(self.shared.target).await?;
        server.set_nodelay(true)?;
        let (mut up, mut down) = (0, 0);
        let (mut from_client, mut from_server) = ([0; 16 * 1024], [0; 16 * 1024]);
        let (mut client_is_open, mut server_is_open) = (true, true);
        while client_is_open || server_is_open {
            let idle = match self.failure {
                Some(Failure::ResetIdle(pause)) if down > 0 => Some(pause),
                _ => None,
            };
            tokio::select! {
                () = tokio::time::sleep(idle.unwrap_or_default()), if idle.is_some() => {
                    self.failed();
                    return both_reset(&client, &server);
                }
                read = client.read(&mut from_client), if client_is_open => {
                    // A client that has gone leaves behind what it has sent.
                    let bytes = &from_client[..read.unwrap_or(0)];
                    if bytes.is_empty() {
                        client_is_open = false;
                        let _ = server.shutdown().await;
                        continue;
                    }
                    self.shared.change(self.number, |carried| carried.note_request(bytes));
                    let passed = self.pass_request(bytes, up, &mut server).await?;
                    up += bytes.len();
                    if !passed {
                        return both_reset(&client, &server);
                    }
                }
                read = server.read(&mut from_server), if server_is_open => {
                    let bytes = &from_server[..read.unwrap_or(0)];
                    if bytes.is_empty() {
                        server_is_open = false;
                        if !self.swallows() {
                            let _ = client.shutdown().await;
                        }
                        continue;
                    }
                    match self.pass_response(bytes, down, &mut client).await? {
                        Passed::On => {}
                        Passed::Cut => return Ok(()),
                        Passed::Reset => return both_reset(&client, &server),
                    }
                    down += bytes.len();
                }
            }
        }
        Ok(())
    }

    /// False: the connection is to be reset.
    async fn pass_request(
        &self,
        bytes: &[u8],
        at: usize,
        server: &mut TcpStream,
    ) -> io::Result<bool> {
        match self.failure {
            Some(Failure::ResetRequest(after)) if at + bytes.len() >= after => {
                self.failed();
                server.write_all(&bytes[..after.saturating_sub(at)]).await?;
                return Ok(false);
            }
            Some(Failure::SwallowRequest(after)) if at + bytes.len() >= after => {
                self.failed();
                server.write_all(&bytes[..after.saturating_sub(at)]).await?;
                return Ok(true);
            }
            Some(Failure::DelayRequest(pause)) if at == 0 => {
                self.failed();
                tokio::time::sleep(pause).await;
            }
            _ => {}
        }
        // The server may have gone: then there is an answer, or none.
        let _ = server.write_all(bytes).await;
        Ok(true)
    }

    async fn pass_response(
        &self,
        bytes: &[u8],
        at: usize,
        client: &mut TcpStream,
    ) -> io::Result<Passed> {
        match self.failure {
            Some(Failure::ResetResponse(after)) if at + bytes.len() >= after => {
                self.failed();
                self.write(&bytes[..after.saturating_sub(at)], client)
                    .await?;
                return Ok(Passed::Reset);
            }
            Some(Failure::CutResponse(after)) if at + bytes.len() >= after => {
                self.failed();
                self.write(&bytes[..after.saturating_sub(at)], client)
                    .await?;
                return Ok(Passed::Cut);
            }
            Some(Failure::SwallowResponse(after)) if at + bytes.len() >= after => {
                self.failed();
                self.write(&bytes[..after.saturating_sub(at)], client)
                    .await?;
                return Ok(Passed::On);
            }
            Some(Failure::DelayResponse(pause)) if at == 0 => {
                self.failed();
                tokio::time::sleep(pause).await;
            }
            Some(Failure::Drip(after)) if at + bytes.len() >= after => {
                self.failed();
                let (first, rest) = bytes.split_at(after.saturating_sub(at));
                self.write(first, client).await?;
                for byte in rest {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    self.write(std::slice::from_ref(byte), client).await?;
                }
                return Ok(Passed::On);
            }
            _ => {}
        }
        self.write(bytes, client).await?;
        Ok(Passed::On)
    }

    /// Fails if the client has gone: the rest of the response is for nobody.
    async fn write(&self, bytes: &[u8], client: &mut TcpStream) -> io::Result<()> {
        client.write_all(bytes).await?;
        let now = self.shared.start.elapsed();
        self.shared.change(self.number, |carried| {
            keep(&mut carried.response, bytes);
            carried.answered = Some(now);
        });
        Ok(())
    }

    fn swallows(&self) -> bool {
        matches!(
            self.failure,
            Some(Failure::SwallowResponse(_) | Failure::SwallowRequest(_))
        )
    }

    fn failed(&self) {
        let now = self.shared.start.elapsed();
        let failure = self.failure;
        self.shared.change(self.number, |carried| {
            if carried.failed.is_none() {
                carried.failed = failure.map(|failure| (failure, now));
            }
            carried.failed_last = now;
        });
    }
}

enum Passed {
    On,
    Cut,
    Reset,
}

fn both_reset(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    client.set_zero_linger()?;
    server.set_zero_linger()
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let left = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(left)]);
}
