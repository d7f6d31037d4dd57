//! Documents of the user's own go the way of the library's operations.

mod as_our_own;
mod nothing_made_up;
mod refusals;
mod responses;
mod sent_again;
mod several_runs;
mod status_enum;
mod workspaces;

use dinoai::graphql_client::{self, GraphQLQuery};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/library/own_documents/last_words.graphql",
    response_derives = "Debug, Clone, PartialEq"
)]
pub(crate) struct LastWords;

pub(crate) fn of_run(id: &str) -> last_words::Variables {
    last_words::Variables { id: id.to_owned() }
}

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/library/own_documents/start.graphql",
    response_derives = "Debug"
)]
pub(crate) struct Start;
