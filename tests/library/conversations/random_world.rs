//! What the tests here share: a server's side of a conversation, made at random.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use dinoai::{Checkpoint, Client, Session};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::fault_server::SESSION;
use crate::support::scripted_server::ScriptedServer;

/// What a server shows of a run at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) status: String,
    /// How many messages, and children, become visible now.
    pub(crate) messages: usize,
    pub(crate) children: usize,
}

/// What happens after a follow-up.
#[derive(Debug, Clone)]
pub(crate) struct Chapter {
    /// For how many reads the run still shows the previous end.
    pub(crate) stale: usize,
    /// Whether the caller's own message is shown in the transcript.
    pub(crate) has_echo: bool,
    /// Whether a message of the previous turn shows up only now.
    pub(crate) has_latecomer: bool,
    pub(crate) moments: Vec<Moment>,
    pub(crate) end: String,
    /// Whether the last message comes with the end, or before.
    pub(crate) last_words: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) ts: f64,
    pub(crate) role: &'static str,
    pub(crate) content: String,
}

/// The server's side: what it shows, and what it has yet to show.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) chapters: VecDeque<Chapter>,
    pub(crate) shown: Moment,
    pub(crate) to_come: VecDeque<Moment>,
    pub(crate) messages: Vec<Message>,
    /// Messages that are held back, to come late.
    pub(crate) held_back: Vec<Message>,
    pub(crate) has_echo: bool,
    pub(crate) children: usize,
    pub(crate) clock: f64,
    /// What shuffles the messages of an answer, and lists them all twice now and then.
    pub(crate) disorder: usize,
    pub(crate) sent: Vec<String>,
}

impl World {
    pub(crate) fn new(first: Chapter, chapters: Vec<Chapter>, disorder: usize) -> Self {
        let mut world = Self {
            chapters: chapters.into(),
            shown: Moment {
                status: "QUEUED".into(),
                messages: 0,
                children: 0,
            },
            to_come: VecDeque::new(),
            messages: vec![],
            held_back: vec![],
            has_echo: false,
            children: 0,
            clock: 1_714_142_436.001_2,
            disorder,
            sent: vec![],
        };
        world.begin(first, "start");
        world
    }

    pub(crate) fn begin(&mut self, chapter: Chapter, message: &str) {
        let status = self.shown.status.clone();
        if chapter.has_latecomer {
            // It was written before the message, and is shown after it.
            let latecomer = self.message("assistant", "late");
            self.held_back.push(latecomer);
        }
        self.has_echo = chapter.has_echo;
        if chapter.has_echo {
            let echo = self.message("user", message);
            self.messages.push(echo);
        }
        let moment = |status: &str, messages| Moment {
            status: status.to_owned(),
            messages,
            children: 0,
        };
        let stale = std::iter::repeat_n(moment(&status, 0), chapter.stale);
        self.to_come.extend(stale);
        self.to_come.extend(chapter.moments);
        self.to_come
            .push_back(moment(&chapter.end, chapter.last_words));
    }

    pub(crate) fn message(&mut self, role: &'static str, content: &str) -> Message {
        self.clock += 0.37;
        Message {
            ts: self.clock,
            role,
            content: content.to_owned(),
        }
    }

    /// Goes on to the next moment.
    pub(crate) fn advance(&mut self) {
        let Some(moment) = self.to_come.pop_front() else {
            return;
        };
        for number in 0..moment.messages {
            // Now and then the agent says the same again.
            let content = format!("answer {}", number / 2);
            let role = if number % 2 == 0 {
                "assistant"
            } else {
                "agent"
            };
            let message = self.message(role, &content);
            self.messages.push(message);
        }
        // Before the caller's own message is shown, a late one looks like an answer.
        if moment.messages > 0 || self.has_echo {
            let late = std::mem::take(&mut self.held_back);
            self.messages.extend(late);
        }
        self.children += moment.children;
        self.shown = moment;
    }

    pub(crate) fn answer(&mut self, operation: &str, variables: &Value) -> Value {
        let accepted = json!({ "ok": true, "agentSessionId": SESSION, "status": "queued" });
        let data = match operation {
            "SendDinoaiAgentMessage" => {
                let message = variables["message"].as_str().unwrap().to_owned();
                let chapter = self.chapters.pop_front().unwrap();
                self.begin(chapter, &message);
                self.sent.push(message);
                json!({ "sendDinoaiAgentMessage": accepted })
            }
            "DinoaiAgentRun" => json!({ "dinoaiAgentRun": self.run(true) }),
            "DinoaiAgentRunSteps" => {
                let status = self.shown.status.clone();
                json!({ "dinoaiAgentRun": { "ok": true, "status": status } })
            }
            "DinoaiAgentRunDigest" | "DinoaiAgentRunStatus" => {
                self.advance();
                json!({ "dinoaiAgentRun": self.run(false) })
            }
            other => panic!("{other}"),
        };
        json!({ "data": data })
    }

    pub(crate) fn run(&mut self, is_whole: bool) -> Value {
        let mut messages: Vec<Value> = self
            .messages
            .iter()
            .map(|message| {
                let content = if is_whole {
                    message.content.as_str()
                } else {
                    ""
                };
                json!({ "ts": message.ts, "role": message.role, "content": content })
            })
            .collect();
        self.disorder = self.disorder.wrapping_mul(31).wrapping_add(7);
        if !messages.is_empty() {
            if self.disorder.is_multiple_of(2) {
                messages.extend(messages.clone());
            }
            let place = self.disorder % messages.len();
            messages.rotate_left(place);
            if self.disorder.is_multiple_of(3) {
                messages.reverse();
            }
        }
        let children: Vec<_> = (0..self.children)
            .map(|number| format!("child-{number}"))
            .collect();
        json!({
            "ok": true,
            "agentSessionId": SESSION,
            "status": self.shown.status,
            "messages": messages,
            "childSessionIds": children,
            "workspaceUid": "w1",
        })
    }

    /// All that has been shown, by who wrote it.
    pub(crate) fn timestamps(&self, is_wanted: impl Fn(&Message) -> bool) -> BTreeSet<u64> {
        let wanted = self.messages.iter().filter(|message| is_wanted(message));
        wanted.map(|message| message.ts.to_bits()).collect()
    }
}

pub(crate) fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let status = select(vec!["QUEUED", "RUNNING", "RUNNING", "PAUSED"]);
    let moment = (status, 0..3_usize, 0..2_usize).prop_map(|(status, messages, children)| Moment {
        status: status.to_owned(),
        messages,
        children,
    });
    prop::collection::vec(moment, 0..6)
}

pub(crate) fn chapter() -> impl Strategy<Value = Chapter> {
    let end = select(vec![
        "COMPLETED",
        "COMPLETED",
        "COMPLETED",
        "FAILED",
        "STOPPED",
        "EXPIRED",
    ]);
    (
        0..12_usize,
        any::<bool>(),
        any::<bool>(),
        moments(),
        end,
        0..3_usize,
    )
        .prop_map(
            |(stale, has_echo, has_latecomer, moments, end, last_words)| Chapter {
                stale,
                has_echo,
                has_latecomer,
                // Without any other sign of life there is a message.
                last_words: if moments.is_empty() {
                    last_words.max(1)
                } else {
                    last_words
                },
                moments,
                end: end.to_owned(),
            },
        )
}

pub(crate) struct Play {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) client: Client,
    pub(crate) _server: ScriptedServer,
}

pub(crate) async fn play(first: Chapter, chapters: Vec<Chapter>, disorder: usize) -> Play {
    let world = Arc::new(Mutex::new(World::new(first, chapters, disorder)));
    let script = world.clone();
    let server = ScriptedServer::start(move |operation, variables| {
        script.lock().unwrap().answer(operation, variables)
    })
    .await;
    Play {
        world,
        client: server.client(),
        _server: server,
    }
}

pub(crate) fn bits(ts: f64) -> u64 {
    ts.to_bits()
}

/// Takes the session through JSON, as into another process.
pub(crate) fn elsewhere(client: &Client, session: &Session) -> Session {
    let stored = serde_json::to_string(&session.checkpoint()).unwrap();
    let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
    client.resume(checkpoint)
}

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A run that has expired takes no follow-up: no chapter but the last one ends so.
pub(crate) fn without_expired_before_the_last(mut chapters: Vec<Chapter>) -> Vec<Chapter> {
    let last = chapters.len() - 1;
    for chapter in &mut chapters[..last] {
        if chapter.end == "EXPIRED" {
            chapter.end = "COMPLETED".into();
        }
    }
    chapters
}
