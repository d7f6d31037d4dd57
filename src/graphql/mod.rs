//! Documents of your own: another operation of the same API, or other fields of a run.
//!
//! [`Client::execute`](crate::Client::execute) sends a query, and
//! [`Client::execute_mutation`](crate::Client::execute_mutation) a mutation, of which you say whether it may
//! be sent twice. They have what the client's own calls have: credentials, retries, limits, timeouts,
//! redaction, spans, and errors that say what happened. The [guide](crate::guide::own_documents) has it all
//! from the first file on.
//!
//! ```
//! use dinoai::graphql_client::{self, GraphQLQuery};
//!
//! #[derive(GraphQLQuery)]
//! #[graphql(
//!     schema_path = "graphql/schema.graphql",
//!     query_path = "examples/graphql/workspace_of_run.graphql"
//! )]
//! struct WorkspaceOfRun;
//!
//! async fn show_workspace(client: &dinoai::Client, id: &str) -> dinoai::Result<()> {
//!     let variables = workspace_of_run::Variables { id: id.to_owned() };
//!     let response = client.execute::<WorkspaceOfRun>(variables).await?;
//!     match response.data.dinoai_agent_run {
//!         Some(run) => println!("{}", run.workspace_uid),
//!         // There is no such run, or it could not be read: the errors say it.
//!         None => println!("nothing: {:?}", response.errors),
//!     }
//!     Ok(())
//! }
//! # fn main() {}
//! ```

mod document;
mod execute;
mod response;

pub use document::RetrySafety;
pub use response::Response;

pub(crate) use document::OwnDocument;
