//! An HTTP server that costs little, for what is measured on the other side of it: threads and
//! sockets of the standard library, answers as a [`Script`] says, each counted.
//!
//! It answers in one write unless the answer is large, never packs, and keeps connections.

pub(crate) mod script;

use std::collections::BTreeMap;
use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use self::script::Script;

/// Bodies beyond this size are written apart from their heads, and not copied.
const ONE_WRITE: usize = 64 * 1024;

/// Both directions of a connection, plain or not.
pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// Makes of an accepted connection what is read and written.
type Wrap = dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync;

/// What came in with one operation, and what went out, heads included.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) requests: u64,
    /// How many runs were asked for: one for each alias.
    pub(crate) runs: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.runs += other.runs;
        self.received += other.received;
        self.sent += other.sent;
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.received + self.sent
    }
}

/// A server, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    scheme: &'static str,
}

struct Shared {
    script: Mutex<Script>,
    counts: Mutex<BTreeMap<String, Count>>,
    is_stopped: AtomicBool,
}

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        let wrap = |stream: TcpStream| -> Box<dyn Stream> { Box::new(stream) };
        Self::wrapped("http", script, Box::new(wrap))
    }

    pub(crate) fn wrapped(scheme: &'static str, script: Script, wrap: Box<Wrap>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            counts: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        });
        let serving = shared.clone();
        let wrap = Arc::new(wrap);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, wrap) = (serving.clone(), wrap.clone());
                thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    // A client that goes away ends its connection.
                    let _ = shared.serve(wrap(stream).as_mut());
                });
            }
        });
        Self {
            address,
            shared,
            scheme,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}/graphql", self.scheme, self.address)
    }

    /// What came in since the last call, by operation.
    pub(crate) fn take_counts(&self) -> Counts {
        Counts(std::mem::take(&mut *lock(&self.shared.counts)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        // It notices with the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// Counts by operation.
#[derive(Debug)]
pub(crate) struct Counts(BTreeMap<String, Count>);

impl Counts {
    pub(crate) fn of(&self, operation: &str) -> Count {
        self.0.get(operation).copied().unwrap_or_default()
    }

    /// All operations for which this holds, together.
    pub(crate) fn sum(&self, which: impl Fn(&str) -> bool) -> Count {
        let mut sum = Count::default();
        for (_, count) in self.0.iter().filter(|(name, _)| which(name)) {
            sum.add(*count);
        }
        sum
    }

    /// Requests that ask for nothing but statuses.
    pub(crate) fn polls(&self) -> Count {
        self.sum(|name| name.starts_with("DinoaiAgentRunStatus"))
    }

    pub(crate) fn all(&self) -> Count {
        self.sum(|_| true)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn serve(&self, stream: &mut dyn Stream) -> Result<()> {
        let mut received = Vec::new();
        let mut body = Vec::new();
        while let Some(start) = read_request(stream, &mut received)? {
            body.clear();
            let asked = lock(&self.script).answer(&received[start..], &mut body);
            let mut head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            let sent = (head.len() + body.len()) as u64;
            // Before the answer: whoever has it may look at the counts.
            lock(&self.counts)
                .entry(asked.operation)
                .or_default()
                .add(Count {
                    requests: 1,
                    runs: asked.runs,
                    received: received.len() as u64,
                    sent,
                });
            if body.len() <= ONE_WRITE {
                head.append(&mut body);
                stream.write_all(&head)?;
            } else {
                stream.write_all(&head)?;
                stream.write_all(&body)?;
            }
            stream.flush()?;
        }
        Ok(())
    }
}

/// Reads one request, and returns where its body begins; `None` if the connection has ended.
fn read_request(stream: &mut dyn Stream, received: &mut Vec<u8>) -> Result<Option<usize>> {
    received.clear();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some((start, length)) = body_of(received)
            && received.len() >= start + length
        {
            return Ok(Some(start));
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            read => received.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Where the body of a request begins, and how long it is, once its head is there.
fn body_of(received: &[u8]) -> Option<(usize, usize)> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })?;
    Some((end + 4, length))
}
