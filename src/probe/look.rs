//! Probes a backend, document by document.

use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::features::{Access, Features, Support};
use super::skipped::skipped;
use crate::error::{Error, FailedCall, GraphQlError, Purpose, Result, is_before_execution};
use crate::model::SessionId;
use crate::operations::Api;
use crate::operations::documents::*;
use crate::transport::{
    CallOptions, Operation, OperationInfo, Safety, after_variables, request_body,
};

/// A document, and variables that have to be refused should it be executed.
struct Probe {
    info: OperationInfo,
    document: String,
    variables: Value,
}

impl Probe {
    /// Validated by the server, and not executed.
    fn skipping<O: Operation>(document: &str, variables: Value) -> Result<Self> {
        let document = skipped(document).ok_or_else(|| Error::InvalidRequest {
            field: "document",
            problem: format!("of {} cannot be parsed", O::INFO.name),
        })?;
        // Nothing is started whatever the server does, so that no outcome is unknown.
        let (purpose, safety) = match O::INFO.safety {
            Safety::Read => (Purpose::Query, Safety::Read),
            Safety::Idempotent | Safety::Never => (Purpose::IdempotentMutation, Safety::Idempotent),
        };
        let info = OperationInfo {
            purpose,
            safety,
            ..O::INFO
        };
        Ok(Self::of(info, document, variables))
    }

    fn of(info: OperationInfo, document: String, variables: Value) -> Self {
        Self {
            info: OperationInfo {
                root: None,
                needs_workspace: false,
                relax: |_| {},
                ..info
            },
            document,
            variables,
        }
    }
}

impl Api {
    /// What the backend supports. Starts nothing, and sends no message.
    pub(crate) async fn probe(&self, options: CallOptions) -> Result<Features> {
        let server = Server::default();
        let read = self.probe_read(&options, &server).await?;
        // Should it be executed: neither agent nor message, a session without an id.
        let slack = json!({ "slack": { "channel": "", "threadTs": "" } });
        let id = json!({ "id": "" });
        let session = json!({ "agentSessionId": "" });
        let message = json!({ "agentSessionId": "", "message": "" });
        let look = async |probe: Result<Probe>| -> Result<Support> {
            let answer = self.ask(probe?, &options, &server).await;
            match answer {
                // It has executed what it should have skipped.
                Err(error) if error.may_have_started() => Err(error),
                // No further request would fare better.
                Err(error) if !server.has_answered() && is_unreached(&error) => Err(error),
                answer => Ok(support(answer)),
            }
        };
        let features = Features {
            read,
            server_time: None,
            trigger_run: look(Probe::skipping::<TriggerDinoaiAgentRun>(
                trigger_dinoai_agent_run::QUERY,
                slack.clone(),
            ))
            .await?,
            trigger_options: look(Probe::skipping::<TriggerDinoaiAgentRunWithOptions>(
                trigger_dinoai_agent_run_with_options::QUERY,
                slack,
            ))
            .await?,
            send_message: look(Probe::skipping::<SendDinoaiAgentMessage>(
                send_dinoai_agent_message::QUERY,
                message,
            ))
            .await?,
            get_run: look(Probe::skipping::<DinoaiAgentRun>(
                dinoai_agent_run::QUERY,
                id.clone(),
            ))
            .await?,
            status: look(Probe::skipping::<DinoaiAgentRunStatus>(
                dinoai_agent_run_status::QUERY,
                id.clone(),
            ))
            .await?,
            digest: look(Probe::skipping::<DinoaiAgentRunDigest>(
                dinoai_agent_run_digest::QUERY,
                id.clone(),
            ))
            .await?,
            steps: look(Probe::skipping::<DinoaiAgentRunSteps>(
                dinoai_agent_run_steps::QUERY,
                id,
            ))
            .await?,
            stop_run: look(Probe::skipping::<StopDinoaiAgentRun>(
                stop_dinoai_agent_run::QUERY,
                session,
            ))
            .await?,
            list_workspaces: look(Probe::skipping::<ListWorkspaces>(
                list_workspaces::QUERY,
                json!({}),
            ))
            .await?,
        };
        Ok(Features {
            server_time: server.time.into_inner(),
            ..features
        })
    }

    /// Whether the credentials may read: reads the status of no run. Fails where no further request
    /// would fare better.
    async fn probe_read(&self, options: &CallOptions, server: &Server) -> Result<Access> {
        if let Err(error) = self.executor().check_workspace(&DinoaiAgentRunStatus::INFO) {
            return Ok(Access::NotChecked { error });
        }
        let document = dinoai_agent_run_status::QUERY.to_owned();
        let probe = Probe::of(DinoaiAgentRunStatus::INFO, document, json!({ "id": "" }));
        let refusal = match self.ask(probe, options, server).await {
            Ok(errors) if errors.iter().any(is_refusal) => Error::GraphQl {
                call: Box::new(DinoaiAgentRunStatus::INFO.call()),
                errors,
                data: None,
                executed: true,
            },
            Ok(_) => return Ok(Access::Granted),
            Err(error) => error,
        };
        match refusal {
            error @ (Error::NotSent { .. }
            | Error::Transport { .. }
            | Error::RateLimited { .. }) => Err(error),
            error @ Error::Unauthorized { .. } => Ok(Access::Refused { error }),
            Error::GraphQl { ref errors, .. } if errors.iter().any(is_refusal) => {
                Ok(Access::Refused { error: refusal })
            }
            error if error.is_retryable() => Ok(Access::NotChecked { error }),
            // There is no such run: whoever may not read does not get that far.
            Error::GraphQl { executed: true, .. } => Ok(Access::Granted),
            error => Ok(Access::NotChecked { error }),
        }
    }

    /// The errors beside the data, if there is data.
    async fn ask(
        &self,
        probe: Probe,
        options: &CallOptions,
        server: &Server,
    ) -> Result<Vec<GraphQlError>> {
        let Probe {
            info,
            document,
            variables,
        } = probe;
        let body = request_body(&variables, &after_variables(&document, info.name))?;
        let options = CallOptions {
            // Should it be executed all the same, it is so once.
            once: info.safety != Safety::Read,
            ..options.clone()
        };
        let executor = self.executor();
        let context = executor.context();
        let sent = executor.send(&info, body, None, options, |response, call| {
            // The first one counts.
            let _ = server.answered.set(());
            if let Some(date) = response.date() {
                let _ = server.time.set(date);
            }
            let (data, errors) = response.whole::<Value>(&info, &[], call, context)?;
            let ids = (info.find_ids)(&response.body);
            // `ok: false` refuses.
            let is_value = |value: &Value| !value.is_null() && value["ok"] != json!(false);
            let mut values = data.as_object().into_iter().flat_map(Map::values);
            match info.safety != Safety::Read && (values.any(is_value) || !ids.is_empty()) {
                false => Ok(errors),
                true => Err(executed(call, ids)),
            }
        });
        sent.await
    }
}

/// What is known of the server.
#[derive(Default)]
struct Server {
    answered: OnceLock<()>,
    /// What its clock said.
    time: OnceLock<SystemTime>,
}

impl Server {
    fn has_answered(&self) -> bool {
        self.answered.get().is_some()
    }
}

/// A mutation that should have been skipped, and has a value.
fn executed(call: &FailedCall, ids: Vec<SessionId>) -> Error {
    let mut call = FailedCall {
        maybe_executed: true,
        purpose: Purpose::Mutation,
        ..call.clone()
    };
    call.is_about(ids);
    Error::OutcomeUnknown {
        call: Box::new(call),
        reason: "the server has executed a field that has @skip(if: true), without anything that it needs"
            .to_owned(),
        errors: vec![],
        source: None,
    }
}

/// Whether no request has got through.
fn is_unreached(error: &Error) -> bool {
    matches!(
        error,
        Error::NotSent { .. } | Error::Transport { .. } | Error::RateLimited { .. }
    )
}

/// Whether an error says that the credentials may not do this.
fn is_refusal(error: &GraphQlError) -> bool {
    matches!(error.code(), Some("FORBIDDEN" | "UNAUTHENTICATED"))
}

/// Whether a server can say this only of the document itself.
fn is_about_the_document(error: &Error) -> bool {
    match error {
        Error::GraphQl { errors, .. } => {
            errors.iter().any(|error| is_before_execution(error, false))
        }
        _ => false,
    }
}

/// What the response to a document says of it.
fn support(answer: Result<Vec<GraphQlError>>) -> Support {
    match answer {
        // An error beside data comes of a server that does not obey @skip.
        Ok(_) | Err(Error::GraphQl { executed: true, .. }) => Support::Supported,
        Err(Error::Unsupported { fields, .. }) => Support::NotSupported { fields },
        Err(error) if is_about_the_document(&error) => Support::Broken { error },
        Err(error) => Support::NotChecked { error },
    }
}
