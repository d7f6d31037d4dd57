//! A probe has one deadline for all that it asks.

use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Access, Error, Obstacle, Support};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply};

/// How long a probe of a server takes that answers well once, and asks to wait from then on.
async fn taken(timeout: Option<Duration>) -> Duration {
    let mut is_first = true;
    let server = FaultServer::scripted(move |_| match std::mem::take(&mut is_first) {
        true => Reply::data(&json!({ "dinoaiAgentRun": null })),
        false => Reply::unavailable("50"),
    })
    .await;
    let (client, clock) = server.client();
    let probe = match timeout {
        Some(timeout) => client.probe().timeout(timeout),
        None => client.probe(),
    };
    let features = probe.await.unwrap();
    assert!(matches!(features.read, Access::Granted), "{features:?}");
    for feature in features.iter() {
        let is_open = matches!(feature.support, Support::NotChecked { .. });
        assert!(is_open, "{feature:?}");
    }
    clock.now()
}

#[tokio::test]
async fn a_probe_takes_no_longer_than_one_call() {
    assert!(taken(None).await <= Duration::from_secs(120));
    assert!(taken(Some(Duration::from_secs(60))).await <= Duration::from_secs(60));
}

#[tokio::test]
async fn what_could_not_be_asked_by_the_deadline_is_not_checked() {
    let clock = dinoai::time::VirtualClock::new();
    let passing = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == "SendDinoaiAgentMessage" {
            passing.advance(Duration::from_secs(120));
        }
        Reply::data(&json!({}))
    })
    .await;
    let (client, _) = crate::support::fault_server::client(&server.endpoint(), |builder| {
        builder.clock(clock.clone())
    });
    let features = client.probe().await.unwrap();
    assert!(features.trigger_options.is_supported());
    assert!(features.send_message.is_supported());
    for support in [
        &features.get_run,
        &features.status,
        &features.digest,
        &features.steps,
        &features.stop_run,
        &features.list_workspaces,
    ] {
        let is_late = matches!(
            support,
            Support::NotChecked {
                error: Error::NotSent {
                    obstacle: Obstacle::Time,
                    ..
                },
                ..
            }
        );
        assert!(is_late, "{support:?}");
    }
    assert_eq!(server.arrived(), 4);
}
