//! Three documents of our own. `graphql/schema.graphql` is what `dinoai schema print` prints.

use dinoai::Client;
use dinoai::RunStatus as DinoAiAgentRunStatus;
use dinoai::graphql::{Response, RetrySafety};
use dinoai::graphql_client::{self, GraphQLQuery};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/list_workspaces.graphql"
)]
struct ListWorkspaces;

/// The schema's enum is the library's.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/run_overview.graphql",
    extern_enums("DinoAiAgentRunStatus")
)]
struct RunOverview;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/remind_run.graphql"
)]
struct RemindRun;

/// Fails as the client does, or with an error that came beside the data.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The data, if no error is beside it: a null with one does not say that there is nothing.
fn whole<T>(response: Response<T>) -> Result<T> {
    match response.errors.first() {
        Some(error) => Err(error.to_string().into()),
        None => Ok(response.data),
    }
}

/// The names of the workspaces that the credentials reach.
pub async fn workspaces(client: &Client) -> Result<Vec<String>> {
    let variables = list_workspaces::Variables;
    let response = client.execute::<ListWorkspaces>(variables).await?;
    let listed = whole(response)?.list_workspaces;
    let listed = listed.into_iter().flat_map(|listed| listed.workspaces);
    Ok(listed.map(|workspace| workspace.name).collect())
}

/// Where a run stands, and in which workspace. If there is no such run, an error says so, or it is `None`.
pub async fn overview(client: &Client, id: &str) -> Result<Option<(DinoAiAgentRunStatus, String)>> {
    let variables = run_overview::Variables { id: id.to_owned() };
    let response = client.execute::<RunOverview>(variables).await?;
    let run = whole(response)?.dinoai_agent_run;
    Ok(run.map(|run| (run.status, run.workspace_uid)))
}

/// Sends a reminder, once; whether it was accepted. One that fails may have been sent.
pub async fn remind(client: &Client, id: &str) -> Result<bool> {
    let variables = remind_run::Variables {
        id: id.to_owned(),
        message: "Are you done? Then say what is left.".to_owned(),
    };
    // Sent twice the agent would answer twice.
    let sent = client.execute_mutation::<RemindRun>(variables, RetrySafety::Never);
    match whole(sent.await?)?.send_dinoai_agent_message {
        Some(accepted) => Ok(accepted.ok),
        None => Err("the API does not say whether it was sent".into()),
    }
}
