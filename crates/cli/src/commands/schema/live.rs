//! The schema of the API, by introspection.

use dinoai::graphql::Response;
use dinoai::graphql_client::{GraphQLQuery, QueryBody};
use dinoai::{Client, Error};
use dinoai_emulator::documents::Schema;
use serde_json::{Value, json};

use super::super::context::Context;
use super::problems::in_lines;
use crate::report::{ExitStatus, Failure, FailureKind};
use crate::sanitize::excerpt;

/// With all that servers of today say of themselves: arguments and input fields that are deprecated, too.
const NEWER: &str = include_str!("introspection.graphql");
/// What the servers of before know of it.
const OLDER: &str = include_str!("older_introspection.graphql");

/// The schema that the API says it has.
pub(super) async fn schema(context: &mut Context<'_>) -> Result<Schema, Failure> {
    context
        .output
        .show_activity("asking the API for its schema");
    let client = context.client;
    let done = tokio::select! {
        done = read(client) => done,
        signal = context.interrupts.next() => Err(Failure::interrupted_idle(signal)),
    };
    context.output.clear_progress();
    done
}

/// The same, whatever comes of interrupts.
pub(super) async fn read(client: &Client) -> Result<Schema, Failure> {
    let Response { data, errors, .. } = introspect(client).await.map_err(refused)?;
    let response = json!({ "data": data, "errors": errors });
    let parse = |response: &Value| Schema::parse("the API's schema", response.to_string());
    // A server may say anything at all where names should be, and why it says nothing beside the data.
    let schema = parse(&response).or_else(|_| parse(&client.redacted(response)));
    schema.map_err(|problems| {
        let text = format!(
            "the API's response to an introspection is of no use: {}",
            excerpt(&in_lines(&problems))
        );
        let failure = Failure::new(FailureKind::Decode, ExitStatus::Unavailable, text);
        failure.with_hint(OTHERWISE)
    })
}

/// What is shown of a change: the names of a server's schema are as it likes.
pub(super) fn shown(client: &Client, text: &str) -> String {
    match client.redacted(json!(text)) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// What to do without an introspection.
const OTHERWISE: &str = "without introspection: put the new schema into a file, and add --against FILE; \
                         or let `dinoai doctor` try each document";

/// The failure of an introspection.
fn refused(error: Error) -> Failure {
    let is_refusal = matches!(
        error,
        Error::GraphQl { .. } | Error::Unsupported { .. } | Error::Http { .. }
    );
    let failure = Failure::from(error);
    match is_refusal {
        true => Failure {
            message: format!(
                "the API does not say which schema it has: {}",
                failure.message
            ),
            hint: Some(OTHERWISE.to_owned()),
            ..failure
        },
        false => failure,
    }
}

async fn introspect(client: &Client) -> dinoai::Result<Response<Value>> {
    let newer = client.execute::<Introspection<true>>(json!({})).await;
    let is_older = match &newer {
        Err(Error::Unsupported { fields, .. }) => !fields.iter().any(|it| it == "__schema"),
        // Some servers put the errors of validation beside data without a value.
        Ok(Response { data, errors, .. }) => !errors.is_empty() && data["__schema"].is_null(),
        Err(_) => false,
    };
    match is_older {
        // What is deprecated of arguments and input fields is then not seen.
        true => client.execute::<Introspection<false>>(json!({})).await,
        false => newer,
    }
}

/// The introspection, of newer servers or of all.
struct Introspection<const IS_NEWER: bool>;

impl<const IS_NEWER: bool> GraphQLQuery for Introspection<IS_NEWER> {
    type Variables = Value;
    type ResponseData = Value;

    fn build_query(variables: Value) -> QueryBody<Value> {
        QueryBody {
            variables,
            query: if IS_NEWER { NEWER } else { OLDER },
            operation_name: "Introspection",
        }
    }
}
