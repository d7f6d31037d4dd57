//! A probe starts nothing and sends no message, whatever the backend does with it.

use dinoai_emulator::{Backend, Capability, Emulator, Quirks, RefusalStatus};

use super::{backend, differing, probe};
use crate::support::emulated::client_of;
use crate::support::samples::request;

const STATUSES: [RefusalStatus; 4] = [
    RefusalStatus::ByMediaType,
    RefusalStatus::Ok,
    RefusalStatus::BadRequest,
    RefusalStatus::UnprocessableContent,
];

/// Emulators in every guise that a probe meets.
async fn guises() -> Vec<(String, Emulator)> {
    let mut guises = vec![];
    for known in [Backend::Current, Backend::PagesOnly] {
        for status in STATUSES {
            for ignores in [false, true] {
                for introspects in [false, true] {
                    let name = format!("{known:?} {status:?} {ignores} {introspects}");
                    let mut quirks = Quirks::new().refusal_status(status);
                    if ignores {
                        quirks = quirks.ignores_conditions();
                    }
                    if !introspects {
                        quirks = quirks.without_introspection();
                    }
                    guises.push((name, backend(known.clone(), quirks).await));
                }
            }
        }
    }
    for capability in [Capability::Trigger, Capability::Read] {
        let quirks = Quirks::new().ignores_conditions();
        let quirks = quirks.without_capability(capability);
        let name = format!("without {capability:?}");
        guises.push((name, backend(Backend::Current, quirks).await));
    }
    guises
}

#[tokio::test]
async fn a_probe_starts_no_run_and_sends_no_message() {
    for (name, emulator) in guises().await {
        // A run that could be sent something, or be stopped.
        drop(client_of(&emulator).trigger_run(request()).await);
        let before = emulator.runs();
        probe(&emulator).await;
        assert_eq!(emulator.runs(), before, "{name}");
    }
}

#[tokio::test]
async fn nothing_is_executed_but_a_read_of_no_run() {
    for known in [Backend::Current, Backend::PagesOnly] {
        let emulator = backend(known, Quirks::new()).await;
        probe(&emulator).await;
        let requests = emulator.requests();
        let executed = requests.iter().filter(|request| request.executed);
        let executed: Vec<_> = executed
            .map(|request| request.operation_name.clone().unwrap())
            .collect();
        assert_eq!(executed, ["DinoaiAgentRunStatus"]);
        assert_eq!(requests.len(), 10);
    }
}

#[tokio::test]
async fn a_backend_that_ignores_skip_gives_the_same_features() {
    for known in [Backend::Current, Backend::PagesOnly] {
        let obeys = backend(known.clone(), Quirks::new()).await;
        let ignores = backend(known, Quirks::new().ignores_conditions()).await;
        assert_eq!(
            differing(&probe(&obeys).await),
            differing(&probe(&ignores).await)
        );
    }
}
