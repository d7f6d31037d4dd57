//! The documents of `graphql/`: one struct each, with the types that `graphql_client` derives from
//! it and the schema.

use std::sync::OnceLock;

use graphql_client::GraphQLQuery;

use crate::transport::Document;

pub(crate) use dinoai_agent_run_status::DinoAiAgentRunStatus;

macro_rules! documents {
    ($($file:literal,)*) => {
        /// The documents that this crate sends, each with its file's name and its text.
        ///
        /// Tools check them against a schema: `dinoai schema diff` says what a changed one means for
        /// them. The one that reads the statuses of several runs is made of
        /// `dinoai_agent_run_status.graphql` when it is sent.
        ///
        /// ```
        /// let (name, text) = dinoai::DOCUMENTS[0];
        /// assert_eq!(name, "dinoai_agent_run.graphql");
        /// assert!(text.starts_with("query DinoaiAgentRun("));
        /// ```
        pub const DOCUMENTS: &[(&str, &str)] =
            &[$(($file, include_str!(concat!("../../graphql/", $file)))),*];
    };
}

documents![
    "dinoai_agent_run.graphql",
    "dinoai_agent_run_digest.graphql",
    "dinoai_agent_run_status.graphql",
    "dinoai_agent_run_steps.graphql",
    "list_workspaces.graphql",
    "send_dinoai_agent_message.graphql",
    "stop_dinoai_agent_run.graphql",
    "trigger_dinoai_agent_run.graphql",
    "trigger_dinoai_agent_run_with_options.graphql",
];

macro_rules! operation {
    ($name:ident, $document:tt $(, $option:ident $values:tt)?) => {
        #[derive(Debug, GraphQLQuery)]
        #[graphql(
            schema_path = "graphql/schema.graphql",
            query_path = $document,
            normalization = "rust",
            variables_derives = "Debug, Clone, PartialEq",
            response_derives = "Debug, Clone, PartialEq",
            skip_serializing_none
            $(, $option $values)?
        )]
        pub(crate) struct $name;

        impl Document for $name {
            fn kept() -> &'static OnceLock<String> {
                static KEPT: OnceLock<String> = OnceLock::new();
                &KEPT
            }
        }
    };
}

operation!(
    TriggerDinoaiAgentRun,
    "graphql/trigger_dinoai_agent_run.graphql"
);
operation!(
    TriggerDinoaiAgentRunWithOptions,
    "graphql/trigger_dinoai_agent_run_with_options.graphql"
);
operation!(
    SendDinoaiAgentMessage,
    "graphql/send_dinoai_agent_message.graphql"
);
operation!(
    DinoaiAgentRun,
    "graphql/dinoai_agent_run.graphql",
    extern_enums("DinoAiAgentRunStatus")
);
// Owns the status enum; the others take it.
operation!(
    DinoaiAgentRunStatus,
    "graphql/dinoai_agent_run_status.graphql"
);
operation!(
    DinoaiAgentRunDigest,
    "graphql/dinoai_agent_run_digest.graphql",
    extern_enums("DinoAiAgentRunStatus")
);
operation!(
    DinoaiAgentRunSteps,
    "graphql/dinoai_agent_run_steps.graphql",
    extern_enums("DinoAiAgentRunStatus")
);
operation!(StopDinoaiAgentRun, "graphql/stop_dinoai_agent_run.graphql");
operation!(ListWorkspaces, "graphql/list_workspaces.graphql");
