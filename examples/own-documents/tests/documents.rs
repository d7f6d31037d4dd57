//! What the derive does not check, and what the API makes of the documents.

use dinoai::{Client, Credentials, RunStatus, TriggerRun};
use dinoai_emulator::{Emulator, ErrorData, Fault};

#[test]
fn every_document_is_valid() {
    dinoai_emulator::check_documents("graphql").unwrap();
}

#[test]
fn the_schema_is_that_of_the_library() {
    let copy = std::fs::read_to_string("graphql/schema.graphql").unwrap();
    assert!(
        copy == dinoai::SCHEMA,
        "dinoai schema print > graphql/schema.graphql"
    );
}

#[tokio::test]
async fn the_api_answers_them() {
    let emulator = Emulator::builder().start().await.unwrap();
    let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
    let client = Client::new(emulator.endpoint(), credentials).unwrap();
    assert_eq!(
        own_documents::workspaces(&client).await.unwrap(),
        ["Demo workspace"]
    );

    let run = TriggerRun::message("Which tests fail?");
    let run = client.trigger_run_and_wait(run).await.unwrap();
    let id = run.session_id.as_str();
    let overview = own_documents::overview(&client, id).await.unwrap();
    let (status, workspace) = overview.unwrap();
    assert_eq!(
        (status, &workspace),
        (RunStatus::Completed, &run.workspace_uid)
    );
    assert!(own_documents::remind(&client, id).await.unwrap());
    assert_eq!(emulator.runs()[0].follow_ups.len(), 1);

    let null = Fault::replaced("sendDinoaiAgentMessage", Default::default());
    emulator.add_fault(null).unwrap();
    let error = own_documents::remind(&client, id).await.unwrap_err();
    assert!(error.to_string().contains("does not say"), "{error}");
    let error = own_documents::overview(&client, "nobody").await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("'nobody' was found"), "{error}");
    emulator
        .add_fault(Fault::replaced("dinoaiAgentRun", Default::default()))
        .unwrap();
    assert_eq!(own_documents::overview(&client, id).await.unwrap(), None);
}

#[tokio::test]
async fn an_error_beside_a_null_is_not_taken_for_an_answer() {
    for (root, status) in [
        ("listWorkspaces", 200),
        ("dinoaiAgentRun", 200),
        ("sendDinoaiAgentMessage", 200),
        ("sendDinoaiAgentMessage", 500),
    ] {
        let fault = Fault::graphql_error(status).message("Upstream timeout");
        let fault = fault.path([root]).data(ErrorData::NullField);
        let emulator = Emulator::builder().fault(fault.always());
        let emulator = emulator.start().await.unwrap();
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        let client = Client::new(emulator.endpoint(), credentials).unwrap();
        let error = match root {
            "listWorkspaces" => own_documents::workspaces(&client).await.err(),
            "dinoaiAgentRun" => own_documents::overview(&client, "a").await.err(),
            _ => own_documents::remind(&client, "a").await.err(),
        };
        let error = error.expect(root).to_string();
        assert!(error.contains("Upstream timeout"), "{error}");
    }
}
