//! The methods of a [`Client`] that send documents of the user's own.

use graphql_client::GraphQLQuery;
use serde::de::DeserializeOwned;

use super::Client;
#[cfg(doc)]
use crate::error::Error;
use crate::graphql::{OwnDocument, Response, RetrySafety};
use crate::operations::Call;

impl Client {
    /// Sends a query of your own, checked when it is compiled, and returns its data.
    ///
    /// It is sent again like any read: see [`Retry`](crate::Retry). Errors beside the data are in
    /// [`Response::errors`].
    ///
    /// ```
    /// use dinoai::graphql_client::{self, GraphQLQuery};
    ///
    /// #[derive(GraphQLQuery)]
    /// #[graphql(
    ///     schema_path = "graphql/schema.graphql",
    ///     query_path = "examples/graphql/workspace_of_run.graphql"
    /// )]
    /// struct WorkspaceOfRun;
    ///
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let variables = workspace_of_run::Variables { id: "xwzdneft6emspe0f".to_owned() };
    /// let response = client.execute::<WorkspaceOfRun>(variables).await?;
    /// match response.data.dinoai_agent_run {
    ///     Some(run) => println!("{}", run.workspace_uid),
    ///     // There is no such run, or it could not be read: the errors say it.
    ///     None => println!("nothing: {:?}", response.errors),
    /// }
    /// # Ok(())
    /// # }
    /// # fn main() {}
    /// ```
    ///
    /// Data is read as the derived types say. Where that fails and no error stands beside it, a text that holds
    /// a number is read as one for the fields `ts` and `index`, and null as an empty list for `messages` and
    /// `childSessionIds` of a run at the root, as the vendor's own clients do. Where errors stand beside data that cannot be read, they are an
    /// [`Error::GraphQl`] with the data as it came.
    ///
    /// A null field with an error beside it is no failed call: it is returned at once, and not sent again.
    /// A response with HTTP 401, 403 or 429 is one, whatever data is in it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] before anything is sent, if the document has no operation of the derived
    /// name, or that is no query; if `data` is null or absent [`Error::GraphQl`], or
    /// [`Error::Unsupported`] if the backend does not know a field or an argument; and those of any call:
    /// [`Error::NotSent`], [`Error::Transport`], [`Error::Unauthorized`], [`Error::RateLimited`],
    /// [`Error::Http`], [`Error::Decode`], [`Error::ResponseTooLarge`].
    pub fn execute<Q>(&self, variables: Q::Variables) -> Call<Response<Q::ResponseData>>
    where
        Q: GraphQLQuery<ResponseData: Send + 'static>,
    {
        self.send_document(OwnDocument::query::<Q>(variables))
    }

    /// Sends a mutation of your own, and returns its data.
    ///
    /// `safety` says whether it may be made twice. [`RetrySafety::Idempotent`] sends it again like a
    /// query. [`RetrySafety::Never`] sends it again only if its body never left this machine, or after
    /// HTTP 429 without a value; what nothing proves not to have been carried out is
    /// [`Error::OutcomeUnknown`], and [`Error::may_have_started`] is true. A closed client sends none
    /// with `Never`: see [`close`](Self::close).
    ///
    /// `Ok` says that the server answered with data, not that the mutation was carried out. Null at its field
    /// with an error beside it leaves that open, as [`Error::OutcomeUnknown`] does; so does `ok: false` beside a
    /// session id, while `ok: false` without one is a refusal.
    ///
    /// Data is read as the derived types say. Where that fails and no error stands beside it, numbers in texts
    /// are read as by [`execute`](Self::execute), and null or nothing as an empty text for `status`, and for the
    /// id beside `ok: false`.
    ///
    /// Session ids in the response are kept whatever else the response is, if the document selects them by
    /// their own name, `agentSessionId`: the first is [`Error::session_id`], others are
    /// [`FailedCall::further_ids`](crate::error::FailedCall::further_ids).
    ///
    /// ```
    /// use dinoai::graphql::RetrySafety;
    /// use dinoai::graphql_client::{self, GraphQLQuery};
    ///
    /// #[derive(GraphQLQuery)]
    /// #[graphql(
    ///     schema_path = "graphql/schema.graphql",
    ///     query_path = "examples/graphql/remind_run.graphql"
    /// )]
    /// struct RemindRun;
    ///
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let variables = remind_run::Variables { id: "xwzdneft6emspe0f".to_owned() };
    /// let response = client.execute_mutation::<RemindRun>(variables, RetrySafety::Never).await?;
    /// match response.data.send_dinoai_agent_message {
    ///     Some(accepted) => println!("accepted: {}", accepted.ok),
    ///     // It may have been sent all the same.
    ///     None => println!("failed: {:?}", response.errors),
    /// }
    /// # Ok(())
    /// # }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`execute`](Self::execute); [`Error::InvalidRequest`] if it is no mutation; and with
    /// [`RetrySafety::Never`] those of a trigger: see [`trigger_run`](Self::trigger_run).
    pub fn execute_mutation<Q>(
        &self,
        variables: Q::Variables,
        safety: RetrySafety,
    ) -> Call<Response<Q::ResponseData>>
    where
        Q: GraphQLQuery<ResponseData: Send + 'static>,
    {
        self.send_document(OwnDocument::mutation::<Q>(variables, safety))
    }

    /// JSON of a server without the credentials and the endpoint's path.
    ///
    /// For what the command `dinoai` says of a response that it reads itself.
    #[doc(hidden)]
    #[must_use]
    pub fn redacted(&self, value: serde_json::Value) -> serde_json::Value {
        self.api.executor().context().redaction.json(value)
    }

    fn send_document<T>(&self, document: crate::Result<OwnDocument<T>>) -> Call<Response<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        Call::new(self.api.clone(), async move |api, options| {
            api.execute(document?, options).await
        })
    }
}
