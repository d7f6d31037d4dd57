//! Three documents of our own. `graphql/schema.graphql` is what `dinoai schema print` prints.

use dinoai::Client;
use dinoai::RunStatus as DinoAiAgentRunStatus;
use dinoai::graphql::RetrySafety;
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

/// The names of the workspaces that the credentials reach.
pub async fn workspaces(client: &Client) -> dinoai::Result<Vec<String>> {
    let variables = list_workspaces::Variables;
    let response = client.execute::<ListWorkspaces>(variables).await?;
    let listed = response.data.list_workspaces;
    let listed = listed.into_iter().flat_map(|listed| listed.workspaces);
    Ok(listed.map(|workspace| workspace.name).collect())
}

/// Where a run stands, and in which workspace; `None` if there is no such run.
pub async fn overview(
    client: &Client,
    id: &str,
) -> dinoai::Result<Option<(DinoAiAgentRunStatus, String)>> {
    let variables = run_overview::Variables { id: id.to_owned() };
    let response = client.execute::<RunOverview>(variables).await?;
    let run = response.data.dinoai_agent_run;
    Ok(run.map(|run| (run.status, run.workspace_uid)))
}

/// Sends a reminder, once; whether it was accepted.
pub async fn remind(client: &Client, id: &str) -> dinoai::Result<bool> {
    let variables = remind_run::Variables {
        id: id.to_owned(),
        message: "Are you done? Then say what is left.".to_owned(),
    };
    // Sent twice the agent would answer twice.
    let sent = client.execute_mutation::<RemindRun>(variables, RetrySafety::Never);
    let accepted = sent.await?.data.send_dinoai_agent_message;
    Ok(accepted.is_some_and(|accepted| accepted.ok))
}
