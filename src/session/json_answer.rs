//! [`JsonAnswer`]: asks for a value, and asks once more if the answer does not have it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use super::Session;
use super::ask::Ask;
use super::handle::Handle;
use super::hooks::{OnAccepted, OnStarted};
use super::instruction::Instruction;
use super::wait::Wait;
use crate::answer::{self, checked_label};
use crate::error::{AnswerProblem, Error, Result, WrongAnswer};
use crate::model::{Accepted, Run, RunStatus, SessionId, TriggerRun};
use crate::operations::{Api, CallFuture, check_request};
use crate::polling::{
    OnOutage, PollOptions, grace_period_setter, outage_setter, poll_setters, stall_setter,
};

/// Asks a run, or a follow-up, for a value as JSON in its answer.
///
/// Await it; nothing is sent before. Made by [`Client::run_json`](crate::Client::run_json) and
/// [`Session::ask_json`].
///
/// It starts the run, or sends the follow-up, waits for its end, and reads the value as
/// [`Run::answer_json`](crate::Run::answer_json) does. If the answer has no JSON, or JSON that does not
/// parse or is not of the type, it sends *one* follow-up that says what is wrong and asks for the block
/// alone, and reads that answer. All of it is within one timeout. Neither the trigger nor a
/// follow-up is sent twice, and nothing is sent after one whose outcome is unknown.
///
/// The message is sent as it is: say in it, or in the agent's YAML, that the answer ends with a fenced
/// code block of JSON, or put the type's schema into it (`schema`, with the feature of that name).
/// Otherwise the first answer often has no JSON, and a second turn has to be paid for.
///
/// # Dropping
///
/// As for a [`Wait`](crate::Wait#dropping) or an [`Ask`]; dropped while it asks again, that turn goes on.
///
/// # Errors
///
/// - [`Error::WrongAnswer`] if the second answer does not have the value either, or did not come. Nothing is
///   asked again if the turn of a follow-up has not completed ([`AnswerProblem::NotCompleted`]).
/// - Before the first answer those of a [`Wait`] that starts its run, or of an [`Ask`].
/// - [`Error::InvalidRequest`] for a blank label.
#[must_use = "nothing is sent until it is awaited"]
pub struct JsonAnswer<T> {
    asked: Asked,
    options: PollOptions,
    label: Option<String>,
    /// The JSON Schema of the type, if it is put behind each message.
    schema: Option<String>,
    on_started: Option<Box<OnStarted>>,
    on_accepted: Option<Box<OnAccepted>>,
    on_outage: Option<Box<OnOutage>>,
    on_wrong: Option<Box<OnWrong>>,
    on_ended: Option<Box<OnEnded>>,
    value: PhantomData<fn() -> T>,
}

/// Called before an answer is asked for again.
type OnWrong = dyn FnOnce(&WrongAnswer) + Send;
/// Called with the run whose answer has the value.
type OnEnded = dyn FnOnce(&Run) + Send;

enum Asked {
    New(Api, TriggerRun),
    FollowUp(Handle, String),
}

impl Session {
    /// Sends a follow-up, and reads the JSON in its answer as a value of this type.
    ///
    /// It is [`ask`](Self::ask), with one more follow-up if the answer does not have that value: see
    /// [`JsonAnswer`].
    ///
    /// ```no_run
    /// #[derive(serde::Deserialize)]
    /// struct Finding {
    ///     model: String,
    ///     rows: u64,
    /// }
    ///
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let findings: Vec<Finding> = session
    ///     .ask_json("List what is wrong, as a JSON array of objects with `model` and `rows`.")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ask_json<T: DeserializeOwned>(&self, message: impl Into<String>) -> JsonAnswer<T> {
        JsonAnswer::of(Asked::FollowUp(self.handle().clone(), message.into()))
    }
}

impl<T> JsonAnswer<T> {
    pub(crate) fn of_new(api: Api, request: TriggerRun) -> Self {
        Self::of(Asked::New(api, request))
    }

    fn of(asked: Asked) -> Self {
        Self {
            asked,
            options: PollOptions::default(),
            label: None,
            schema: None,
            on_started: None,
            on_accepted: None,
            on_outage: None,
            on_wrong: None,
            on_ended: None,
            value: PhantomData,
        }
    }

    poll_setters!(
        " for the value, including the turn in which it is asked for again",
        "client.run_json::<Vec<u64>>(TriggerRun::agent(\"checker\"))"
    );
    grace_period_setter!("session.ask_json::<Vec<u64>>(\"How many rows?\")");
    stall_setter!("session.ask_json::<Vec<u64>>(\"How many rows?\")");
    outage_setter!(
        on_outage,
        "session.ask_json::<Vec<u64>>(\"How many rows?\")"
    );

    /// Reads the block of this label alone, as
    /// [`Run::answer_json_labeled`](crate::Run::answer_json_labeled) does.
    ///
    /// Without a label the last block that is called `json` is read. A blank label is
    /// [`Error::InvalidRequest`].
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let findings: Vec<serde_json::Value> = client.run_json(request).label("dinoai-findings").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Calls `on_started` with the session id as soon as it is known, as for a
    /// [`Wait`](crate::Wait::on_started); for a follow-up as soon as that is accepted.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let answer = client.run_json(request).on_started(|id| eprintln!("started {id}"));
    /// let rows: Vec<u64> = answer.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_started(mut self, on_started: impl FnOnce(&SessionId) + Send + 'static) -> Self {
        self.on_started = Some(Box::new(on_started));
        self
    }

    /// Calls `on_accepted` with the API's response to the trigger, or to the first follow-up.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("checker").with_model_family("fast");
    /// let answer = client.run_json(request).on_accepted(|accepted| eprintln!("{:?}", accepted.warning));
    /// let rows: Vec<u64> = answer.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_accepted(mut self, on_accepted: impl FnOnce(&Accepted) + Send + 'static) -> Self {
        self.on_accepted = Some(Box::new(on_accepted));
        self
    }

    /// Calls `on_wrong` with what is wrong with the first answer, before it is asked for again.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let answer = session.ask_json("How many rows has each model?");
    /// let rows: Vec<u64> = answer.on_wrong(|wrong| eprintln!("asking again: {wrong}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_wrong(mut self, on_wrong: impl FnOnce(&WrongAnswer) + Send + 'static) -> Self {
        self.on_wrong = Some(Box::new(on_wrong));
        self
    }

    /// Calls `on_ended` with the run whose answer has the value, before the value is returned.
    ///
    /// The run has the id, the other messages and the runs that it has started. If there is no value, the run is in
    /// [`WrongAnswer::run`](crate::error::WrongAnswer::run).
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let answer = client.run_json(request).on_ended(|run| println!("{}", run.session_id));
    /// let rows: Vec<u64> = answer.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_ended(mut self, on_ended: impl FnOnce(&Run) + Send + 'static) -> Self {
        self.on_ended = Some(Box::new(on_ended));
        self
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> JsonAnswer<T> {
    /// Puts the JSON Schema of the type into the message, and asks for a block that matches it.
    ///
    /// Needs the feature `schema`. The schema is that of [`schemars`], and describes what the type reads.
    /// Field comments are in it: write them for the agent. It is put behind the message, also behind that
    /// of the follow-up that asks again.
    ///
    /// ```no_run
    /// use dinoai::schemars::{self, JsonSchema};
    ///
    /// #[derive(serde::Deserialize, JsonSchema)]
    /// struct Finding {
    ///     /// The name of the dbt model.
    ///     model: String,
    ///     rows: u64,
    /// }
    ///
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let findings: Vec<Finding> = session.ask_json("List what is wrong").schema().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn schema(mut self) -> Self {
        self.schema = Some(schemars::schema_for!(T).as_value().to_string());
        self
    }
}

impl<T: DeserializeOwned> JsonAnswer<T> {
    async fn run(self) -> Result<T> {
        self.options.check()?;
        let label = self.label.as_deref().map(checked_label).transpose()?;
        let instruction = Instruction {
            label: label.unwrap_or("json"),
            schema: &self.schema,
        };
        let mut reader = Reader {
            label,
            on_ended: self.on_ended,
        };
        let (on_outage, on_outage_again) = shared(self.on_outage);
        let (handle, start, asks, wrong) = match self.asked {
            Asked::New(api, request) => {
                check_request(&request)?;
                let start = api.clock().now();
                let wait = Wait::for_new(api.clone(), instruction.of_run(request)).since(start);
                let mut wait = wait.poll_options(self.options).with_outages(on_outage);
                wait.on_started = self.on_started;
                wait.on_accepted = self.on_accepted;
                let run = wait.await?;
                let answer = run.answer().map(str::to_owned);
                let handle = Handle::started(api, run.session_id.clone());
                handle.has_read.store(true, Ordering::Relaxed);
                match reader.value(run, answer) {
                    Ok(value) => return Ok(value),
                    Err(wrong) => (handle, start, None, wrong),
                }
            }
            Asked::FollowUp(handle, message) => {
                let start = handle.api.clock().now();
                let (id, on_started, on_accepted) =
                    (handle.id.clone(), self.on_started, self.on_accepted);
                let ask = Ask::new(handle.clone(), instruction.of_follow_up(message))
                    .poll_options(self.options)
                    .with_outages(on_outage)
                    .on_accepted(move |accepted| {
                        if let Some(on_accepted) = on_accepted {
                            on_accepted(accepted);
                        }
                        if let Some(on_started) = on_started {
                            on_started(&id);
                        }
                    });
                let (run, answer, asks) = ask.answered_among(start, None).await?;
                match reader.value(run, answer) {
                    Ok(value) => return Ok(value),
                    Err(wrong) => (handle, start, Some(asks), wrong),
                }
            }
        };
        let deadline = start.saturating_add(self.options.timeout);
        let is_over = handle.api.clock().now() >= deadline;
        if is_over || wrong.problem == AnswerProblem::NotCompleted {
            return Err(Error::WrongAnswer(wrong).with_started());
        }
        if let Some(on_wrong) = self.on_wrong {
            on_wrong(&wrong);
        }
        let again = instruction.of_follow_up(wrong.follow_up_text());
        let ask = Ask::new(handle, again)
            .poll_options(self.options)
            .with_outages(on_outage_again);
        let wrong = match ask.answered_among(start, asks).await {
            Ok((run, answer, _)) => match reader.value(run, answer) {
                Ok(value) => return Ok(value),
                Err(second) => WrongAnswer {
                    before: Some(wrong),
                    ..*second
                },
            },
            Err(error) => WrongAnswer {
                follow_up: Some(error),
                ..*wrong
            },
        };
        Err(Error::WrongAnswer(Box::new(wrong)).with_started())
    }
}

/// Reads the value in what a run, or a turn, was answered.
struct Reader<'a> {
    label: Option<&'a str>,
    on_ended: Option<Box<OnEnded>>,
}

impl Reader<'_> {
    fn value<T: DeserializeOwned>(
        &mut self,
        run: Run,
        answer: Option<String>,
    ) -> Result<T, Box<WrongAnswer>> {
        let (id, status, answer) = (&run.session_id, &run.status, answer.as_deref());
        let read = match status {
            RunStatus::Completed => answer::read(id, status, answer, self.label),
            _ => {
                let problem = AnswerProblem::NotCompleted;
                Err(Box::new(WrongAnswer::of(
                    id, status, answer, self.label, problem,
                )))
            }
        };
        match read {
            Ok(value) => {
                if let Some(on_ended) = self.on_ended.take() {
                    on_ended(&run);
                }
                Ok(value)
            }
            Err(wrong) => Err(Box::new(WrongAnswer {
                run: Some(Box::new(run)),
                ..*wrong
            })),
        }
    }
}

/// The same hook for two waits, one after the other.
fn shared(hook: Option<Box<OnOutage>>) -> (Option<Box<OnOutage>>, Option<Box<OnOutage>>) {
    let Some(hook) = hook else {
        return (None, None);
    };
    let hook = Arc::new(Mutex::new(hook));
    let again = hook.clone();
    let call = |hook: Arc<Mutex<Box<OnOutage>>>| -> Box<OnOutage> {
        Box::new(move |id, outage| {
            let mut hook = hook.lock().unwrap_or_else(PoisonError::into_inner);
            hook(id, outage);
        })
    };
    (Some(call(hook)), Some(call(again)))
}

impl<T: DeserializeOwned + 'static> IntoFuture for JsonAnswer<T> {
    type Output = Result<T>;
    type IntoFuture = CallFuture<T>;

    fn into_future(self) -> CallFuture<T> {
        Box::pin(self.run())
    }
}

impl<T> fmt::Debug for JsonAnswer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = formatter.debug_struct("JsonAnswer");
        match &self.asked {
            Asked::New(_, request) => answer.field("request", request),
            Asked::FollowUp(handle, _) => answer.field("session_id", &handle.id),
        };
        answer
            .field("label", &self.label)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
