//! [`Lane`]: a few users of clients of their own, an emulator of their own, and the wire between.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dinoai::{Client, Credentials, Error, Retry, SessionId};
use dinoai_emulator::{Child, Emulator, Fault, Quirks, Scenario, Stage};
use fastrand::Rng;

use super::api_fault::api_fault;
use super::books::{Books, Known, Ledger, Start, Way};
use super::report::Report;
use super::wire::Wire;
use super::{Shared, users};

/// How many users a lane has, and how many things each of them does, one after the other.
const USERS: u64 = 3;
const ACTS: u64 = 4;
/// How long one of them may take: what takes longer hangs.
const LONGEST_ACT: Duration = Duration::from_secs(90);

/// How long a call takes at most, and how long its one attempt.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(3);
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Where nothing fails nothing takes that long, however busy the machine is.
const PATIENT_TIMEOUT: Duration = Duration::from_secs(20);

/// What fails in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conditions {
    /// Nothing: here everything has to succeed.
    Calm,
    /// The emulator.
    ApiFails,
    /// The emulator and the wire.
    WireFails,
}

/// Which quirk of the API is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    None,
    StaleReads(u64),
    RepeatedMessages,
    ReorderedMessages,
    UndeclaredStatus,
    EqualTimestamps,
    AlternatingStatus,
    CompactedTranscript,
    Latency(Duration),
    UnreadableSteps,
}

impl Quirk {
    fn random(rng: &mut Rng) -> Self {
        match rng.u8(0..14) {
            0 | 1 => Self::StaleReads(rng.u64(1..4)),
            2 => Self::RepeatedMessages,
            3 => Self::ReorderedMessages,
            4 => Self::UndeclaredStatus,
            5 | 6 => Self::EqualTimestamps,
            7 => Self::AlternatingStatus,
            8 => Self::CompactedTranscript,
            9 => Self::Latency(Duration::from_millis(rng.u64(5..40))),
            10 => Self::UnreadableSteps,
            _ => Self::None,
        }
    }

    fn quirks(self) -> Quirks {
        let quirks = Quirks::new();
        match self {
            Self::None => quirks,
            Self::StaleReads(reads) => quirks.stale_reads(reads),
            Self::RepeatedMessages => quirks.repeated_messages(),
            Self::ReorderedMessages => quirks.reordered_messages(),
            Self::UndeclaredStatus => quirks.undeclared_status("HIBERNATING"),
            // What appears at the same moment has the same timestamp.
            Self::EqualTimestamps => quirks.timestamp_resolution(Duration::from_micros(1)),
            Self::AlternatingStatus => quirks.alternating_status(),
            Self::CompactedTranscript => quirks.compacted_transcript(3),
            Self::Latency(time) => quirks.latency(time),
            Self::UnreadableSteps => quirks.unreadable_steps(),
        }
    }
}

pub(crate) struct Lane {
    pub(crate) number: u64,
    pub(crate) conditions: Conditions,
    /// When the emulator's time began.
    pub(crate) start: Instant,
    pub(crate) quirk: Quirk,
    pub(crate) emulator: Emulator,
    pub(crate) wire: Wire,
    pub(crate) client: Client,
    /// Gives up after less than two milliseconds.
    pub(crate) hasty: Vec<Client>,
    /// Takes responses of a few hundred bytes.
    pub(crate) narrow: Client,
    /// Has nobody to talk to.
    pub(crate) nowhere: Client,
    _unused: tokio::net::TcpSocket,
    /// Held by an act that has planned faults of its own: then nobody else adds or removes any.
    pub(crate) faults_are_planted: tokio::sync::Mutex<()>,
    ledger: Shared<Ledger>,
    markers: AtomicU64,
}

/// Runs one lane, and compares what its users were returned with what has happened.
pub(crate) async fn run(seed: u64, number: u64, wires: tokio::runtime::Handle) -> Report {
    let mut rng = rng_of(&[seed, number]);
    let lane = Lane::new(number, &mut rng, &wires).expect("a lane can be set up");
    let lane = Arc::new(lane);
    let mut users = tokio::task::JoinSet::new();
    for user in 0..USERS {
        let lane = lane.clone();
        users.spawn(async move {
            for act in 0..ACTS {
                // What one act has drawn does not depend on how the one before went.
                let mut rng = rng_of(&[seed, number, user, act]);
                let acted = tokio::time::timeout(LONGEST_ACT, users::act(&lane, &mut rng)).await;
                if acted.is_err() {
                    lane.ledger().hung.push(format!("act {act} of user {user}"));
                }
            }
        });
    }
    // A panic is counted by the hook.
    while users.join_next().await.is_some() {}
    lane.come_to_rest().await;
    let ledger = std::mem::take(&mut *lane.ledger());
    Books::of(&lane).judge(ledger)
}

fn rng_of(parts: &[u64]) -> Rng {
    let seed = parts.iter().fold(0x9e37_79b9_7f4a_7c15, |seed: u64, part| {
        let mixed = (seed ^ part).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    });
    Rng::with_seed(seed)
}

impl Lane {
    fn new(number: u64, rng: &mut Rng, wires: &tokio::runtime::Handle) -> io::Result<Self> {
        let conditions = match rng.u8(0..10) {
            0..3 => Conditions::Calm,
            3..6 => Conditions::ApiFails,
            _ => Conditions::WireFails,
        };
        let quirk = Quirk::random(rng);
        let emulator = emulator(quirk, rng);
        let start = Instant::now() - emulator.elapsed();
        let percent = if conditions == Conditions::WireFails {
            55
        } else {
            0
        };
        let wire = Wire::start(wires, emulator.address(), rng.u64(..), percent, start)?;
        let endpoint = emulator
            .endpoint()
            .replace(&emulator.address().to_string(), &wire.address().to_string());
        let (request_timeout, call_timeout) = match conditions {
            Conditions::Calm => (PATIENT_TIMEOUT, PATIENT_TIMEOUT),
            Conditions::ApiFails | Conditions::WireFails => (REQUEST_TIMEOUT, CALL_TIMEOUT),
        };
        let client = |endpoint: &str, request_timeout| {
            Client::builder()
                .endpoint(endpoint)
                .credentials(Credentials::key_and_secret(
                    emulator.key(),
                    emulator.secret(),
                ))
                .request_timeout(request_timeout)
                .retry(
                    Retry::default()
                        .with_delays(Duration::from_millis(5), Duration::from_millis(40))
                        .with_longest_retry_after(Duration::from_secs(1))
                        .with_call_timeout(call_timeout),
                )
        };
        let build = |builder: dinoai::ClientBuilder| builder.build().map_err(io::Error::other);
        // A long head makes the moment longer between a connection's look at whether the request
        // was given up, and its taking the body.
        let fillers: reqwest::header::HeaderMap = (0..80)
            .filter_map(|number| {
                let name = format!("x-filler-{number}").parse::<reqwest::header::HeaderName>();
                let value = reqwest::header::HeaderValue::from_static(FILLER);
                Some((name.ok()?, value))
            })
            .collect();
        let hasty = (0..3).map(|number| {
            let fillers = fillers.clone();
            let timeout = Duration::from_micros(rng.u64(100..1_700));
            let prepare = move |http: reqwest::ClientBuilder| http.default_headers(fillers.clone());
            let mut builder = client(&endpoint, timeout).http_client(prepare);
            if number > 0 {
                builder = builder.retry(Retry::none());
            }
            build(builder)
        });
        let hasty = hasty.collect::<io::Result<Vec<_>>>()?;
        // Bound, so that nobody else listens there.
        let unused = tokio::net::TcpSocket::new_v4()?;
        unused.bind((wire.address().ip(), 0).into())?;
        let nobody = unused.local_addr()?.to_string();
        let nowhere = endpoint.replace(&wire.address().to_string(), &nobody);
        Ok(Self {
            number,
            conditions,
            start,
            quirk,
            client: build(client(&endpoint, request_timeout))?,
            narrow: build(client(&endpoint, request_timeout).response_limit(rng.usize(120..400)))?,
            nowhere: build(client(&nowhere, request_timeout))?,
            hasty,
            emulator,
            wire,
            _unused: unused,
            faults_are_planted: tokio::sync::Mutex::default(),
            ledger: Shared::default(),
            markers: AtomicU64::new(0),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.emulator.elapsed()
    }

    /// A text that no other message of this lane has in it.
    pub(crate) fn marker(&self) -> String {
        let number = self.markers.fetch_add(1, Ordering::Relaxed);
        format!("marker-{}-{number}.", self.number)
    }

    /// Whether an even number of markers has been given, for a choice that costs no random number.
    pub(crate) fn is_even(&self) -> bool {
        self.markers.load(Ordering::Relaxed).is_multiple_of(2)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation.
    pub(crate) fn begin(&self, name: &'static str) {
        *self.ledger().operations.entry(name).or_default() += 1;
    }

    /// Notes what was reported of a trigger or a follow-up.
    pub(crate) fn note(
        &self,
        marker: &str,
        began: Duration,
        way: Way,
        reported: Result<&SessionId, &Error>,
    ) {
        let known = match reported {
            Ok(id) => Known::Started(id.to_string()),
            Err(error) if error.may_have_started() => {
                Known::Maybe(error.session_id().map(ToString::to_string))
            }
            Err(_) => Known::Not,
        };
        self.note_as(known, marker, began, way, reported.err());
    }

    /// Notes what a program has made of a response of its own.
    pub(crate) fn note_as(
        &self,
        known: Known,
        marker: &str,
        began: Duration,
        way: Way,
        error: Option<&Error>,
    ) {
        self.ledger().starts.push(Start {
            marker: marker.to_owned(),
            began,
            ended: self.now(),
            known,
            error: error.cloned(),
            way,
        });
    }

    /// Adds a fault of the API.
    pub(crate) fn plan(&self, fault: Fault) {
        self.emulator
            .add_fault(fault)
            .expect("a fault that can happen");
    }

    /// Adds a few faults of the API.
    pub(crate) fn add_faults(&self, rng: &mut Rng) {
        let number = rng.u8(0..9);
        let faults: Vec<_> = (0..number).map(|_| api_fault(rng)).collect();
        let Ok(_planted) = self.faults_are_planted.try_lock() else {
            return;
        };
        if self.conditions == Conditions::Calm {
            return;
        }
        // Those that nobody has met are old by now.
        if self.emulator.faults().len() > 10 {
            self.emulator.clear_faults();
        }
        for fault in faults {
            self.plan(fault);
        }
    }

    /// Waits until nothing is on its way any more, and ids that have come in are passed on.
    async fn come_to_rest(&self) {
        const LOOK: Duration = Duration::from_millis(20);
        // Nobody waits for what was abandoned, and it may pause before it is tried again.
        let is_pausing = self.conditions != Conditions::Calm
            && !(self.ledger().abandoned.is_empty() && self.ledger().stopped.is_empty());
        let enough = if is_pausing { 60 } else { 3 };
        let start = Instant::now();
        let mut quiet = 0;
        while quiet < enough {
            tokio::time::sleep(LOOK).await;
            let is_quiet = self.wire.carries_no_change() && self.ledger().are_ids_passed_on(self);
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if start.elapsed() > Duration::from_secs(30) {
                let text = "something is on its way after 30 s, or an id is not passed on";
                return self.ledger().hung.push(text.to_owned());
            }
        }
    }
}

const FILLER: &str = "a filler that makes the head of a request longer, and the moment in which \
                      a request can be given up while its head is written, before its body is";

fn emulator(quirk: Quirk, rng: &mut Rng) -> Emulator {
    let time = |rng: &mut Rng, most| Duration::from_millis(rng.u64(5..most));
    let said = |stage: Stage, text: &str| stage.message("assistant", text);
    let running = |time| Stage::new("RUNNING").lasts(time);
    let timed = |rng: &mut Rng| {
        Scenario::new()
            .stage(Stage::new("QUEUED").lasts(time(rng, 60)))
            .stage(said(running(time(rng, 120)), "Looking."))
            .stage(said(Stage::new("COMPLETED"), "Done."))
    };
    let talker = Scenario::new()
        .stage(Stage::new("QUEUED").reads(1))
        .stage(said(running(time(rng, 60)), "Looking."))
        .stage(said(
            said(running(time(rng, 60)), "Looking."),
            "Here as well.",
        ))
        .stage(said(running(time(rng, 60)), "Looking."))
        .stage(said(Stage::new("COMPLETED"), "Done."))
        .follow_up([
            said(said(running(time(rng, 50)), "Working."), "Working."),
            said(Stage::new("COMPLETED"), "The first answer."),
        ])
        .follow_up([said(Stage::new("COMPLETED"), "At once.")])
        .follow_up([
            Stage::new("QUEUED").reads(1),
            Stage::new("RUNNING").reads(2),
            said(Stage::new("FAILED"), "That failed."),
        ])
        .follow_up([said(said(Stage::new("COMPLETED"), "Again."), "Again.")]);
    let mut parent = Scenario::new().stage(running(time(rng, 60)));
    for _ in 0..rng.u8(2..7) {
        parent = parent.child(timed(rng));
    }
    let parent = parent
        .child(Child::from(timed(rng)).with_callback([
            said(running(time(rng, 40)), "The sub-agent has ended."),
            said(Stage::new("COMPLETED"), "All done."),
        ]))
        .stage(said(Stage::new("COMPLETED"), "Waiting for a sub-agent."));
    let mut builder = Emulator::builder();
    for (name, [first, second, third]) in users::VALUE_AGENTS {
        let turn = |has_value: bool| match has_value {
            true => said(Stage::new("COMPLETED"), "Rows:\n```json\n[1, 2]\n```"),
            false => said(Stage::new("COMPLETED"), "There are two."),
        };
        let scenario = Scenario::new().stage(running(Duration::from_millis(20)));
        let scenario = scenario.stage(turn(first)).follow_up([turn(second)]);
        builder = builder.scenario(name, scenario.follow_up([turn(third)]));
    }
    builder
        .quirks(quirk.quirks())
        .scenario("quick", Scenario::completed())
        .scenario("fails", Scenario::failed())
        .scenario("expires", Scenario::expired())
        .scenario("stopped", Scenario::stopped())
        .scenario("timed", timed(rng))
        .scenario(
            "late",
            Scenario::new()
                .stage(running(users::LATE))
                .stage(said(Stage::new("COMPLETED"), "Late, and done.")),
        )
        .scenario(
            "endless",
            Scenario::new()
                .stage(running(Duration::from_secs(3600)))
                .stage(Stage::new("COMPLETED")),
        )
        .scenario("talker", talker)
        .scenario("parent", parent)
        .start_blocking()
        .expect("an emulator starts")
}
