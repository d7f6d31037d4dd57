//! Documents of the user's own, with variables that nobody else may see.

use dinoai::graphql_client::{self, GraphQLQuery};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/secrets/own.graphql",
    response_derives = "Debug"
)]
pub(crate) struct OwnRead;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/secrets/own.graphql",
    response_derives = "Debug"
)]
pub(crate) struct OwnStart;

pub(crate) fn read_of(id: &str) -> own_read::Variables {
    own_read::Variables { id: id.to_owned() }
}

pub(crate) fn start_with(message: &str) -> own_start::Variables {
    let message = Some(message.to_owned());
    own_start::Variables { message }
}
