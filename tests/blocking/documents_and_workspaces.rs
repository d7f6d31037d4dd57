//! Documents of the user's own, workspaces and the probe, without async.

use dinoai::blocking::Block;
use dinoai::graphql::{Response, RetrySafety};
use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Client, Credentials, Error, TriggerRun};
use dinoai_emulator::Emulator;

use crate::api::{current_thread, debug, server, within_time};
use crate::support::emulated::{client_of, client_with};
use crate::support::fault_server::{Reply, SESSION};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "examples/graphql/workspace_of_run.graphql",
    response_derives = "Debug"
)]
struct WorkspaceOfRun;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "examples/graphql/remind_run.graphql",
    response_derives = "Debug"
)]
struct RemindRun;

fn emulator() -> Emulator {
    let builder = Emulator::builder().workspace("finance", "Finance");
    builder.start_blocking().unwrap()
}

fn started(client: &Client) -> String {
    let run = client.trigger_run_and_wait(TriggerRun::agent("a"));
    run.block().unwrap().session_id.to_string()
}

fn remind(client: &Client, id: String) -> dinoai::Result<Response<remind_run::ResponseData>> {
    let variables = remind_run::Variables { id };
    let call = client.execute_mutation::<RemindRun>(variables, RetrySafety::Never);
    call.block()
}

#[test]
fn a_query_of_ones_own_returns_what_awaiting_it_returns() {
    let emulator = emulator();
    let client = client_of(&emulator);
    within_time(move || {
        for id in [started(&client), "nobody".to_owned()] {
            let variables = || workspace_of_run::Variables { id: id.clone() };
            let blocked = client.execute::<WorkspaceOfRun>(variables()).block();
            let awaited = client.execute::<WorkspaceOfRun>(variables()).into_future();
            assert_eq!(
                debug(blocked.unwrap()),
                debug(current_thread().block_on(awaited).unwrap())
            );
        }
    });
}

#[test]
fn a_mutation_of_ones_own_is_carried_out_once() {
    let emulator = emulator();
    let client = client_of(&emulator);
    let response = within_time(move || remind(&client, started(&client)).unwrap());
    assert!(response.data.send_dinoai_agent_message.unwrap().ok);
    assert_eq!(emulator.runs()[0].follow_ups.len(), 1);

    let (_runtime, server) = server(|_| Reply::html(502));
    let (client, _) = server.client();
    let error = within_time(move || remind(&client, SESSION.to_owned()).unwrap_err());
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(server.arrived(), 1);
}

#[test]
fn a_client_for_another_workspace_works_there() {
    let emulator = emulator();
    let client = client_of(&emulator);
    let finance = client.with_workspace("finance").unwrap();
    within_time(move || [started(&client), started(&finance)]);
    let runs = emulator.runs();
    let workspaces = runs.iter().map(|run| &*run.workspace_uid);
    assert_eq!(
        workspaces.collect::<Vec<_>>(),
        [emulator.workspace_uid(), "finance"]
    );
}

#[test]
fn workspaces_are_listed_also_where_none_is_named() {
    let emulator = emulator();
    let token = Credentials::company_token_without_workspace(emulator.company_token());
    for client in [client_of(&emulator), client_with(&emulator, token)] {
        let listed = within_time(move || client.list_workspaces().block().unwrap());
        let uids = listed.iter().map(|workspace| &*workspace.uid);
        assert_eq!(
            uids.collect::<Vec<_>>(),
            [emulator.workspace_uid(), "finance"]
        );
    }
}

#[test]
fn a_probe_finds_what_awaiting_it_finds_and_starts_nothing() {
    let emulator = emulator();
    let client = client_of(&emulator);
    let (blocked, awaited) = within_time(move || {
        let awaited = client.probe().into_future();
        let awaited = current_thread().block_on(awaited);
        (client.probe().block().unwrap(), awaited.unwrap())
    });
    let found = |features: &dinoai::Features| debug(features.iter().collect::<Vec<_>>());
    assert_eq!(found(&blocked), found(&awaited));
    assert!(found(&blocked).contains("Supported"));
    assert!(emulator.runs().is_empty());
}
