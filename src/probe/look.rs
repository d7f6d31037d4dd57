//! Probes a backend, document by document.

use serde_json::{Value, json};

use super::access::access;
use super::document::Probe;
use super::features::{Features, Support};
use super::server::Server;
use super::support::{Needs, support};
use crate::error::Result;
use crate::operations::Api;
use crate::operations::documents::*;
use crate::transport::{CallOptions, Operation};

impl Api {
    /// What the backend supports. Starts nothing, and sends no message.
    pub(crate) async fn probe(&self, options: CallOptions) -> Result<Features> {
        let server = Server::new(self, options);
        let read = access(self, &server).await?;
        // Should it be executed: neither agent nor message, a session without an id.
        let slack = json!({ "slack": { "channel": "", "threadTs": "" } });
        let id = json!({ "id": "" });
        let session = json!({ "agentSessionId": "" });
        let message = json!({ "agentSessionId": "", "message": "" });
        let (trigger, status) = (
            trigger_dinoai_agent_run::QUERY,
            dinoai_agent_run_status::QUERY,
        );
        let features = Features {
            read,
            server_time: None,
            trigger_run: look::<TriggerDinoaiAgentRun>(
                &server,
                on_the_page(trigger),
                slack.clone(),
            )
            .await?,
            trigger_options: look::<TriggerDinoaiAgentRunWithOptions>(
                &server,
                Needs {
                    document: trigger_dinoai_agent_run_with_options::QUERY,
                    page: trigger,
                },
                slack,
            )
            .await?,
            send_message: look::<SendDinoaiAgentMessage>(
                &server,
                on_the_page(send_dinoai_agent_message::QUERY),
                message,
            )
            .await?,
            get_run: look::<DinoaiAgentRun>(
                &server,
                on_the_page(dinoai_agent_run::QUERY),
                id.clone(),
            )
            .await?,
            status: look::<DinoaiAgentRunStatus>(&server, on_the_page(status), id.clone()).await?,
            digest: look::<DinoaiAgentRunDigest>(
                &server,
                on_the_page(dinoai_agent_run_digest::QUERY),
                id.clone(),
            )
            .await?,
            steps: look::<DinoaiAgentRunSteps>(
                &server,
                Needs {
                    document: dinoai_agent_run_steps::QUERY,
                    page: status,
                },
                id,
            )
            .await?,
            stop_run: look::<StopDinoaiAgentRun>(
                &server,
                beyond_the_page(stop_dinoai_agent_run::QUERY),
                session,
            )
            .await?,
            list_workspaces: look::<ListWorkspaces>(
                &server,
                beyond_the_page(list_workspaces::QUERY),
                json!({}),
            )
            .await?,
        };
        Ok(Features {
            server_time: server.into_time(),
            ..features
        })
    }
}

fn on_the_page(document: &'static str) -> Needs {
    Needs {
        document,
        page: document,
    }
}

fn beyond_the_page(document: &'static str) -> Needs {
    Needs { document, page: "" }
}

/// Whether the backend supports a document. Fails where no further request must be made, or would fare better.
async fn look<O: Operation>(
    server: &Server<'_>,
    needs: Needs,
    variables: Value,
) -> Result<Support> {
    let probe = Probe::skipping::<O>(needs.document, variables)?;
    match server.validate(probe).await {
        // It has executed what it should have skipped.
        Err(error) if error.may_have_started() => Err(error),
        Err(error) if server.is_unreached(&error) => Err(error),
        validated => Ok(support(validated, needs)),
    }
}
