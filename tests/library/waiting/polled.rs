//! What the tests here share: a server of one run whose polls are answered by the clock.

use std::time::Duration;

use dinoai::Client;
use dinoai::time::{Clock, VirtualClock};

use crate::support::fault_server::{FaultServer, Reply, client};
use crate::support::operations::STATUS;
use crate::support::samples::seconds;

/// A server of one run, and a client of it. `poll` answers each poll by the client's clock;
/// everything else is answered well.
pub(crate) async fn polled(
    mut poll: impl FnMut(Duration) -> Reply + Send + 'static,
) -> (FaultServer, Client, VirtualClock) {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        STATUS => poll(time.now()),
        _ => Reply::Good,
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock.clone()));
    (server, client, clock)
}

/// Asserts that a pause of this length was made, and hardly more.
pub(crate) fn assert_paused(clock: &VirtualClock, pause: Duration, case: impl std::fmt::Display) {
    let took = clock.now();
    assert!(
        took >= pause && took <= pause + pause / 10 + seconds(1),
        "{case}: {took:?} instead of {pause:?}"
    );
}
