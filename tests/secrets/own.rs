//! Documents of the user's own.

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
