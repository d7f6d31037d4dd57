//! Runs: the record of each ([`Run`]), which is what an emulator reports of it, under a session id
//! of 16 lower-case letters and digits; how each of them goes, and all of them together.
//!
//! The [`store`] has every run of an emulator; [`state`] is one of them, with its [`record`]. Which
//! scenario a run follows is said by [`workspace`], how much memory it takes by [`size`], and what
//! is dropped when that is too much by [`dropping`].

mod dropping;
#[cfg(test)]
mod for_tests;
mod record;
mod reported;
mod size;
mod state;
mod store;
mod workspace;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::clock;

pub(crate) use record::TranscriptMessage;
pub(crate) use state::RunState;
pub(crate) use store::{NotSent, RunStore, TriggerInput};
pub(crate) use workspace::{Scenarios, UnknownAgent, Workspace};

/// A run that the emulator started, as a test sees it.
///
/// Times are those of the emulator's clock: see [`Emulator::elapsed`](crate::Emulator::elapsed).
///
/// ```
/// use std::time::Duration;
/// use dinoai_emulator::Emulator;
///
/// # fn main() -> Result<(), dinoai_emulator::Error> {
/// let emulator = Emulator::builder().start_blocking()?;
/// // Let a client work, and then see that its runs came to an end in time, or were stopped once:
/// for run in emulator.runs() {
///     let in_time = run.ended.is_some_and(|ended| ended < Duration::from_secs(3_600));
///     assert!(in_time || run.stops.len() == 1);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// Which run this is, from 1 for the first since the start or the reset. Numbers are missing
    /// of runs that were [dropped](crate::Emulator::dropped_runs).
    pub number: u64,
    /// The session id that the trigger returned.
    pub session_id: String,
    /// The uid of the workspace that it was started in: that which the trigger named, if it is known,
    /// else the demo workspace. A child's is its parent's.
    pub workspace_uid: String,
    /// The agent that was asked for.
    pub agent: Option<String>,
    /// The message that the run was triggered with.
    pub message: Option<String>,
    /// The Slack routing that was asked for.
    pub slack: Option<Slack>,
    /// The base branch that was asked for.
    pub base_branch: Option<String>,
    /// The branch, tag or commit that the agent works on: the base branch if the trigger names
    /// one that the emulator knows, else `main`. See [`Builder::branch`](crate::Builder::branch).
    pub checked_out: String,
    /// The model family that was asked for, known or not.
    pub model_family: Option<String>,
    /// The follow-up messages that the run received, in order.
    pub follow_ups: Vec<String>,
    /// The session id of the run that started this one; none for a run that was triggered.
    pub parent: Option<String>,
    /// The status of the run now, in the API's word. Asking does not count as a read.
    pub status: String,
    /// The messages of the run so far, as the API lists them without
    /// [`Quirks`](crate::Quirks); but timestamps have their
    /// [resolution](crate::Quirks::timestamp_resolution). Asking lists them for nobody.
    pub messages: Vec<Message>,
    /// The session ids of the runs that this one started, in order.
    pub children: Vec<String>,
    /// When the run, in this turn, has come to its end; none while it is in progress. A stage that
    /// ended while nobody looked ended when its time had passed. A run that had ended when it was
    /// stopped has ended before. In JSON `ended_seconds`.
    #[serde(rename = "ended_seconds", serialize_with = "clock::of_option")]
    pub ended: Option<Duration>,
    /// When the stop operation was executed on the run, each time, also on one that had ended. In
    /// JSON `stops_seconds`.
    #[serde(rename = "stops_seconds", serialize_with = "clock::of_each")]
    pub stops: Vec<Duration>,
    /// Whether texts of a kibibyte and more that the run was sent have been dropped, because they,
    /// or all runs, took too much memory: see [`Emulator::runs`](crate::Emulator::runs). In the
    /// place of each stands `[dropped by the emulator: a text of 900000 bytes]`, also in what the
    /// API returns.
    pub texts_dropped: bool,
}

/// A message of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// Seconds since the Unix epoch.
    pub ts: f64,
    /// Who said it: `user` for the trigger's message and for follow-ups, else what the scenario
    /// says.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// Where in Slack a run posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Slack {
    /// The channel's id.
    pub channel: String,
    /// The timestamp of the thread.
    pub thread_ts: String,
}

const LENGTH: u32 = 16;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A session id that this process has not used before.
pub(super) fn next_session_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static SEED: OnceLock<u64> = OnceLock::new();
    // Differs between processes, so that an id of an earlier one is most likely unknown here.
    let seed = *SEED.get_or_init(|| RandomState::new().hash_one(LENGTH));
    let number = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_add(seed);
    // 36^16 is more than 2^82: the low 64 bits make the id unique, 18 more fill its last letters.
    let fill = u128::from(mix(!number) >> 46) << 64;
    spell(fill + u128::from(mix(number)))
}

/// A bijection of the 64-bit words (the finaliser of SplitMix64): neighbours look unrelated.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn spell(mut number: u128) -> String {
    let mut id = String::new();
    for _ in 0..LENGTH {
        let digit = usize::try_from(number % 36).unwrap_or_default();
        id.push(char::from(ALPHABET[digit]));
        number /= 36;
    }
    id
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_look_like_the_vendors() {
        let ids: HashSet<String> = (0..10_000).map(|_| super::next_session_id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| {
            id.len() == 16
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        }));
    }
}
