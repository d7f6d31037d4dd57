//! Random histories of a run, against `ask` and `watch`: whatever the order in which a server
//! shows what happened, everything is handed out once, and no turn ends with the answer of the
//! one before.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod scripted_server;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::{Checkpoint, Client, Error, Event, PollOptions, RunStatus, Schedule, Session, Turn};
use proptest::prelude::*;
use proptest::sample::select;
use scripted_server::ScriptedServer;
use serde_json::{Value, json};

const SESSION: &str = "xwzdneft6emspe0f";

/// What a server shows of a run at one moment.
#[derive(Debug, Clone)]
struct Moment {
    status: String,
    /// How many messages, and children, become visible now.
    messages: usize,
    children: usize,
}

/// What happens after a follow-up.
#[derive(Debug, Clone)]
struct Chapter {
    /// For how many reads the run still shows the previous end.
    stale: usize,
    /// Whether the caller's own message is shown in the transcript.
    has_echo: bool,
    /// Whether a message of the previous turn shows up only now.
    has_latecomer: bool,
    moments: Vec<Moment>,
    end: String,
    /// Whether the last message comes with the end, or before.
    last_words: usize,
}

#[derive(Debug, Clone)]
struct Message {
    ts: f64,
    role: &'static str,
    content: String,
}

/// The server's side: what it shows, and what it has yet to show.
#[derive(Debug)]
struct World {
    chapters: VecDeque<Chapter>,
    shown: Moment,
    to_come: VecDeque<Moment>,
    messages: Vec<Message>,
    /// Messages that are held back, to come late.
    held_back: Vec<Message>,
    has_echo: bool,
    children: usize,
    clock: f64,
    /// What shuffles the messages of an answer, and lists them all twice now and then.
    disorder: usize,
    sent: Vec<String>,
}

impl World {
    fn new(first: Chapter, chapters: Vec<Chapter>, disorder: usize) -> Self {
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

    fn begin(&mut self, chapter: Chapter, message: &str) {
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

    fn message(&mut self, role: &'static str, content: &str) -> Message {
        self.clock += 0.37;
        Message {
            ts: self.clock,
            role,
            content: content.to_owned(),
        }
    }

    /// Goes on to the next moment.
    fn advance(&mut self) {
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
        // Before the caller's own message is shown, a late one cannot be told from an answer.
        if moment.messages > 0 || self.has_echo {
            let late = std::mem::take(&mut self.held_back);
            self.messages.extend(late);
        }
        self.children += moment.children;
        self.shown = moment;
    }

    fn answer(&mut self, operation: &str, variables: &Value) -> Value {
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

    fn run(&mut self, is_whole: bool) -> Value {
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
    fn timestamps(&self, is_wanted: impl Fn(&Message) -> bool) -> BTreeSet<u64> {
        let wanted = self.messages.iter().filter(|message| is_wanted(message));
        wanted.map(|message| message.ts.to_bits()).collect()
    }
}

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let status = select(vec!["QUEUED", "RUNNING", "RUNNING", "PAUSED"]);
    let moment = (status, 0..3_usize, 0..2_usize).prop_map(|(status, messages, children)| Moment {
        status: status.to_owned(),
        messages,
        children,
    });
    prop::collection::vec(moment, 0..6)
}

fn chapter() -> impl Strategy<Value = Chapter> {
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

struct Play {
    world: Arc<Mutex<World>>,
    client: Client,
    _server: ScriptedServer,
}

async fn play(first: Chapter, chapters: Vec<Chapter>, disorder: usize) -> Play {
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

fn bits(ts: f64) -> u64 {
    ts.to_bits()
}

/// Takes the session through JSON, as into another process.
fn elsewhere(client: &Client, session: &Session) -> Session {
    let stored = serde_json::to_string(&session.checkpoint()).unwrap();
    let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
    client.resume(checkpoint)
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A run that has expired takes no follow-up: no chapter but the last one ends so.
fn without_expired_before_the_last(mut chapters: Vec<Chapter>) -> Vec<Chapter> {
    let last = chapters.len() - 1;
    for chapter in &mut chapters[..last] {
        if chapter.end == "EXPIRED" {
            chapter.end = "COMPLETED".into();
        }
    }
    chapters
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_conversation_hands_out_every_answer_once_and_none_too_early(
        chapters in prop::collection::vec(chapter(), 2..5).prop_map(without_expired_before_the_last),
        disorder in any::<usize>(),
        moves in any::<bool>(),
    ) {
        run(async {
            let mut chapters = chapters;
            let first = chapters.remove(0);
            let ends: Vec<_> = chapters.iter().map(|chapter| chapter.end.clone()).collect();
            let play = play(first, chapters, disorder).await;
            let mut session = play.client.session(SESSION).unwrap();
            let _ = session.wait().await;
            let known = play.world.lock().unwrap().timestamps(|_| true);

            let mut handed_out = vec![];
            for (number, end) in ends.iter().enumerate() {
                let turn: Turn = session.ask(format!("follow-up {number}")).await.unwrap();
                let world = play.world.lock().unwrap();
                assert_eq!(turn.status.as_str(), end, "turn {number} ended too early");
                assert!(world.to_come.is_empty(), "turn {number} ended before its end");
                assert!(turn.messages.iter().all(|message| !message.is_from_user()));
                assert!(turn.messages.is_sorted_by(|a, b| a.ts < b.ts));
                handed_out.extend(turn.messages.iter().map(|message| bits(message.ts)));
                let all = world.timestamps(|message| message.role != "user");
                let once: BTreeSet<_> = handed_out.iter().copied().collect();
                assert_eq!(once.len(), handed_out.len(), "something twice");
                assert_eq!(once, all.difference(&known).copied().collect(), "something lost");
                drop(world);
                if moves {
                    session = elsewhere(&play.client, &session);
                }
            }
            let sent = play.world.lock().unwrap().sent.clone();
            let wanted: Vec<_> = (0..ends.len()).map(|number| format!("follow-up {number}")).collect();
            assert_eq!(sent, wanted);
        });
    }

    #[test]
    fn a_watch_tells_everything_once_wherever_it_is_dropped_and_taken_up_again(
        chapters in prop::collection::vec(chapter(), 1..4).prop_map(without_expired_before_the_last),
        disorder in any::<usize>(),
        patience in 1..9_usize,
    ) {
        run(async {
            let mut chapters = chapters;
            let first = chapters.remove(0);
            let mut ends = vec![first.end.clone()];
            ends.extend(chapters.iter().map(|chapter| chapter.end.clone()));
            let play = play(first, chapters, disorder).await;
            let mut session = play.client.session(SESSION).unwrap();
            let mut messages = vec![];
            let mut children = vec![];
            for (number, end) in ends.iter().enumerate() {
                if number > 0 {
                    session.send(format!("follow-up {number}")).await.unwrap();
                }
                let mut watch = session.watch().events();
                let mut read = 0;
                let ended = loop {
                    if read == patience {
                        drop(watch);
                        session = elsewhere(&play.client, &session);
                        watch = session.watch().events();
                        read = 0;
                    }
                    read += 1;
                    match watch.next().await.unwrap().unwrap() {
                        Event::Message(message) => messages.push(bits(message.ts)),
                        Event::Child(id) => children.push(id),
                        Event::Ended(run) => break run,
                        Event::Status(_) => {}
                        other => panic!("{other:?}"),
                    }
                };
                assert_eq!(ended.status.as_str(), end, "watch {number} ended too early");
                assert!(watch.next().await.is_none());
                let world = play.world.lock().unwrap();
                assert!(world.to_come.is_empty(), "watch {number} ended before its end");
                let once: BTreeSet<_> = messages.iter().copied().collect();
                assert_eq!(once.len(), messages.len(), "a message twice");
                assert_eq!(once, world.timestamps(|_| true), "a message lost");
                let once: BTreeSet<_> = children.iter().collect();
                assert_eq!((once.len(), children.len()), (world.children, world.children));
            }
        });
    }
}

fn quiet(end: &str) -> Chapter {
    Chapter {
        stale: 3,
        has_echo: true,
        has_latecomer: false,
        moments: vec![],
        end: end.to_owned(),
        last_words: 1,
    }
}

#[tokio::test]
async fn a_turn_without_activity_is_reported_once_after_the_grace_period() {
    let slow = Chapter {
        stale: 20,
        ..quiet("COMPLETED")
    };
    let play = play(quiet("COMPLETED"), vec![slow], 1).await;
    let session = play.client.session(SESSION).unwrap();
    session.wait().await.unwrap();
    let ask = session
        .ask("are you there?")
        .poll_interval(Duration::from_secs(10));
    let error = ask.await.unwrap_err();
    assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
    assert!(error.may_have_started() && !error.is_retryable());
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    insta::assert_snapshot!(error);

    // Reported once: the turn is closed, in another process too.
    let run = elsewhere(&play.client, &session).wait().await.unwrap();
    assert_eq!(run.answer(), Some("answer 0"));
    assert!(!session.checkpoint().has_open_turn());
}

#[tokio::test]
async fn every_wait_on_a_session_takes_a_grace_period_of_its_own() {
    for wait in ["ask", "wait", "watch", "tree", "options"] {
        let silent = Chapter {
            stale: 200,
            ..quiet("COMPLETED")
        };
        let play = play(quiet("COMPLETED"), vec![silent], 1).await;
        let session = play.client.session(SESSION).unwrap();
        session.wait().await.unwrap();
        let minute = Duration::from_secs(60);
        let second = Duration::from_secs(1);
        if wait != "ask" {
            session.send("are you there?").await.unwrap();
        }
        let result = match wait {
            "ask" => {
                let ask = session.ask("are you there?").grace_period(minute);
                ask.poll_interval(second).await.map(drop)
            }
            "wait" => {
                let wait = session.wait().grace_period(minute);
                wait.poll_interval(second).await.map(drop)
            }
            "options" => {
                let options = PollOptions::default()
                    .with_grace_period(minute)
                    .with_schedule(Schedule::every(second));
                session.wait().poll_options(options).await.map(drop)
            }
            "watch" => {
                let watch = session.watch().grace_period(minute);
                let mut events = watch.poll_interval(second).events();
                loop {
                    match events.next().await.unwrap() {
                        Ok(Event::Ended(_)) => break Ok(()),
                        Ok(_) => {}
                        Err(error) => break Err(error),
                    }
                }
            }
            _ => {
                let tree = session.tree().until_ended().grace_period(minute);
                tree.poll_interval(second).await.map(drop)
            }
        };
        let Err(Error::TurnNotStarted { waited, .. }) = result else {
            panic!("{wait}: {result:?}");
        };
        assert!((60..62).contains(&waited.as_secs()), "{wait}: {waited:?}");
    }
}

#[tokio::test]
async fn a_stopped_turn_may_have_no_message_and_an_expired_one_ends_at_once() {
    for (end, status) in [
        ("STOPPED", RunStatus::Stopped),
        ("EXPIRED", RunStatus::Expired),
    ] {
        let silent = Chapter {
            last_words: 0,
            ..quiet(end)
        };
        let play = play(quiet("COMPLETED"), vec![silent], 1).await;
        let session = play.client.session(SESSION).unwrap();
        session.wait().await.unwrap();
        let turn = session.ask("go on").await.unwrap();
        assert_eq!((turn.status, turn.messages.len()), (status, 0));
    }
}

#[tokio::test]
async fn a_follow_up_to_an_expired_run_is_not_taken_for_ended_by_the_old_end() {
    let silent = Chapter {
        stale: 40,
        last_words: 0,
        ..quiet("EXPIRED")
    };
    let play = play(quiet("EXPIRED"), vec![silent], 1).await;
    let session = play.client.session(SESSION).unwrap();
    session.wait().await.unwrap_err();
    let ask = session.ask("go on").poll_interval(Duration::from_secs(10));
    let error = ask.await.unwrap_err();
    assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wait_after_a_follow_up_of_the_same_session_does_not_return_the_old_answer() {
    let play = play(quiet("COMPLETED"), vec![quiet("FAILED")], 1).await;
    let session = play.client.session(SESSION).unwrap();
    session.wait().await.unwrap();
    session.send("go on").await.unwrap();
    let error = session.wait().await.unwrap_err();
    assert!(matches!(error, Error::RunFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_blank_follow_up_is_refused_before_the_run_is_read() {
    let play = play(quiet("COMPLETED"), vec![], 1).await;
    let session = play.client.session(SESSION).unwrap();
    for error in [
        session.ask(" ").await.unwrap_err(),
        session.send("").await.unwrap_err(),
    ] {
        assert!(
            matches!(
                error,
                Error::InvalidRequest {
                    field: "message",
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert_eq!(play._server.answers(), []);
}

#[test]
fn a_checkpoint_is_small_and_holds_no_text() {
    run(async {
        let chapters = vec![quiet("COMPLETED")];
        let play = play(quiet("COMPLETED"), chapters, 1).await;
        let session = play.client.session(SESSION).unwrap();
        session.wait().await.unwrap();
        session.ask("a secret question").await.unwrap();
        let stored = serde_json::to_string(&session.checkpoint()).unwrap();
        assert!(stored.len() < 500, "{stored}");
        assert!(
            !stored.contains("secret") && !stored.contains("answer"),
            "{stored}"
        );
        assert_eq!(session.checkpoint().session_id().as_str(), SESSION);
    });
}
