//! The library's `RunStatus` stands for the schema's enum in documents of the user's own.

use dinoai::RunStatus as DinoAiAgentRunStatus;
use dinoai::graphql_client::{self, GraphQLQuery};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply, SESSION};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/library/own_documents/how_it_stands.graphql",
    response_derives = "Debug, Clone, PartialEq",
    extern_enums("DinoAiAgentRunStatus")
)]
struct HowItStands;

#[tokio::test]
async fn the_statuses_of_own_documents_are_those_of_the_library() {
    for (said, status) in [
        ("COMPLETED", dinoai::RunStatus::Completed),
        ("completed", dinoai::RunStatus::Completed),
        ("PAUSED", dinoai::RunStatus::from("PAUSED".to_owned())),
    ] {
        let run = json!({ "dinoaiAgentRun": { "status": said } });
        let server = FaultServer::start([Reply::data(&run)]).await;
        let (client, _) = server.client();
        let variables = how_it_stands::Variables {
            id: SESSION.to_owned(),
        };
        let response = client.execute::<HowItStands>(variables).await.unwrap();
        assert_eq!(response.data.dinoai_agent_run.unwrap().status, status);
    }
}
