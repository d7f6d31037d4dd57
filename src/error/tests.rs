//! Holds the table in the docs of [`Error`], and that of the guide, against what an error answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AnswerProblem, Awaited, Cause, Error, FailedCall, JournalError, Obstacle, Purpose, WaitTimeout,
    WrongAnswer,
};
use crate::model::{Run, RunStatus, SessionId};

/// The rows of the table, each with its two answers: did it start something, and what to do.
fn rows() -> BTreeMap<String, (String, String)> {
    let lines = include_str!("mod.rs").lines();
    let rows = lines.filter_map(|line| line.strip_prefix("/// | [`"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let [variant, _, started, to_do] = cells[..] else {
            panic!("a row of {} cells: {row}", cells.len());
        };
        let (variant, link) = variant.split_once("`](Self::").unwrap();
        assert_eq!(link, format!("{variant})"));
        let answers = (started.to_owned(), to_do.trim_end_matches(" |").to_owned());
        (variant.to_owned(), answers)
    })
    .collect()
}

/// The name of an error's variant. A new one has to be named here, and needs a sample.
fn name(error: &Error) -> &'static str {
    match error {
        Error::InvalidRequest { .. } => "InvalidRequest",
        Error::InvalidConfig { .. } => "InvalidConfig",
        Error::NotSent { .. } => "NotSent",
        Error::OutcomeUnknown { .. } => "OutcomeUnknown",
        Error::NotStarted { .. } => "NotStarted",
        Error::Journal { .. } => "Journal",
        Error::KeyUnknown { .. } => "KeyUnknown",
        Error::Transport { .. } => "Transport",
        Error::Unauthorized { .. } => "Unauthorized",
        Error::RateLimited { .. } => "RateLimited",
        Error::Http { .. } => "Http",
        Error::GraphQl { .. } => "GraphQl",
        Error::NotFound { .. } => "NotFound",
        Error::Unsupported { .. } => "Unsupported",
        Error::Decode { .. } => "Decode",
        Error::ResponseTooLarge { .. } => "ResponseTooLarge",
        Error::NotAccepted { .. } => "NotAccepted",
        Error::RunFailed { .. } => "RunFailed",
        Error::WaitTimeout(_) => "WaitTimeout",
        Error::WrongAnswer(_) => "WrongAnswer",
        Error::TurnNotStarted { .. } => "TurnNotStarted",
    }
}

/// Errors of every variant as calls return them: each of a read, or of a trigger that was carried
/// out, or not, as far as there are such.
pub(crate) fn samples() -> Vec<Error> {
    let starting = || Box::new(FailedCall::trigger());
    let read = || Box::new(FailedCall::new("DinoaiAgentRun", Purpose::Read));
    let executed = || {
        Box::new(FailedCall {
            maybe_executed: true,
            ..*starting()
        })
    };
    let cause = || -> Cause { Arc::new(std::io::Error::other("cause")) };
    let id = || SessionId::new("xwzdneft6emspe0f").unwrap();

    let mut samples = vec![
        Error::blank("message"),
        Error::config("endpoint", "is missing"),
        Error::lost(FailedCall::trigger(), "connection reset".to_owned()),
        Error::closed(*starting()),
        Error::Journal {
            key: "nightly".to_owned(),
            source: JournalError::unusable("runs.jsonl is no journal"),
        },
        Error::Journal {
            key: "nightly".to_owned(),
            source: JournalError::unavailable("runs.jsonl is locked"),
        },
        Error::KeyUnknown {
            key: "nightly".to_owned(),
            since: std::time::UNIX_EPOCH,
            reason: "it was killed".to_owned(),
        },
        Error::Transport {
            call: read(),
            source: cause(),
        },
        Error::NotFound { call: read() },
        Error::ResponseTooLarge {
            call: read(),
            limit: 1,
        },
        Error::NotStarted {
            cause: Box::new(Error::lost(FailedCall::trigger(), "reset".to_owned())),
        },
    ];
    for obstacle in [
        Obstacle::NameResolution,
        Obstacle::Connection,
        Obstacle::Certificate,
        Obstacle::Proxy,
        Obstacle::ProxyCredentials,
        Obstacle::Time,
    ] {
        samples.push(Error::NotSent {
            call: starting(),
            obstacle,
            source: cause(),
        });
    }
    for call in [starting as fn() -> Box<FailedCall>, read] {
        samples.push(Error::Unauthorized {
            call: call(),
            status: 401,
            text: String::new(),
            sources: None,
        });
        samples.push(Error::RateLimited { call: call() });
        samples.push(Error::Unsupported {
            call: call(),
            feature: "the base branch".to_owned(),
            fields: vec![],
            errors: vec![],
        });
    }
    // A trigger ends so only at a status that proves that nothing was carried out.
    for (call, status) in [(starting(), 404), (read(), 404), (read(), 503)] {
        samples.push(Error::Http {
            call,
            status,
            content_type: None,
            text: String::new(),
        });
    }
    let unavailable = || {
        Box::new(FailedCall {
            http_status: Some(503),
            ..*read()
        })
    };
    for call in [starting(), read(), executed(), unavailable()] {
        samples.push(Error::GraphQl {
            executed: call.maybe_executed,
            call,
            errors: vec![],
            data: None,
        });
    }
    for call in [starting(), read(), executed()] {
        samples.push(Error::Decode {
            call: call.clone(),
            path: "data".to_owned(),
            problem: "is missing".to_owned(),
        });
        samples.push(Error::NotAccepted {
            call,
            status: "refused".to_owned(),
        });
    }
    for started in [false, true] {
        samples.push(Error::RunFailed {
            run: Box::new(Run::new(id(), RunStatus::Failed)),
            started,
        });
        samples.push(Error::WaitTimeout(Box::new(WaitTimeout {
            session_id: id(),
            last_status: None,
            elapsed: Duration::ZERO,
            polls: 1,
            last_error: None,
            stopped: None,
            stalled: None,
            awaited: Awaited::Run,
            started,
        })));
        let (run, completed) = (id(), RunStatus::Completed);
        let wrong = WrongAnswer::of(&run, &completed, None, None, AnswerProblem::Missing);
        let wrong = Error::WrongAnswer(Box::new(wrong));
        samples.push(if started { wrong.with_started() } else { wrong });
        samples.push(Error::TurnNotStarted {
            session_id: id(),
            waited: Duration::ZERO,
            status: None,
            accepted: true,
            started,
        });
    }
    samples
}

/// What the samples of each variant answer: did it start something, and is it retryable.
fn answers() -> BTreeMap<String, Vec<(bool, bool)>> {
    let mut by_variant: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for error in samples() {
        let answers = (error.may_have_started(), error.is_retryable());
        let of_variant = by_variant.entry(name(&error).to_owned()).or_default();
        of_variant.push(answers);
    }
    by_variant
}

/// Whether one of these is so, and whether one is not.
fn mixed(answers: impl Iterator<Item = bool>) -> (bool, bool) {
    answers.fold((false, false), |(yes, no), answer| {
        (yes | answer, no | !answer)
    })
}

#[test]
fn the_guide_says_of_each_variant_what_its_errors_answer() {
    let mut by_variant = answers();
    let lines = include_str!("../guide/errors.md").lines();
    for row in lines.filter_map(|line| line.strip_prefix("| [`Error::")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let [variant, _, started, retry, _] = cells[..] else {
            panic!("a row of {} cells: {row}", cells.len());
        };
        let variant = variant.trim_end_matches("`]");
        let answers = by_variant.remove(variant).expect(variant);
        let expected = match mixed(answers.iter().map(|(started, _)| *started)) {
            (false, _) => "no",
            (true, false) => "yes",
            (true, true) => "ask",
        };
        assert_eq!(started, expected, "{variant}");
        let said = match mixed(answers.iter().map(|(_, is_retryable)| *is_retryable)) {
            (false, _) => retry == "no",
            (true, false) => retry == "yes",
            (true, true) => !["no", "yes"].contains(&retry),
        };
        assert!(said, "{variant}: {retry}");
    }
    assert!(by_variant.is_empty(), "not in the guide: {by_variant:?}");
}

#[test]
fn the_table_says_of_each_variant_what_its_errors_answer() {
    let rows = rows();
    let by_variant = answers();
    assert!(
        rows.keys().eq(by_variant.keys()),
        "{:?} {:?}",
        rows.keys(),
        by_variant.keys()
    );
    for (variant, answers) in by_variant {
        let (started, to_do) = &rows[&variant];
        let said = match mixed(answers.iter().map(|(started, _)| *started)) {
            (false, _) => started == "No",
            (true, false) => started == "It may have",
            (true, true) => started.starts_with("Ask [`may_have_started`]"),
        };
        assert!(said, "{variant}: {started}: {answers:?}");
        let is_conditional = to_do.starts_with("If it is retryable, call again; else");
        let said = match mixed(answers.iter().map(|(_, is_retryable)| *is_retryable)) {
            (false, _) => !is_conditional && !to_do.starts_with("Call again"),
            (true, false) => to_do.starts_with("Call again"),
            (true, true) => is_conditional,
        };
        assert!(said, "{variant}: {to_do}: {answers:?}");
    }
}

/// What a timeout says, by what was waited for, the last status, and whether the last poll failed.
#[test]
fn a_timeout_says_what_had_not_ended() {
    let mut texts = String::new();
    for awaited in [
        Awaited::Run,
        Awaited::Turn,
        Awaited::Activity,
        Awaited::Idle,
        Awaited::Descendants,
    ] {
        for status in [None, Some(RunStatus::Running), Some(RunStatus::Completed)] {
            if (awaited, &status) == (Awaited::Descendants, &Some(RunStatus::Running)) {
                continue; // They are waited for once the run itself has ended.
            }
            for failed in [false, true] {
                let timeout = WaitTimeout {
                    session_id: SessionId::for_test("r"),
                    last_status: status.clone(),
                    elapsed: Duration::from_secs(9),
                    polls: 2,
                    last_error: failed.then(|| Box::new(Error::blank("it"))),
                    stopped: None,
                    stalled: None,
                    awaited,
                    started: false,
                };
                texts += &format!("{awaited:?}: {timeout}\n");
            }
        }
    }
    insta::assert_snapshot!(texts, @r"
Run: run r could not be read within 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Run: run r could not be read: it is blank; nothing was sent; gave up after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Run: run r is still RUNNING after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Run: run r was RUNNING when it was last read; gave up after 9.0s and 2 polls; the last poll failed: it is blank; nothing was sent; the run was not stopped: wait for it again by its session id
Run: run r ended COMPLETED, but its messages could not be read within 9.0s and 2 polls; read it again by its session id
Run: run r ended COMPLETED, but its messages could not be read within 9.0s and 2 polls; the last poll failed: it is blank; nothing was sent; read it again by its session id
Turn: run r could not be read within 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Turn: run r could not be read: it is blank; nothing was sent; gave up after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Turn: run r is still RUNNING after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Turn: run r was RUNNING when it was last read; gave up after 9.0s and 2 polls; the last poll failed: it is blank; nothing was sent; the run was not stopped: wait for it again by its session id
Turn: run r ended COMPLETED, but its messages could not be read within 9.0s and 2 polls; read it again by its session id
Turn: run r ended COMPLETED, but its messages could not be read within 9.0s and 2 polls; the last poll failed: it is blank; nothing was sent; read it again by its session id
Activity: run r could not be read within 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Activity: run r could not be read: it is blank; nothing was sent; gave up after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Activity: the turn of run r has not started after 9.0s and 2 polls (last status: RUNNING); the run was not stopped: wait for it again by its session id
Activity: the turn of run r has not started after 9.0s and 2 polls (last status: RUNNING); the last poll failed: it is blank; nothing was sent; the run was not stopped: wait for it again by its session id
Activity: the turn of run r has not started after 9.0s and 2 polls (last status: COMPLETED); the run was not stopped: wait for it again by its session id
Activity: the turn of run r has not started after 9.0s and 2 polls (last status: COMPLETED); the last poll failed: it is blank; nothing was sent; the run was not stopped: wait for it again by its session id
Idle: the follow-up was not sent: another one to run r is still in progress after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Idle: the follow-up was not sent: run r could not be read: it is blank; nothing was sent; gave up after 9.0s and 2 polls; the run was not stopped: wait for it again by its session id
Idle: the follow-up was not sent: run r is still in progress after 9.0s and 2 polls (last status: RUNNING); the run was not stopped: wait for it again by its session id
Idle: the follow-up was not sent: run r was RUNNING when it was last read; gave up after 9.0s and 2 polls; the last poll failed: it is blank; nothing was sent; the run was not stopped: wait for it again by its session id
Idle: the follow-up was not sent: the turn of another one to run r has not ended after 9.0s and 2 polls (last status: COMPLETED); the run was not stopped: wait for it again by its session id
Idle: the follow-up was not sent: the turn of another one to run r has not ended after 9.0s and 2 polls (last status: COMPLETED); the last poll failed: it is blank; nothing was sent; the run was not stopped: wait for it again by its session id
Descendants: run r could not be read within 9.0s and 2 polls; nothing was stopped: wait for the tree again by its session id
Descendants: run r could not be read: it is blank; nothing was sent; gave up after 9.0s and 2 polls; nothing was stopped: wait for the tree again by its session id
Descendants: run r ended COMPLETED, but not all of its descendants have ended after 9.0s and 2 polls; nothing was stopped: wait for the tree again by its session id
Descendants: run r ended COMPLETED, but not all of its descendants had ended, or could be read, within 9.0s and 2 polls; the last poll failed: it is blank; nothing was sent; nothing was stopped: wait for the tree again by its session id
");
}
