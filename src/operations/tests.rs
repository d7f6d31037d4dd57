//! What holds for all operations.

use super::documents::{
    dinoai_agent_run, dinoai_agent_run_digest, dinoai_agent_run_status, dinoai_agent_run_steps,
    send_dinoai_agent_message, stop_dinoai_agent_run, trigger_dinoai_agent_run,
    trigger_dinoai_agent_run_with_options,
};
use crate::error::asked_for;
use crate::operations::status_batch::StatusBatch;

#[test]
fn every_document_has_words_of_its_own() {
    for operation in [
        trigger_dinoai_agent_run::OPERATION_NAME,
        trigger_dinoai_agent_run_with_options::OPERATION_NAME,
        send_dinoai_agent_message::OPERATION_NAME,
        dinoai_agent_run::OPERATION_NAME,
        dinoai_agent_run_status::OPERATION_NAME,
        StatusBatch::INFO.name,
        dinoai_agent_run_digest::OPERATION_NAME,
        dinoai_agent_run_steps::OPERATION_NAME,
        stop_dinoai_agent_run::OPERATION_NAME,
    ] {
        assert!(asked_for(operation).is_some(), "{operation}");
    }
}
