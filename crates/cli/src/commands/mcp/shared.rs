//! [`Shared`]: what the tools share. [`Conversation`]: what this process knows of a run.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use dinoai::{Client, Error, Message, Run, RunStatus, Session, SessionId};
use tokio::sync::{Mutex, watch};

use super::reply::Problem;
use crate::account::{Account, Scope};
use crate::args::GlobalArgs;
use crate::interrupt::StartedRuns;
use crate::journal::Ledger;
use crate::output::Output;
use crate::report::{Failure, FailureKind};

/// What to do about a run that is not there.
const NOT_FOUND: &str = "If there is no such run, check the session_id: list_runs lists the runs that were started from here.";

/// What the tools share.
pub(super) struct Shared<'a> {
    pub(super) client: &'a Client,
    pub(super) output: &'a Output,
    pub(super) global: &'a GlobalArgs,
    /// The journal, or why there is none.
    pub(super) ledger: Result<Ledger, Failure>,
    pub(super) allow_start: bool,
    /// Becomes true when nobody reads the replies any more.
    pub(super) closing: watch::Receiver<bool>,
    pub(super) started: StartedRuns,
    pub(super) conversations: RefCell<BTreeMap<SessionId, Rc<Conversation>>>,
}

/// What this process knows of a run.
pub(super) struct Conversation {
    /// The same for all calls: it knows which follow-up's turn is waited for.
    pub(super) session: Session,
    /// The messages that were there before the last follow-up of this process.
    known: RefCell<BTreeSet<Key>>,
    /// For how long waits for the turn of that follow-up have seen no sign of it.
    pub(super) silence: Cell<Duration>,
    /// Held while a follow-up is on its way.
    pub(super) sending: Mutex<()>,
    /// The end that the journal has been given last.
    pub(super) recorded: RefCell<Option<RunStatus>>,
}

/// What identifies a message: its time, and whether the user wrote it.
type Key = (u64, bool);

fn key(message: &Message) -> Key {
    (message.ts.to_bits(), message.is_from_user())
}

impl Conversation {
    /// A follow-up has been sent, or may have been, when the run read like this.
    pub(super) fn begin_turn(&self, before: &Run) {
        *self.known.borrow_mut() = before.messages.iter().map(key).collect();
        self.silence.set(Duration::ZERO);
    }

    /// Whether the agent wrote it in the turn that is waited for.
    pub(super) fn is_of_turn(&self, message: &Message) -> bool {
        !message.is_from_user() && !self.known.borrow().contains(&key(message))
    }
}

impl Shared<'_> {
    /// The run that an argument names.
    pub(super) fn conversation(&self, session_id: &str) -> Result<Rc<Conversation>, Problem> {
        let session = self.client.session(session_id.trim());
        let session =
            session.map_err(|_| Problem::new("`session_id` is blank; list_runs lists runs"))?;
        let mut all = self.conversations.borrow_mut();
        let conversation = all.entry(session.id().clone()).or_insert_with(|| {
            Rc::new(Conversation {
                session,
                known: RefCell::default(),
                silence: Cell::default(),
                sending: Mutex::default(),
                recorded: RefCell::default(),
            })
        });
        Ok(Rc::clone(conversation))
    }

    /// What an error says, what may be wrong with the account, and what to do next.
    pub(super) fn problem(&self, error: Error, next: &str) -> Problem {
        let mut failure = Failure::from(error);
        // Its commands are for people: the assistant has tools.
        failure.hint = None;
        let failure = Account::explain(failure, self.global, Scope::Workspace);
        let mut lines = vec![failure.message];
        lines.extend(failure.hint.map(|hint| self.output.hint_for_account(&hint)));
        if failure.kind == FailureKind::Unauthorized {
            let doctor = "for the user, to find out why: dinoai doctor";
            lines.push(self.output.hint_for_account(doctor));
        }
        lines.push(next.to_owned());
        if matches!(
            failure.kind,
            FailureKind::NotFound | FailureKind::GraphQl | FailureKind::NotAccepted
        ) {
            lines.push(NOT_FOUND.to_owned());
        }
        lines.retain(|line| !line.is_empty());
        Problem::new(lines.join("\n"))
    }

    /// Refuses what costs money, unless the user has allowed it.
    pub(super) fn check_allowed(&self, what: &str) -> Result<(), Problem> {
        match self.allow_start {
            true => Ok(()),
            false => Err(Problem::new(format!(
                "{what} is not allowed here, since it costs money. Only the user can allow it: in the \
                 assistant's configuration of this server, the command is to be started as `dinoai mcp \
                 --allow-start` (\"args\": [\"mcp\", \"--allow-start\"])"
            ))),
        }
    }

    /// Ends when nobody reads the replies any more.
    pub(super) async fn until_closing(&self) {
        // Fails if nobody is left who could say it.
        let _ = self.closing.clone().wait_for(|closing| *closing).await;
    }
}
