//! What `README.md` shows, word for word below this line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dinoai_emulator::{Emulator, Scenario, Stage};

#[tokio::test]
async fn my_client_waits_until_the_run_has_failed() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::builder()
        .scenario(
            "data-quality-checker",
            Scenario::new()
                .stage(Stage::new("QUEUED").reads(2))
                .stage(Stage::new("RUNNING").reads(3))
                .stage(Stage::new("FAILED"))
                .message("assistant", "The warehouse refused the query."),
        )
        .start()
        .await?;

    // Your client, pointed at `emulator.endpoint()` with `emulator.key()` and
    // `emulator.secret()`, does its work here.

    // Nothing was started by accident.
    assert_eq!(emulator.runs().len(), 0);
    for request in emulator.requests() {
        println!("{:?} got status {}", request.operation_name, request.status);
    }
    Ok(())
}
