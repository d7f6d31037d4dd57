//! What the tests here share: a trigger or a follow-up that is answered once, and what came of it.

use Change::{Own, Send, Trigger, TriggerWithOptions};
use dinoai::graphql::RetrySafety;
use dinoai::journal::State;
use dinoai::{Accepted, Client, ClientBuilder, Error, Result, TriggerRun};
use serde_json::{Value, json};

use crate::own_documents::{Start, start};
use crate::support::fault_server::{FaultServer, Reply, SESSION, client};
use crate::support::memory_journal::MemoryJournal;

/// A trigger with and without options, a follow-up, and a mutation of the user's own: what must not
/// be made twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    Trigger,
    TriggerWithOptions,
    Send,
    /// A trigger by `execute_mutation`.
    Own,
}

/// The name of the agent that the triggers ask for.
pub(crate) const AGENT: &str = "nope";

/// The session id in answers to triggers.
pub(crate) const ID: &str = "abc";

/// What a test says of `Ok` with null at the root, which a program has to judge.
const NULL_ROOT: &str = "null at the root";

impl Change {
    pub(crate) const ALL: [Self; 4] = [Trigger, TriggerWithOptions, Send, Own];
    /// Those by documents of the library.
    pub(crate) const OURS: [Self; 3] = [Trigger, TriggerWithOptions, Send];

    /// The name of the mutation.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Trigger | TriggerWithOptions | Own => "triggerDinoaiAgentRun",
            Send => "sendDinoaiAgentMessage",
        }
    }

    /// The session id in a good answer.
    pub(crate) fn id(self) -> &'static str {
        if self == Send { SESSION } else { ID }
    }

    /// The request of a trigger.
    fn request(self) -> TriggerRun {
        let request = TriggerRun::agent(AGENT).with_message("Look at stg_orders.");
        match self {
            TriggerWithOptions => request.with_base_branch("main"),
            Trigger | Send | Own => request,
        }
    }

    pub(crate) async fn make(self, client: &Client) -> Result<Accepted> {
        match self {
            Trigger | TriggerWithOptions => client.trigger_run(self.request()).await,
            Send => client.send_message(SESSION, "go on").await,
            Own => {
                let variables = start::Variables {
                    agent: AGENT.to_owned(),
                };
                let call = client.execute_mutation::<Start>(variables, RetrySafety::Never);
                // What a program makes of data that is an object.
                match call.await?.data.trigger_dinoai_agent_run {
                    Some(accepted) if accepted.ok => Ok(Accepted::new(&accepted.agent_session_id)),
                    Some(refused) => Err(Error::new_not_accepted(refused.status)),
                    None => Err(Error::new_outcome_unknown(NULL_ROOT)),
                }
            }
        }
    }

    /// `data` with this value at the mutation's name.
    pub(crate) fn data(self, value: &Value) -> Value {
        json!({ "data": { self.field(): value } })
    }

    /// A good answer.
    pub(crate) fn accepted(self) -> Value {
        self.data(&json!({ "ok": true, "agentSessionId": self.id(), "status": "queued" }))
    }

    /// An error at the mutation's path.
    pub(crate) fn error(self, message: &str) -> Value {
        json!({ "message": message, "path": [self.field()] })
    }
}

/// A server, and a client that makes changes and is answered as each test says.
pub(crate) struct Bench {
    pub(crate) server: FaultServer,
    pub(crate) client: Client,
}

/// What came of a change.
pub(crate) struct Answered {
    pub(crate) change: Change,
    pub(crate) result: Result<Accepted>,
    /// How often it reached the server.
    pub(crate) sent: usize,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(set_up: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let server = FaultServer::start([]).await;
        let (client, _) = client(&server.endpoint(), set_up);
        Self { server, client }
    }

    /// Makes a change that is answered with `reply`, and well should it be sent again.
    pub(crate) async fn answer(&self, change: Change, reply: Reply) -> Answered {
        let before = self.server.arrived();
        self.server.answer_next([reply.clone()]);
        let result = change.make(&self.client).await;
        let is_null =
            matches!(&result, Err(Error::OutcomeUnknown { reason, .. }) if reason == NULL_ROOT);
        // These statuses speak for themselves.
        let is_refused = matches!(reply, Reply::Http(401 | 403 | 429, ..));
        assert!(!(is_null && is_refused), "{reply:?}: no error");
        let sent = self.server.arrived() - before;
        let answered = Answered {
            change,
            result,
            sent,
        };
        if matches!(change, Trigger | TriggerWithOptions) {
            self.check_key(&answered, &reply).await;
        }
        answered
    }

    /// A key that is started with this response is free again by the same proof, and by nothing else.
    async fn check_key(&self, answered: &Answered, reply: &Reply) {
        let journal = MemoryJournal::default();
        let before = self.server.arrived();
        self.server.answer_next([reply.clone()]);
        let request = answered.change.request();
        let result = self.client.start_once("key", request, &journal).await;
        let sent = self.server.arrived() - before;
        let state = journal.state("key");
        let id = match &answered.result {
            Ok(accepted) => Some(&accepted.session_id),
            Err(error) => error.session_id(),
        };
        let is_right = match (&state, id) {
            (Some(State::Started { session_id, .. }), Some(id)) => {
                let known = match &result {
                    Ok(started) => started.session_id(),
                    Err(error) => error.session_id(),
                };
                session_id == id && known == Some(id)
            }
            (Some(State::Free { .. }), None) => {
                let is_free = |error: &Error| !error.may_have_started();
                answered.result.as_ref().is_err_and(is_free) && result.is_err()
            }
            (Some(State::Unknown { .. }), None) => {
                let is_unknown = |error: &Error| error.may_have_started();
                answered.result.as_ref().is_err_and(is_unknown) && result.is_err()
            }
            _ => false,
        };
        assert!(
            is_right && sent == answered.sent,
            "{reply:?}: {state:?}, sent {sent} times, {result:?}"
        );
    }
}

impl Answered {
    pub(crate) fn is_sent_once_and(&self, is_right: impl FnOnce(&Error) -> bool) -> bool {
        self.sent == 1 && self.result.as_ref().is_err_and(is_right)
    }

    /// Whether it counts as not carried out, for good.
    pub(crate) fn is_not_started(&self) -> bool {
        self.is_sent_once_and(|error| !error.may_have_started() && !error.is_retryable())
    }

    /// Whether it may have been carried out, and nobody is invited to send it again.
    pub(crate) fn may_have_started(&self) -> bool {
        self.is_sent_once_and(|error| error.may_have_started() && !error.is_retryable())
    }

    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.may_have_started() && matches!(self.result, Err(Error::OutcomeUnknown { .. }))
    }

    pub(crate) fn is_accepted(&self) -> bool {
        let id = self.change.id();
        let is_right = |accepted: &Accepted| accepted.session_id.as_str() == id;
        self.sent == 1 && self.result.as_ref().is_ok_and(is_right)
    }

    /// Whether the id in the answer reached the caller, in a value or in an error.
    pub(crate) fn has_kept_the_id(&self) -> bool {
        let id = self.change.id();
        let has_it = |error: &Error| error.session_id().is_some_and(|known| known.as_str() == id);
        self.is_accepted() || self.may_have_started() && self.result.as_ref().is_err_and(has_it)
    }

    pub(crate) fn error(&self) -> String {
        self.result
            .as_ref()
            .map_or_else(ToString::to_string, |_| String::new())
    }
}

/// What went wrong in a table of cases, all of it.
#[derive(Default)]
pub(crate) struct Wrong(pub(crate) Vec<String>);

impl Wrong {
    pub(crate) fn unless(
        &mut self,
        is_right: bool,
        case: impl std::fmt::Display,
        answered: &Answered,
    ) {
        if is_right {
            return;
        }
        let result = match &answered.result {
            Ok(accepted) => format!("accepted as {}", accepted.session_id),
            Err(error) => {
                let variant = format!("{error:?}");
                let variant = variant.split([' ', '(']).next().unwrap_or_default();
                let started = error.may_have_started();
                format!("{variant}, may have started: {started}: {error}")
            }
        };
        let Answered { change, sent, .. } = answered;
        let wrong = format!("{change:?}, {case}: sent {sent} times, {result}");
        self.0.push(wrong);
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let (count, first) = (self.0.len(), self.0.iter().take(12).collect::<Vec<_>>());
            assert!(count == 0, "{count} wrong, the first of them: {first:#?}");
        }
    }
}

/// Statuses that prove nothing, whatever comes with them: the server, or one before it, gave up
/// on a request that it may have handed on.
pub(crate) const GAVE_UP: [u16; 11] = [408, 409, 425, 499, 500, 501, 502, 503, 504, 507, 524];
