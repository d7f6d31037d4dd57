//! Documents of the user's own.

use dinoai::SessionId;
use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{self, GraphQLQuery};
use fastrand::Rng;

use super::agent;
use super::calls::start;
use crate::campaign::books::{Known, Way};
use crate::campaign::lane::{Conditions, Lane};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/campaign/users/start_marked.graphql"
)]
struct StartMarked;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/campaign/users/id_of_run.graphql"
)]
struct IdOfRun;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/campaign/users/stop_by_id.graphql"
)]
struct StopById;

/// Triggers a run by a mutation that is never made twice.
pub(super) async fn trigger_by_own_document(lane: &Lane, rng: &mut Rng) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger, own document");
    let variables = start_marked::Variables {
        agent: agent(rng).to_owned(),
        message: marker.clone(),
    };
    let call = lane
        .client
        .execute_mutation::<StartMarked>(variables, RetrySafety::Never);
    let root = match call.await {
        Ok(response) => response.data.trigger_dinoai_agent_run,
        Err(error) => return lane.note(&marker, began, Way::Call, Err(&error)),
    };
    let known = match root.map(|run| (run.ok, SessionId::new(run.agent_session_id))) {
        Some((true, Ok(id))) => Known::Started(id.to_string()),
        // `ok: false` beside an id proves nothing.
        Some((false, Ok(id))) => Known::Maybe(Some(id.to_string())),
        Some((false, Err(_))) => Known::Not,
        Some((true, Err(_))) | None => Known::Maybe(None),
    };
    lane.note_as(known, &marker, began, Way::Call, None);
}

/// Starts a run, and reads its id by a query.
pub(super) async fn read_by_own_document(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, agent(rng)).await else {
        return;
    };
    lane.begin("read, own document");
    let id = session.id().to_string();
    let call = lane
        .client
        .execute::<IdOfRun>(id_of_run::Variables { id: id.clone() });
    let response = match call.await {
        Ok(response) => response,
        Err(error) if lane.conditions == Conditions::Calm => {
            let text = format!("nothing had failed, but a query: {error}");
            return lane.ledger().contradictions.push(text);
        }
        Err(error) if error.may_have_started() => {
            let text = format!("a query may have started something: {error}");
            return lane.ledger().contradictions.push(text);
        }
        Err(_) => return,
    };
    let read = response
        .data
        .dinoai_agent_run
        .map(|run| run.agent_session_id);
    let is_explained = match &read {
        Some(read) => *read == id,
        None => !response.errors.is_empty() || lane.conditions != Conditions::Calm,
    };
    if !is_explained {
        let text = format!(
            "a query of run {id} gave {read:?}, with {:?}",
            response.errors
        );
        lane.ledger().contradictions.push(text);
    }
}

/// Stops a run by a mutation that may be made twice. Returns whether the API has accepted it.
pub(super) async fn stop_by_own_document(lane: &Lane, session: &SessionId) -> bool {
    let variables = stop_by_id::Variables {
        id: session.to_string(),
    };
    let call = lane
        .client
        .execute_mutation::<StopById>(variables, RetrySafety::Idempotent);
    match call.await {
        Ok(response) => response.data.stop_dinoai_agent_run.is_some_and(|it| it.ok),
        Err(error) => {
            // It may be made twice: nothing is unknown that matters.
            if error.may_have_started() {
                let text = format!("a stop may have started something: {error}");
                lane.ledger().contradictions.push(text);
            }
            false
        }
    }
}
