//! The one document that is made at run time: the statuses of many runs in one request.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::convert::{READ_ROOT, read, run_status};
use super::documents::{DinoAiAgentRunStatus, dinoai_agent_run_status};
use super::lenient::relax_run;
use crate::error::{Error, FailedCall, GraphQlError, PathSegment, Purpose};
use crate::model::{RunStatus, SessionId};
use crate::transport::{
    CallOptions, Executor, OperationInfo, Refusal, Response, ResponseContext, after_variables,
    parsed, request_body, without_values,
};

/// The one document that is made at run time: the statuses of many runs, one alias each, over
/// the fragment of the document for one.
pub(crate) struct StatusBatch<'a> {
    ids: &'a [SessionId],
    wanted: Wanted,
}

impl StatusBatch<'_> {
    pub(crate) const INFO: OperationInfo = read("DinoaiAgentRunStatuses", Purpose::ReadStatus);
    /// The largest whose document is kept: no wait asks for more at once.
    pub(crate) const LARGEST_KEPT: usize = 50;

    /// The body of its request.
    pub(crate) fn body(&self) -> Result<Vec<u8>, Error> {
        static KEPT: [[OnceLock<String>; StatusBatch::LARGEST_KEPT + 1]; 2] =
            [const { [const { OnceLock::new() }; StatusBatch::LARGEST_KEPT + 1] }; 2];
        let rest = || after_variables(&self.document(), Self::INFO.name);
        let variables = Variables(self.ids);
        let [of_statuses, with_children] = &KEPT;
        let kept = match self.wanted {
            Wanted::Status => of_statuses,
            Wanted::StatusAndChildren => with_children,
        };
        match kept.get(self.ids.len()) {
            Some(kept) => request_body(&variables, kept.get_or_init(rest)),
            None => request_body(&variables, &rest()),
        }
    }

    fn document(&self) -> String {
        let size = self.ids.len();
        let children = match self.wanted {
            Wanted::Status => "",
            Wanted::StatusAndChildren => " childSessionIds",
        };
        let (_, fragment) = dinoai_agent_run_status::QUERY
            .split_once("\nfragment ")
            .unwrap_or_default();
        let declarations: Vec<_> = (0..size)
            .map(|place| format!("${}: String!", Variable(place)))
            .collect();
        let selections: Vec<_> = (0..size)
            .map(|place| {
                let (alias, variable) = (batch_alias(place), Variable(place));
                format!("  {alias}: dinoaiAgentRun(agentSessionId: ${variable}) {{ ...RunStatus{children} }}")
            })
            .collect();
        format!(
            "query {}({}) {{\n{}\n}}\n\nfragment {fragment}",
            Self::INFO.name,
            declarations.join(", "),
            selections.join("\n"),
        )
    }
}

/// The name of the variable for the id at a place of a batch.
struct Variable(usize);

impl fmt::Display for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "id{}", self.0)
    }
}

impl Serialize for Variable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct Variables<'a>(&'a [SessionId]);

impl Serialize for Variables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids = self.0.iter().enumerate();
        serializer.collect_map(ids.map(|(place, id)| (Variable(place), id)))
    }
}

/// The alias of the run at a place of a batch.
fn batch_alias(place: usize) -> String {
    format!("run{place}")
}

/// What one look reads of each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Status,
    StatusAndChildren,
}

/// What a look has read of a run. Without children where they were not wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) status: RunStatus,
    pub(crate) children: Vec<SessionId>,
}

/// A run at an alias of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunLook {
    ok: bool,
    status: DinoAiAgentRunStatus,
    #[serde(default)]
    child_session_ids: Vec<String>,
}

/// The place in a batch whose alias this is.
fn place_of(alias: &str) -> Option<usize> {
    let place = alias.strip_prefix("run")?;
    let is_ours = place == "0" || place.starts_with(|digit| matches!(digit, '1'..='9'));
    place.parse().ok().filter(|_| is_ours)
}

/// What stands at an alias of a batch, or with `ok: false` the status beside it.
type Said = Result<Reading, String>;

fn said(run: RunLook) -> Said {
    match run_status(run.ok, run.status) {
        Ok(status) => Ok(Reading {
            status,
            children: run
                .child_session_ids
                .into_iter()
                // A blank one is none.
                .filter_map(|id| SessionId::new(id).ok())
                .collect(),
        }),
        Err(Refusal::NotAccepted(status)) => Err(status),
        Err(Refusal::Nothing | Refusal::Invalid { .. }) => Err(String::new()),
    }
}

/// The statuses of a whole batch in the order of its aliases, as a server has to give them;
/// `None` where the run is null. Any other alias, and any other order, is an error.
struct InOrder(Vec<Option<Said>>);

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrderVisitor)
    }
}

struct InOrderVisitor;

impl<'de> Visitor<'de> for InOrderVisitor {
    type Value = InOrder;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the statuses of a batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<InOrder, A::Error> {
        let mut statuses = vec![];
        while let Some(Place(place)) = entries.next_key()? {
            if place != Some(statuses.len()) {
                return Err(A::Error::custom("not the alias that is next"));
            }
            let run: Option<RunLook> = entries.next_value()?;
            statuses.push(run.map(said));
        }
        Ok(InOrder(statuses))
    }
}

/// The name of an entry, as a place.
struct Place(Option<usize>);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(PlaceVisitor)
    }
}

struct PlaceVisitor;

impl Visitor<'_> for PlaceVisitor {
    type Value = Place;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an alias")
    }

    fn visit_str<E>(self, alias: &str) -> Result<Place, E> {
        Ok(Place(place_of(alias)))
    }
}

/// Looks at many runs in one request, each with an error of its own if there is one.
pub(super) async fn read_many(
    executor: &Executor,
    ids: &[SessionId],
    wanted: Wanted,
    options: CallOptions,
) -> Result<Vec<Result<Reading, Error>>, Error> {
    let context = executor.context();
    let body = StatusBatch { ids, wanted }.body()?;
    executor
        .send(&StatusBatch::INFO, body, None, options, |response, call| {
            read_batch(response, call, ids, context)
        })
        .await
}

/// The statuses that a batch asked for, each with an error of its own if there is one.
pub(crate) fn read_batch(
    response: &Response,
    call: &FailedCall,
    ids: &[SessionId],
    context: &ResponseContext,
) -> Result<Vec<Result<Reading, Error>>, Error> {
    match response.strict_data() {
        Some(InOrder(statuses)) if statuses.len() == ids.len() => {
            let statuses = statuses.into_iter().zip(ids);
            let statuses = statuses.map(|(status, id)| match status {
                Some(status) => accepted(status, || call_about(call, id), context),
                None => Err(Error::NotFound {
                    call: call_about(call, id),
                }),
            });
            Ok(statuses.collect())
        }
        _ => examined_batch(response, call, ids, context),
    }
}

/// The call of a batch as one about this run.
fn call_about(call: &FailedCall, id: &SessionId) -> Box<FailedCall> {
    Box::new(FailedCall {
        session_id: Some(id.clone()),
        ..call.clone()
    })
}

fn accepted(
    status: Said,
    call: impl FnOnce() -> Box<FailedCall>,
    context: &ResponseContext,
) -> Result<Reading, Error> {
    status.map_err(|status| Error::NotAccepted {
        call: call(),
        status: context.redaction.text(&status),
    })
}

/// As [`read_batch`], by a look at everything that a response can be.
pub(crate) fn examined_batch(
    response: &Response,
    call: &FailedCall,
    ids: &[SessionId],
    context: &ResponseContext,
) -> Result<Vec<Result<Reading, Error>>, Error> {
    let is_at_an_alias = |error: &GraphQlError| !error.path.is_empty();
    let (data, errors) = response
        .data(call, context, is_at_an_alias)
        .map_err(|error| of_one_run(error, ids.len()))?;
    let mut values: HashMap<String, Box<RawValue>> =
        serde_json::from_str(data.get()).map_err(|error| Error::Decode {
            call: Box::new(call.clone()),
            path: "data".to_owned(),
            problem: without_values(&error.to_string()),
        })?;
    let statuses = ids.iter().enumerate().map(|(place, id)| {
        let alias = batch_alias(place);
        let call = || call_about(call, id);
        let is_here = |error: &&GraphQlError| {
            matches!(error.path.first(), Some(PathSegment::Field(name)) if *name == alias)
        };
        let Some(value) = values.remove(&alias).filter(|value| value.get() != "null") else {
            let mut errors: Vec<_> = errors.iter().filter(is_here).cloned().collect();
            for error in &mut errors {
                move_to_the_root(error, &alias);
            }
            if errors.is_empty() {
                return Err(Error::NotFound { call: call() });
            }
            return Err(Error::GraphQl {
                call: call(),
                errors,
                data: None,
                executed: true,
            });
        };
        match decoded(&value) {
            Ok(status) => accepted(status, call, context),
            Err(error) => Err(Error::Decode {
                call: call(),
                path: format!("data.{}.{}", READ_ROOT, error.path()),
                problem: without_values(&error.into_inner().to_string()),
            }),
        }
    });
    Ok(statuses.collect())
}

/// What stands at an alias: strictly first, leniently where that fails.
fn decoded(value: &RawValue) -> Result<Said, serde_path_to_error::Error<serde_json::Error>> {
    let strict =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(value.get()));
    let run = strict.or_else(|error| {
        let relaxed = parsed(value).and_then(|mut value| {
            relax_run(&mut value);
            serde_json::from_value(value).ok()
        });
        relaxed.ok_or(error)
    });
    run.map(said)
}

/// The error of a whole batch of this size, without the aliases in it: they are ours, and each run
/// gets the error as its own.
fn of_one_run(mut error: Error, size: usize) -> Error {
    if let Error::GraphQl { errors, .. } = &mut error {
        for alias in (0..size).map(batch_alias) {
            errors
                .iter_mut()
                .for_each(|error| move_to_the_root(error, &alias));
        }
    }
    error
}

/// Makes an error at an alias of a batch one of a read of that run alone.
fn move_to_the_root(error: &mut GraphQlError, alias: &str) {
    if let Some(PathSegment::Field(name)) = error.path.first_mut()
        && name == alias
    {
        *name = READ_ROOT.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::{ExecutableDocument, Schema};

    use super::*;

    #[test]
    fn a_batch_of_any_size_is_a_valid_document() {
        let sdl = include_str!("../../graphql/schema.graphql");
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap();
        let both = [Wanted::Status, Wanted::StatusAndChildren];
        for (size, wanted) in [
            1,
            2,
            StatusBatch::LARGEST_KEPT,
            StatusBatch::LARGEST_KEPT + 1,
        ]
        .into_iter()
        .flat_map(|size| both.map(|it| (size, it)))
        {
            let ids: Vec<_> = (0..size)
                .map(|number| SessionId::new(format!("session-{number}")).unwrap())
                .collect();
            let batch = StatusBatch { ids: &ids, wanted };
            // Also once its document is kept.
            assert_eq!(batch.body().unwrap(), batch.body().unwrap());
            let batch: serde_json::Value = serde_json::from_slice(&batch.body().unwrap()).unwrap();
            let query = batch["query"].as_str().unwrap();
            let document = ExecutableDocument::parse_and_validate(&schema, query, "batch").unwrap();
            let operation = document
                .operations
                .get(batch["operationName"].as_str())
                .unwrap();
            assert_eq!(operation.root_fields(&document).count(), size);
            let variables = batch["variables"].as_object().unwrap();
            assert_eq!(variables.len(), size);
            for (place, id) in ids.iter().enumerate() {
                assert_eq!(variables[&format!("id{place}")], id.as_str());
            }
            if (size, wanted) == (2, Wanted::StatusAndChildren) {
                let selected = "...RunStatus childSessionIds }";
                assert_eq!(query.matches(selected).count(), 2);
            }
            if (size, wanted) == (2, Wanted::Status) {
                insta::assert_snapshot!(query,
@r"
query DinoaiAgentRunStatuses($id0: String!, $id1: String!) {
  run0: dinoaiAgentRun(agentSessionId: $id0) { ...RunStatus }
  run1: dinoaiAgentRun(agentSessionId: $id1) { ...RunStatus }
}

fragment RunStatus on DinoAiAgentRun {
  ok
  status
}
");
            }
        }
    }

    #[test]
    fn statuses_are_taken_in_one_pass_where_they_stand_in_order() {
        let read = |data: &str| serde_json::from_str::<InOrder>(data).ok().map(|it| it.0);
        let running = r#"{"ok":true,"status":"RUNNING","more":[]}"#;
        let taken = read(&format!(
            r#"{{"run0":{running},"run1":null,"run2":{running}}}"#
        ));
        let reading = Some(Ok(Reading {
            status: RunStatus::Running,
            children: vec![],
        }));
        assert_eq!(taken, Some(vec![reading.clone(), None, reading]));
        let ids: Vec<_> = (0..12)
            .map(|place| format!(r#""run{place}":{running}"#))
            .collect();
        assert_eq!(read(&format!("{{{}}}", ids.join(","))).unwrap().len(), 12);
        for data in [
            format!(r#"{{"run1":{running},"run0":{running}}}"#),
            format!(r#"{{"run0":{running},"run0":{running}}}"#),
            format!(r#"{{"run0":{running},"run01":{running}}}"#),
            format!(r#"{{"run0":{running},"run+1":{running}}}"#),
            format!(r#"{{"run0":{running},"other":{running}}}"#),
            format!(r#"{{"run0":{running},"run1":{{}}}}"#),
            format!("[{running}]"),
        ] {
            assert_eq!(read(&data), None, "{data}");
        }
    }
}
