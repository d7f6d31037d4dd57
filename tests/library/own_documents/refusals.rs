//! A document that is not what its call takes it for is refused before any request, by its name.

use dinoai::Error;
use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{GraphQLQuery, QueryBody};
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;

/// A document that nothing has checked.
trait Unchecked {
    const DOCUMENT: &'static str;
    const NAME: &'static str;
}

struct Of<D>(D);

impl<D: Unchecked> GraphQLQuery for Of<D> {
    type Variables = Value;
    type ResponseData = Value;

    fn build_query(variables: Value) -> QueryBody<Value> {
        QueryBody {
            variables,
            query: D::DOCUMENT,
            operation_name: D::NAME,
        }
    }
}

macro_rules! unchecked {
    ($name:ident, $document:expr) => {
        struct $name;

        impl Unchecked for $name {
            const DOCUMENT: &'static str = $document;
            const NAME: &'static str = stringify!($name);
        }
    };
}

/// Two operations, of which the first is another one than what is named.
const TWO: &str = "
    # mutation Read { a }
    query Read { dinoaiAgentRun(agentSessionId: \"mutation Read { a }\") { ok } }
    mutation Start { triggerDinoaiAgentRun(agent: \"a\") { ok } }
    subscription Listen { a }
";

unchecked!(Read, TWO);
unchecked!(Start, TWO);
unchecked!(Listen, TWO);
unchecked!(Missing, TWO);
unchecked!(Unnamed, "{ dinoaiAgentRun(agentSessionId: \"a\") { ok } }");
unchecked!(
    Broken,
    "query Broken { dinoaiAgentRun(agentSessionId: ) { ok } }"
);
unchecked!(Empty, "");
unchecked!(
    Twice,
    "query Twice { a } mutation Twice { triggerDinoaiAgentRun(agent: \"a\") { ok } }"
);
unchecked!(
    Wide,
    "query Wide { dinoaiAgentRun(agentSessionId: \"\"\"\n a\n\u{a0}b\n\"\"\") { ok } }"
);
unchecked!(Fragment, "fragment Fragment on DinoAiAgentRun { ok }");

async fn refused_as_query<D: Unchecked>() -> String {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let error = client.execute::<Of<D>>(json!({})).await.unwrap_err();
    let is_right = matches!(
        &error,
        Error::InvalidRequest {
            field: "document",
            ..
        }
    );
    assert!(is_right && server.arrived() == 0, "{error:?}");
    error.to_string()
}

async fn refused_as_mutation<D: Unchecked>() -> String {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let call = client.execute_mutation::<Of<D>>(json!({}), RetrySafety::Idempotent);
    let error = call.await.unwrap_err();
    let is_right = matches!(
        &error,
        Error::InvalidRequest {
            field: "document",
            ..
        }
    );
    assert!(is_right && server.arrived() == 0, "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_document_that_is_not_what_its_call_takes_it_for_is_refused_by_name() {
    let texts = [
        refused_as_query::<Start>().await,
        refused_as_query::<Listen>().await,
        refused_as_query::<Missing>().await,
        refused_as_query::<Unnamed>().await,
        refused_as_query::<Broken>().await,
        refused_as_query::<Empty>().await,
        // The parser panics on it.
        refused_as_query::<Wide>().await,
        refused_as_query::<Fragment>().await,
        refused_as_query::<Twice>().await,
        refused_as_mutation::<Read>().await,
        refused_as_mutation::<Missing>().await,
        refused_as_mutation::<Twice>().await,
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

/// A query whose struct was written by hand.
struct ByHand<const NAMED: bool>;

impl<const NAMED: bool> GraphQLQuery for ByHand<NAMED> {
    type Variables = serde_json::Value;
    type ResponseData = serde_json::Value;

    fn build_query(variables: Self::Variables) -> QueryBody<Self::Variables> {
        QueryBody {
            variables,
            query: "{ a }",
            operation_name: if NAMED { "\u{1b}[31mB\n" } else { "" },
        }
    }
}

#[tokio::test]
async fn an_operation_is_shown_without_anything_that_a_terminal_acts_on() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let error = client.execute::<ByHand<true>>(json!({})).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(['\u{1b}', '\n']), "{text}");
    let error = client.execute::<ByHand<false>>(json!({})).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("needs an operation with a name"), "{text}");
    assert_eq!(server.arrived(), 0);
}

#[tokio::test]
async fn the_operation_is_found_whatever_else_the_file_holds() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let data = json!({ "data": { "a": 1 } });
    let reply = || crate::support::fault_server::Reply::json(200, &data);
    server.answer_next([reply(), reply()]);
    let read = client.execute::<Of<Read>>(json!({})).await.unwrap();
    assert_eq!(read.data, data["data"]);
    let call = client.execute_mutation::<Of<Start>>(json!({}), RetrySafety::Never);
    assert_eq!(call.await.unwrap().data, data["data"]);
    assert_eq!(server.operations(), ["Read", "Start"]);
    assert_eq!(server.seen()[0].query, TWO);
}

#[tokio::test]
async fn variables_that_cannot_be_written_are_refused() {
    struct Odd;
    impl GraphQLQuery for Odd {
        type Variables = std::collections::HashMap<Vec<u8>, u8>;
        type ResponseData = Value;

        fn build_query(variables: Self::Variables) -> QueryBody<Self::Variables> {
            QueryBody {
                variables,
                query: TWO,
                operation_name: "Read",
            }
        }
    }
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let error = client
        .execute::<Odd>([(vec![1], 1)].into())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { .. }), "{error:?}");
    assert_eq!(server.arrived(), 0);
}
