//! What the users of a lane do with the public API.

mod calls;
mod conversations;
mod documents;
mod many;
mod values;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use dinoai::{OnTimeout, TriggerRun};
use fastrand::Rng;

use self::calls::{
    blocked_executor, drop_a_trigger, hurry, narrow, nowhere, stop, trigger, two_runtimes,
};
use self::conversations::{converse, watch};
use self::documents::{read_by_own_document, trigger_by_own_document};
use self::many::{run_many, wait_for_many};
use self::values::ask_for_value;
use self::waits::{look_late, run_and_wait, tree};
use super::lane::Lane;

pub(crate) use self::values::VALUE_AGENTS;

/// How long the agent `late` works.
pub(crate) const LATE: Duration = Duration::from_millis(150);

/// Long enough for everything that ends.
const LONG: Duration = Duration::from_secs(5);

/// Shorter than the pause before any second poll at this interval.
const ONE_POLL: Duration = LONG;

/// Does one thing.
pub(crate) async fn act(lane: &Arc<Lane>, rng: &mut Rng) {
    lane.add_faults(rng);
    match rng.u8(0..33) {
        0..2 => trigger(lane, rng).await,
        2..6 => hurry(lane, rng).await,
        6..10 => run_and_wait(lane, rng).await,
        10..12 => look_late(lane, rng).await,
        12..15 => watch(lane, rng).await,
        15..18 => converse(lane, rng).await,
        18..20 => run_many(lane, rng).await,
        20 => wait_for_many(lane, rng).await,
        21 => tree(lane, rng).await,
        22 => stop(lane, rng).await,
        23 => drop_a_trigger(lane, rng).await,
        24 => two_runtimes(lane, rng).await,
        25 => blocked_executor(lane, rng).await,
        26 => narrow(lane, rng).await,
        27 => trigger_by_own_document(lane, rng).await,
        28 => read_by_own_document(lane, rng).await,
        29..32 => ask_for_value(lane, rng).await,
        _ => nowhere(lane).await,
    }
}

fn millis(rng: &mut Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.u64(from..to))
}

fn interval(rng: &mut Rng) -> Duration {
    millis(rng, 5, 60)
}

fn on_timeout(stops: bool) -> OnTimeout {
    if stops {
        OnTimeout::Stop
    } else {
        OnTimeout::Leave
    }
}

fn agent(rng: &mut Rng) -> &'static str {
    [
        "quick", "quick", "timed", "talker", "fails", "expires", "stopped",
    ][rng.usize(0..7)]
}

fn request(agent: &str, marker: &str) -> TriggerRun {
    TriggerRun::agent(agent).with_message(marker)
}
