//! The rules of the states, each state with each event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entry::{Entry, RequestDigest, State};
use super::restart::{Before, EarlierRun};
use super::rules::{
    Found, Outcome, after_death, after_end, after_request, after_resolve, after_retry, check_owner,
    claim, found,
};
use super::store::{Stored, Version};
use crate::model::{RunStatus, SessionId, TriggerRun};

const LEASE: Duration = Duration::from_secs(150);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn id(id: &str) -> SessionId {
    SessionId::for_test(id)
}

fn entry(state: State) -> Entry {
    Entry {
        state,
        other_runs: vec![],
        claimed_at: None,
        account: "account".to_owned(),
        request: RequestDigest::of(&TriggerRun::agent("checker")),
    }
}

fn claimed(owner: &str) -> Entry {
    entry(State::Claimed {
        owner: owner.to_owned(),
        lease: LEASE,
    })
}

fn unknown(owner: &str) -> Entry {
    entry(State::Unknown {
        owner: owner.to_owned(),
        since: UNIX_EPOCH,
        reason: String::new(),
    })
}

fn free(retried: bool) -> Entry {
    entry(State::Free {
        reason: String::new(),
        retried,
    })
}

fn started(run: &str) -> Entry {
    entry(State::Started {
        session_id: id(run),
    })
}

fn ended(run: &str, status: RunStatus) -> Entry {
    entry(State::Ended {
        session_id: id(run),
        status,
    })
}

fn stored(entry: Entry, age: Duration) -> Stored {
    Stored::new(entry, Version::new("1"), UNIX_EPOCH, age)
}

/// Each state, by its name.
fn states() -> Vec<(&'static str, Entry)> {
    vec![
        ("claimed by us", claimed("us")),
        ("claimed by another", claimed("another")),
        ("unknown, ours", unknown("us")),
        ("unknown, another's", unknown("another")),
        ("free", free(false)),
        ("retried", free(true)),
        ("started ours", started("ours")),
        ("started another", started("another")),
        ("ended ours", ended("ours", RunStatus::Failed)),
        ("ended another", ended("another", RunStatus::Completed)),
    ]
}

fn in_words(entry: Option<&Entry>) -> String {
    let Some(entry) = entry else {
        return "stays".to_owned();
    };
    let state = match &entry.state {
        State::Claimed { owner, .. } => format!("claimed by {owner}"),
        State::Started { session_id } => format!("started {session_id}"),
        State::Ended { session_id, status } => format!("ended {session_id} {status}"),
        State::Free { retried: true, .. } => "retried".to_owned(),
        State::Free { .. } => "free".to_owned(),
        State::Unknown { owner, .. } => format!("unknown, {owner}"),
    };
    let others: Vec<_> = entry.other_runs.iter().map(SessionId::as_str).collect();
    match others[..] {
        [] => state,
        _ => format!("{state} and {}", others.join(", ")),
    }
}

/// A line for each state: what follows from each event.
fn table(event: impl Fn(&Entry) -> String) -> String {
    let rows = states();
    let rows = rows
        .iter()
        .map(|(name, entry)| format!("{name}: {}\n", event(entry)));
    rows.collect()
}

#[test]
fn what_became_of_a_request_leads_here() {
    let ours = claimed("us");
    let outcomes = [
        Outcome::Started(id("ours")),
        Outcome::NotStarted(String::new()),
        Outcome::Unknown(String::new()),
    ];
    let row = |stored: Option<&Entry>| {
        let next = |outcome| after_request(stored, &ours, UNIX_EPOCH, None, outcome);
        let next = outcomes
            .iter()
            .map(|outcome| in_words(next(outcome).as_ref()));
        next.collect::<Vec<_>>().join(" | ")
    };
    let all = table(|entry| row(Some(entry))) + &format!("nothing: {}\n", row(None));
    insta::assert_snapshot!(all, @r"
claimed by us: started ours | free | unknown, us
claimed by another: claimed by another and ours | stays | stays
unknown, ours: started ours | free | stays
unknown, another's: unknown, another and ours | stays | stays
free: started ours | stays | stays
retried: started ours | stays | stays
started ours: stays | stays | stays
started another: started another and ours | stays | stays
ended ours: stays | stays | stays
ended another: ended another COMPLETED and ours | stays | stays
nothing: started ours | stays | unknown, us
");
}

#[test]
fn what_people_decide_leads_here() {
    let all = table(|entry| {
        let decided = |stored: &Stored| {
            let resolved = after_resolve(stored, "key", &id("ours"));
            let retried = after_retry(stored, "key");
            let [resolved, retried] = [resolved, retried].map(|next| match next {
                Ok(next) => in_words(next.as_ref()),
                Err(_) => "refused".to_owned(),
            });
            format!("{resolved} | {retried}")
        };
        decided(&stored(entry.clone(), Duration::ZERO))
    });
    insta::assert_snapshot!(all, @r"
claimed by us: refused | refused
claimed by another: refused | refused
unknown, ours: started ours | retried
unknown, another's: started ours | retried
free: started ours | stays
retried: started ours | stays
started ours: stays | refused
started another: refused | refused
ended ours: stays | refused
ended another: refused | refused
");
}

#[test]
fn the_end_of_a_run_leads_here() {
    let all = table(|entry| {
        let end = |owner| after_end(entry, owner, &id("ours"), &RunStatus::Completed);
        let [known, unrecorded] = [None, Some("us")].map(|owner| in_words(end(owner).as_ref()));
        format!("{known} | {unrecorded}")
    });
    insta::assert_snapshot!(all, @r"
claimed by us: claimed by us and ours | ended ours COMPLETED
claimed by another: claimed by another and ours | claimed by another and ours
unknown, ours: unknown, us and ours | ended ours COMPLETED
unknown, another's: unknown, another and ours | unknown, another and ours
free: ended ours COMPLETED | ended ours COMPLETED
retried: ended ours COMPLETED | ended ours COMPLETED
started ours: ended ours COMPLETED | ended ours COMPLETED
started another: started another and ours | started another and ours
ended ours: ended ours COMPLETED | ended ours COMPLETED
ended another: ended another COMPLETED and ours | ended another COMPLETED and ours
");
}

#[test]
fn an_end_that_was_seen_is_noted_of_the_keys_own_run_alone() {
    let completed = RunStatus::Completed;
    let is = ended("run", RunStatus::Completed);
    assert_eq!(started("run").ended(&completed), Some(is.clone()));
    let before = ended("run", RunStatus::Stopped);
    assert_eq!(before.ended(&completed), Some(is.clone()));
    assert_eq!(is.ended(&completed), None);
    assert_eq!(started("run").ended(&RunStatus::Running), None);
    for without in [claimed("o"), unknown("o"), free(false)] {
        assert_eq!(without.ended(&completed), None);
    }
}

#[test]
fn a_claim_is_alive_by_its_lock_or_else_by_its_lease() {
    let second = Duration::from_secs(1);
    let alive = |age| stored(claimed("another"), age);
    let in_flight = |lapses_in| Found::InFlight { lapses_in };
    let dead = || Found::Dead { since: UNIX_EPOCH };
    assert_eq!(found(Some(&alive(LEASE - second))), in_flight(second));
    assert_eq!(found(Some(&alive(LEASE))), dead());
    assert_eq!(
        found(Some(&alive(LEASE).held(true))),
        in_flight(Duration::ZERO)
    );
    assert_eq!(found(Some(&alive(Duration::ZERO).held(false))), dead());
    let buried = after_death(&alive(LEASE)).unwrap();
    assert_eq!(in_words(Some(&buried)), "unknown, another");
    assert_eq!(after_death(&stored(started("a"), LEASE)), None);
}

#[test]
fn a_key_is_over_90_days_after_its_end_and_then_anybodys() {
    let request = RequestDigest::of(&TriggerRun::agent("another"));
    for (name, entry) in states() {
        let is_over = ["free", "retried"].contains(&name) || name.starts_with("ended");
        let (old, new) = (
            stored(entry.clone(), DAY * 90),
            stored(entry, DAY * 90 - LEASE),
        );
        assert!(!new.entry.is_over(new.age), "{name}");
        assert_eq!(old.entry.is_over(old.age), is_over, "{name}");
        let is_anybodys = check_owner(Some(&old), "key", "account", &request).is_ok();
        assert_eq!(is_anybodys, is_over, "{name}");
        if is_over {
            assert_eq!(found(Some(&old)), Found::Free, "{name}");
            assert_eq!(claim(Some(&old), claimed("us")), claimed("us"), "{name}");
        }
    }
}

#[test]
fn a_claim_over_a_run_keeps_it_beside_the_next() {
    let mut before = ended("second", RunStatus::Failed);
    before.other_runs.push(id("first"));
    let next = claim(Some(&stored(before, Duration::ZERO)), claimed("us"));
    assert_eq!(in_words(Some(&next)), "claimed by us and first, second");
    let next = after_request(
        Some(&next),
        &next,
        SystemTime::now(),
        None,
        &Outcome::Started(id("third")),
    );
    assert_eq!(in_words(next.as_ref()), "started third and first, second");
}

#[test]
fn the_fingerprint_of_a_request_is_the_same_in_each_version() {
    let of = |request: &TriggerRun| RequestDigest::of(request).fingerprint();
    let request = TriggerRun::agent("checker")
        .with_message("Focus on orders")
        .with_slack("C1", "1.2")
        .with_base_branch("main")
        .with_model_family("fast");
    let expected = "be68c5301523003189788343d01dfb864711c59f41816e6d9c892c63d0db3e8d";
    assert_eq!(of(&request), expected);
    let others = [
        TriggerRun::agent("checker"),
        TriggerRun::message("checker"),
        TriggerRun::agent("checker").with_base_branch("fast"),
        TriggerRun::agent("checker").with_model_family("fast"),
    ];
    let distinct: std::collections::BTreeSet<_> = others.iter().map(of).collect();
    assert_eq!(distinct.len(), others.len());
}

#[test]
fn a_restart_that_was_not_made_leaves_the_key_with_the_run_before() {
    let before = ended("first", RunStatus::Failed);
    let ours = claim(Some(&stored(before.clone(), Duration::ZERO)), claimed("us"));
    let failed = EarlierRun {
        session_id: id("first"),
        status: RunStatus::Failed,
    };
    let nothing = Outcome::NotStarted(String::new());
    let next = after_request(
        Some(&ours),
        &ours,
        UNIX_EPOCH,
        Some(&Before::Failed(failed)),
        &nothing,
    );
    assert_eq!(next, Some(before));
}

#[test]
fn an_unknown_key_that_was_not_restarted_is_unknown_as_before() {
    let before = unknown("them");
    let ours = claim(Some(&stored(before.clone(), Duration::ZERO)), claimed("us"));
    let state = Before::Was(before.state.clone());
    let next = |outcome| after_request(Some(&ours), &ours, UNIX_EPOCH, Some(&state), &outcome);
    let nothing = Outcome::NotStarted(String::new());
    assert_eq!(next(nothing), Some(before));
    let started = next(Outcome::Started(id("second"))).unwrap();
    assert_eq!(started.session_id(), Some(&id("second")));
    // The id of the first comes all the same.
    let late = Outcome::Started(id("first"));
    let both = after_request(Some(&started), &claimed("them"), UNIX_EPOCH, None, &late).unwrap();
    assert_eq!(both.session_id(), Some(&id("second")));
    assert_eq!(both.other_runs, [id("first")]);
    // Also while the second is in flight, which then comes to nothing.
    let late = Outcome::Started(id("first"));
    let ours_late = after_request(Some(&ours), &claimed("them"), UNIX_EPOCH, None, &late).unwrap();
    let nothing = Outcome::NotStarted(String::new());
    let end = after_request(Some(&ours_late), &ours, UNIX_EPOCH, Some(&state), &nothing).unwrap();
    assert_eq!(end.session_id(), Some(&id("first")));
    assert!(end.other_runs.is_empty(), "{end:?}");
}

#[test]
fn a_retry_that_came_to_nothing_is_still_to_be_made() {
    let before = free(true);
    let ours = claim(Some(&stored(before.clone(), Duration::ZERO)), claimed("us"));
    let nothing = Outcome::NotStarted(String::new());
    let state = Before::Was(before.state.clone());
    let next = after_request(Some(&ours), &ours, UNIX_EPOCH, Some(&state), &nothing);
    assert_eq!(next, Some(before));
}

#[test]
fn every_proof_that_nothing_was_started_frees_a_key_and_nothing_else_does() {
    use crate::error::Error;
    use crate::error::tests::samples;

    for error in samples() {
        let expected = match &error {
            Error::RunFailed { .. }
            | Error::WrongAnswer(_)
            | Error::WaitTimeout(_)
            | Error::TurnNotStarted { .. } => "started",
            Error::OutcomeUnknown { .. } => "unknown",
            // After it was carried out, or begun to be.
            Error::GraphQl { call, .. }
            | Error::Decode { call, .. }
            | Error::NotAccepted { call, .. }
                if call.maybe_executed =>
            {
                "unknown"
            }
            _ => "not started",
        };
        let outcome = match Outcome::of(&Err(error.clone())) {
            Outcome::Started(_) => "started",
            Outcome::Unknown(_) => "unknown",
            Outcome::NotStarted(_) => "not started",
        };
        assert_eq!(outcome, expected, "{error:?}");
        let named = Err(error.for_run(&id("named"), true));
        if let Err(error) = &named
            && error.session_id().is_some()
        {
            assert!(
                matches!(Outcome::of(&named), Outcome::Started(_)),
                "{error:?}"
            );
        }
    }
}
