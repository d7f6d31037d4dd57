//! [`Service`]: speaks the protocol, and passes each [`Call`] of a tool on.

use std::pin::Pin;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult,
    ErrorCode, ErrorData, Implementation, JsonObject, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use tokio::sync::{mpsc, oneshot};

use super::tools;

/// A call of a tool.
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: JsonObject,
    /// Ends when the client has cancelled it.
    pub(super) cancelled: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(super) reply: oneshot::Sender<CallToolResult>,
}

/// Speaks the protocol.
pub(super) struct Service {
    pub(super) calls: mpsc::UnboundedSender<Call>,
    pub(super) allow_start: bool,
}

impl ServerHandler for Service {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let program = Implementation::new("dinoai", env!("CARGO_PKG_VERSION")).with_title("DinoAI");
        ServerConfig::new(capabilities)
            .with_server_info(program)
            .with_instructions(tools::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all(
            self.allow_start,
        )))
    }

    /// What is no request of the protocol, or not as that says.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        if method == "tools/call" {
            let text = "a call of a tool needs `name`, a text, and `arguments`, an object";
            return Err(ErrorData::invalid_params(text, None));
        }
        let text = format!("the method {method} is not known");
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = request.name.into_owned();
        if !tools::is_known(&tool) {
            let text = format!("there is no tool `{tool}`; tools/list lists them");
            return Err(ErrorData::invalid_params(text, None));
        }
        let (reply, replied) = oneshot::channel();
        let call = Call {
            tool,
            arguments: request.arguments.unwrap_or_default(),
            cancelled: Box::pin(async move { context.ct.cancelled().await }),
            reply,
        };
        // Fails once the command ends, and then nothing replies.
        let _ = self.calls.send(call);
        let result = replied.await;
        let result = result.map_err(|_| ErrorData::internal_error("it was given up", None))?;
        Ok(result.into())
    }
}
