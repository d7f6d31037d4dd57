//! [`OwnDocument`]: a document of the user's own, once it is known which kind of operation it is.

use std::collections::HashSet;
use std::panic::catch_unwind;

use graphql_client::GraphQLQuery;
use graphql_parser::query::{
    Definition, Document, OperationDefinition, Selection, SelectionSet, parse_query,
};

use super::response::Response;
use crate::error::{Error, Purpose, excerpt};
use crate::operations::{find_ids, relax_own_mutation, relax_own_query};
use crate::transport::{OperationInfo, Reader, Safety, after_variables, request_body};

/// Whether a mutation may be sent again that may have been carried out.
///
/// Nobody but its author knows: see [`Client::execute_mutation`](crate::Client::execute_mutation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetrySafety {
    /// Made twice it does no harm: it is sent again like a query.
    Idempotent,
    /// Made twice it acts twice: it is sent again only if nothing was carried out for certain.
    Never,
}

/// A request with a document of the user's own, and how its response is read.
pub(crate) struct OwnDocument<T> {
    pub(super) body: Vec<u8>,
    pub(super) reader: Reader<T, Response<T>>,
}

impl<T> OwnDocument<T> {
    pub(crate) fn query<Q: GraphQLQuery<ResponseData = T>>(
        variables: Q::Variables,
    ) -> Result<Self, Error> {
        Self::new::<Q>(variables, None)
    }

    pub(crate) fn mutation<Q: GraphQLQuery<ResponseData = T>>(
        variables: Q::Variables,
        safety: RetrySafety,
    ) -> Result<Self, Error> {
        Self::new::<Q>(variables, Some(safety))
    }

    /// `safety`: what the caller says of a mutation; `None` of a query.
    fn new<Q: GraphQLQuery<ResponseData = T>>(
        variables: Q::Variables,
        safety: Option<RetrySafety>,
    ) -> Result<Self, Error> {
        let request = Q::build_query(variables);
        let name = request.operation_name;
        let roots = checked(request.query, name, safety)?;
        let (purpose, safety, relax): (_, _, fn(&mut _)) = match safety {
            None => (Purpose::Query, Safety::Read, relax_own_query),
            Some(RetrySafety::Idempotent) => (
                Purpose::IdempotentMutation,
                Safety::Idempotent,
                relax_own_mutation,
            ),
            Some(RetrySafety::Never) => (Purpose::Mutation, Safety::Never, relax_own_mutation),
        };
        let info = OperationInfo {
            name,
            purpose,
            root: None,
            skipped_root: None,
            id_field: "agentSessionId",
            safety,
            // What it is about, the backend alone knows.
            needs_workspace: false,
            may_miss: &[],
            relax,
            find_ids,
            // The API's words are about documents of this crate.
            is_refusal: |_, _| false,
        };
        Ok(Self {
            body: request_body(&request.variables, &after_variables(request.query, name))?,
            reader: Reader::whole(info, roots, |data, errors| Ok(Response { data, errors })),
        })
    }
}

/// Refuses a document unless the operation of this name is what the caller takes it for. Returns what its
/// root fields are called in the response.
fn checked(document: &str, name: &str, safety: Option<RetrySafety>) -> Result<Vec<String>, Error> {
    let shown = excerpt(name);
    let refused = |problem| {
        Err(Error::InvalidRequest {
            field: "document",
            problem,
        })
    };
    // It panics on some block strings; so does the derive, but not everybody derives.
    let parsed = match catch_unwind(|| parse_query::<&str>(document)) {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(error)) => {
            let text = error.to_string();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            return refused(format!("of {shown} cannot be parsed: {}", excerpt(&text)));
        }
        Err(_) => return refused(format!("of {shown} cannot be parsed: the parser panics")),
    };
    let mut named = operations(&parsed, name);
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return refused(format!(
            "holds several operations named {shown}: a server may execute any of them"
        ));
    }
    let Some((kind, selections)) = first else {
        return refused(match name {
            "" => "needs an operation with a name, by which the server is asked for it".to_owned(),
            _ => format!(
                "holds no operation named {shown}: name the struct that derives it after an operation"
            ),
        });
    };
    match (kind, safety) {
        (Kind::Query, None) | (Kind::Mutation, Some(_)) => Ok(response_keys(&parsed, selections)),
        (Kind::Mutation, None) => refused(format!(
            "holds the mutation {shown}: send it with execute_mutation, which asks whether it may be sent twice"
        )),
        (Kind::Query, Some(_)) => refused(format!("holds the query {shown}: send it with execute")),
        (Kind::Subscription, _) => refused(format!(
            "holds the subscription {shown}: send a query or a mutation"
        )),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Query,
    Mutation,
    Subscription,
}

/// The operations of a name, with what they select. `QueryBody.query` is the whole file, whatever comes
/// first in it.
fn operations<'d, 'a>(
    document: &'d Document<'a, &'a str>,
    name: &str,
) -> impl Iterator<Item = (Kind, &'d SelectionSet<'a, &'a str>)> {
    document.definitions.iter().filter_map(move |definition| {
        let Definition::Operation(operation) = definition else {
            return None;
        };
        let (kind, known, selections) = match operation {
            OperationDefinition::Query(it) => (Kind::Query, it.name, &it.selection_set),
            OperationDefinition::Mutation(it) => (Kind::Mutation, it.name, &it.selection_set),
            OperationDefinition::Subscription(it) => {
                (Kind::Subscription, it.name, &it.selection_set)
            }
            OperationDefinition::SelectionSet(_) => return None,
        };
        (known == Some(name)).then_some((kind, selections))
    })
}

/// What selections are called in the response, those of fragments among them.
fn response_keys<'d, 'a>(
    document: &'d Document<'a, &'a str>,
    selections: &'d SelectionSet<'a, &'a str>,
) -> Vec<String> {
    let (mut keys, mut seen) = (vec![], HashSet::new());
    let mut ahead = vec![selections];
    while let Some(selections) = ahead.pop() {
        for selection in &selections.items {
            match selection {
                Selection::Field(field) => keys.push(field.alias.unwrap_or(field.name).to_owned()),
                Selection::InlineFragment(fragment) => ahead.push(&fragment.selection_set),
                Selection::FragmentSpread(spread) if seen.insert(spread.fragment_name) => {
                    let fragments = document.definitions.iter().filter_map(|it| match it {
                        Definition::Fragment(it) => Some(it),
                        Definition::Operation(_) => None,
                    });
                    let fragments = fragments.filter(|it| it.name == spread.fragment_name);
                    ahead.extend(fragments.map(|it| &it.selection_set));
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::documents::*;
    use crate::transport::Operation;

    /// Whether a document of this crate is what the transport takes it for.
    fn agrees<O: Operation>(document: &str) {
        let parsed = parse_query::<&str>(document).unwrap();
        let kind = match O::INFO.safety {
            Safety::Read => Kind::Query,
            Safety::Idempotent | Safety::Never => Kind::Mutation,
        };
        let operations = operations(&parsed, O::INFO.name);
        let kinds: Vec<_> = operations.map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [kind], "{document}");
        let (_, selections) = super::operations(&parsed, O::INFO.name).next().unwrap();
        let roots = O::INFO.root.map(str::to_owned);
        assert_eq!(response_keys(&parsed, selections), [roots.unwrap()]);
    }

    #[test]
    fn the_documents_of_this_crate_are_what_the_transport_takes_them_for() {
        agrees::<TriggerDinoaiAgentRun>(trigger_dinoai_agent_run::QUERY);
        agrees::<TriggerDinoaiAgentRunWithOptions>(trigger_dinoai_agent_run_with_options::QUERY);
        agrees::<SendDinoaiAgentMessage>(send_dinoai_agent_message::QUERY);
        agrees::<StopDinoaiAgentRun>(stop_dinoai_agent_run::QUERY);
        agrees::<DinoaiAgentRun>(dinoai_agent_run::QUERY);
        agrees::<DinoaiAgentRunStatus>(dinoai_agent_run_status::QUERY);
        agrees::<DinoaiAgentRunDigest>(dinoai_agent_run_digest::QUERY);
        agrees::<DinoaiAgentRunSteps>(dinoai_agent_run_steps::QUERY);
        agrees::<ListWorkspaces>(list_workspaces::QUERY);
    }
}
