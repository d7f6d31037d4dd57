//! What a read, a poll, a transcript and a wait take, beside the same by hand, as counts: the rows
//! show them, and the tests in `tests/costs` hold them to bounds.

use std::time::Duration;

use dinoai::Client;
use dinoai::time::{Clock, VirtualClock};
use tokio::runtime::Runtime;

use crate::measure::{Heap, heap};
use crate::peer::{Peer, STATUS, WHOLE, ready};
use crate::server::script::{Script, Shown, ends_at};
use crate::server::{Count, Server};
use crate::setting::{FAR_OFF, client, markdown, runtime};

/// A figure of ours, and the same of a peer.
pub(crate) struct Beside<T> {
    pub(crate) ours: T,
    pub(crate) peers: T,
}

/// A server with a client of each kind.
pub(crate) struct Clients {
    pub(crate) server: Server,
    pub(crate) runtime: Runtime,
    pub(crate) ours: Client,
    pub(crate) peer: Peer,
}

impl Clients {
    pub(crate) fn of(server: Server) -> Self {
        Self {
            runtime: runtime(),
            ours: client(&server.endpoint(), VirtualClock::new()),
            peer: Peer::of(&server.endpoint()),
            server,
        }
    }

    /// Of runs with two messages of 200 bytes, which end at this look.
    pub(crate) fn of_small_runs(last: u32) -> Self {
        let script = Script::new(markdown(200), move |_, look| ends_at(look, last, 2));
        Self::of(Server::start(script))
    }

    pub(crate) fn read(&self, reads: u32) {
        self.runtime.block_on(async {
            for _ in 0..reads {
                let run = self.ours.get_run("run-1").await;
                run.expect("it can be read");
            }
        });
    }

    pub(crate) fn read_by_hand(&self, reads: u32) {
        let body = ready(WHOLE, "run-1");
        self.runtime.block_on(async {
            for _ in 0..reads {
                self.peer.run(&body).await;
            }
        });
    }

    /// Receives the response to a read, and leaves it as it is.
    pub(crate) fn receive(&self, reads: u32) {
        let body = ready(WHOLE, "run-1");
        self.runtime.block_on(async {
            for _ in 0..reads {
                self.peer.post(&body).await;
            }
        });
    }

    /// Waits for a run; the last poll is followed by a read.
    pub(crate) fn wait(&self, id: &str) {
        let session = self.ours.session(id).expect("an id");
        let wait = session.wait().timeout(FAR_OFF);
        let run = self.runtime.block_on(async { wait.await });
        run.expect("it ends");
    }

    pub(crate) fn wait_by_hand(&self, id: &str) {
        let body = ready(STATUS, id);
        self.runtime.block_on(async {
            while self.peer.status(&body).await.status != "COMPLETED" {}
            self.peer.run(&ready(WHOLE, id)).await;
        });
    }
}

/// The heap of 200 reads of a small run, once connected.
pub(crate) fn reads() -> Beside<Heap> {
    let clients = Clients::of_small_runs(1);
    clients.read(1);
    clients.read_by_hand(1);
    Beside {
        ours: heap(|| clients.read(200)).each(200),
        peers: heap(|| clients.read_by_hand(200)).each(200),
    }
}

/// The heap of a poll, and what polls carry over the wire: of 400 in a wait, once connected.
pub(crate) fn polls() -> (Beside<Heap>, Beside<Count>) {
    const POLLS: u32 = 400;
    let clients = Clients::of_small_runs(POLLS);
    clients.wait("first-of-ours");
    clients.wait_by_hand("first-by-hand");
    let polls = || clients.server.take_counts().polls();
    polls();
    let ours = heap(|| clients.wait("ours")).each(u64::from(POLLS));
    let our_polls = polls();
    let peers = heap(|| clients.wait_by_hand("by-hand")).each(u64::from(POLLS));
    let wire = Beside {
        ours: our_polls,
        peers: polls(),
    };
    (Beside { ours, peers }, wire)
}

/// How long each message of a long transcript is.
const CONTENT: usize = 2_000;

/// Clients of a run whose whole response has about this many bytes.
pub(crate) fn clients_of_a_transcript(bytes: usize) -> Clients {
    let content = markdown(CONTENT);
    let json = serde_json::to_string(&content).expect("a text is JSON");
    let frame = r#"{"ts":1764000000.25,"role":"assistant","content":},"#;
    let messages = bytes.div_ceil(json.len() + frame.len());
    let script = Script::new(content, move |_, look| ends_at(look, 1, messages));
    Clients::of(Server::start(script))
}

/// How many bytes a read of a transcript holds at a time: the median of nine reads, since it depends on
/// how a response is cut on its way.
pub(crate) fn peaks(clients: &Clients) -> Beside<u64> {
    let middle = |read: &dyn Fn()| {
        let mut peaks: Vec<_> = (0..9).map(|_| heap(read).peak).collect();
        peaks.sort_unstable();
        peaks[peaks.len() / 2]
    };
    Beside {
        ours: middle(&|| clients.read(1)),
        peers: middle(&|| clients.read_by_hand(1)),
    }
}

/// How long the run takes that is waited for, and how often the vendor's SDK looks at it.
const LENGTH: Duration = Duration::from_secs(1800);
const INTERVAL: Duration = Duration::from_secs(10);

/// A run that says 2 kB each half minute by this clock.
fn growing(clock: &VirtualClock) -> Server {
    let now = clock.clone();
    Server::start(Script::new(markdown(2_000), move |_, _| {
        let elapsed = now.now().min(LENGTH);
        Shown {
            status: if elapsed < LENGTH {
                "RUNNING"
            } else {
                "COMPLETED"
            },
            messages: elapsed.as_secs() as usize / 30 + 1,
            children: vec![],
        }
    }))
}

/// What a wait of half an hour carries over the wire, beside the vendor's way: the whole run each
/// 10 s.
pub(crate) fn long_wait() -> Beside<Count> {
    let clock = VirtualClock::new();
    let server = growing(&clock);
    let client = client(&server.endpoint(), clock);
    let wait = client.session("run-1").expect("an id").wait();
    runtime().block_on(async { wait.await }).expect("it ends");
    let ours = server.take_counts().all();

    let clock = VirtualClock::new();
    let server = growing(&clock);
    let peer = Peer::of(&server.endpoint());
    let body = ready(WHOLE, "run-1");
    runtime().block_on(async {
        while peer.run(&body).await.status != "COMPLETED" {
            clock.sleep(INTERVAL).await;
        }
    });
    let peers = server.take_counts().all();
    Beside { ours, peers }
}
