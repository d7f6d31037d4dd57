//! `dinoai runs`, `resolve` and `retry`: what was started from here, and what people say of a key of
//! which nobody knows.

use dinoai::journal::{State, Stored};
use dinoai::{RunStatus, SessionId};
use serde::Serialize;
use serde_json::json;
use tokio::runtime;
use unicode_width::UnicodeWidthStr;

use super::context::Context;
use crate::args::{Format, GlobalArgs, ResolveArgs, RetryArgs, RunsArgs, duration};
use crate::journal::{Ledger, started_at};
use crate::output::Output;
use crate::report::{ExitStatus, Failure};
use crate::sanitize::one_line;

/// Why nobody knows of a claimed key; the next command that uses it notes it.
const OWNER_IS_GONE: &str =
    "the program that was starting the run ended before it knew its session id";

/// A key, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyEntry<'a> {
    pub(super) key: &'a str,
    pub(super) state: &'static str,
    pub(super) agent: Option<&'a str>,
    #[serde(rename = "agentSessionId")]
    pub(super) session_id: Option<&'a SessionId>,
    pub(super) status: Option<&'a RunStatus>,
    /// Why nothing was started, or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    /// When its run was started, or was to be.
    pub(super) at: String,
    pub(super) age_seconds: u64,
    #[serde(skip_serializing_if = "<[SessionId]>::is_empty")]
    pub(super) other_session_ids: &'a [SessionId],
}

impl<'a> KeyEntry<'a> {
    pub(super) fn of(key: &'a str, stored: &'a Stored) -> Self {
        let entry = &stored.entry;
        let (state, status, reason) = match &entry.state {
            State::Claimed { .. } if stored.is_in_flight() => ("claimed", None, None),
            State::Claimed { .. } => ("unknown", None, Some(OWNER_IS_GONE)),
            State::Started { .. } => ("started", None, None),
            State::Ended { status, .. } => ("ended", Some(status), None),
            State::Free { reason, .. } => ("free", None, Some(&**reason)),
            State::Unknown { reason, .. } => ("unknown", None, Some(&**reason)),
            _ => ("other", None, None),
        };
        Self {
            key,
            state,
            agent: entry.request.agent.as_deref(),
            session_id: entry.session_id(),
            status,
            reason,
            at: humantime::format_rfc3339_seconds(started_at(stored)).to_string(),
            // By the store's clock, as far as that is known.
            age_seconds: stored.age.as_secs() + since_then(stored).as_secs(),
            other_session_ids: &entry.other_runs,
        }
    }

    /// The run, and others that were started by the key, too.
    fn sessions(&self) -> String {
        let run = self.session_id.map_or("-", SessionId::as_str);
        let others = self.other_session_ids.iter().map(SessionId::as_str);
        let others: Vec<_> = others.collect();
        match &*others {
            [] => run.to_owned(),
            others => format!("{run} (also {})", others.join(", ")),
        }
    }

    /// As a row of the table.
    fn row(&self) -> [String; 5] {
        let status = self.status.map(RunStatus::as_str);
        [
            self.key.to_owned(),
            self.agent.unwrap_or("-").to_owned(),
            self.sessions(),
            status.unwrap_or(self.state).to_owned(),
            duration::in_words(std::time::Duration::from_secs(self.age_seconds)),
        ]
    }
}

/// How long before it was stored last the run was started.
fn since_then(stored: &Stored) -> std::time::Duration {
    let since = stored.at.duration_since(started_at(stored));
    since.unwrap_or_default()
}

/// Shows what was started from here. Sends nothing.
pub(crate) fn list(
    options: &RunsArgs,
    global: &GlobalArgs,
    output: &Output,
) -> Result<ExitStatus, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::system(format!("cannot start: {error}")))?;
    let mut all = runtime.block_on(async {
        let ledger = Ledger::needed(&options.journal, global.is_emulated(), output).await?;
        ledger.all().await
    })?;
    if options.unknown {
        all.retain(|(_, stored)| match stored.entry.state {
            State::Claimed { .. } => !stored.is_in_flight(),
            State::Unknown { .. } => true,
            _ => false,
        });
    }
    let entries: Vec<_> = all
        .iter()
        .map(|(key, stored)| KeyEntry::of(key, stored))
        .collect();
    match output.format {
        Format::Json => output.json(&entries),
        Format::Jsonl => entries.iter().for_each(|entry| output.json(entry)),
        Format::Text if entries.is_empty() => output.note(match options.unknown {
            true => "No key is unknown.",
            false => "Nothing was started from here.",
        }),
        Format::Text => table(&entries).iter().for_each(|line| output.text(line)),
    }
    output.block_until_written(None);
    match output.stdout_error() {
        Some(lost) if !lost.is_closed => Err(lost.failure("")),
        _ => Ok(ExitStatus::Done),
    }
}

fn table(entries: &[KeyEntry<'_>]) -> Vec<String> {
    let head = ["KEY", "AGENT", "SESSION", "STATUS", "AGE"].map(str::to_owned);
    let rows: Vec<_> = [head]
        .into_iter()
        .chain(entries.iter().map(KeyEntry::row))
        .collect();
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| row.map(|cell| one_line(&cell)))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].width())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..4).map(width).collect();
    let line = |row: &[String; 5]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        line + &row[4]
    };
    rows.iter().map(line).collect()
}

pub(crate) async fn resolve(
    mut context: Context<'_>,
    options: ResolveArgs,
) -> Result<ExitStatus, Failure> {
    let ResolveArgs {
        key,
        session,
        journal,
    } = options;
    let ledger = Ledger::needed(&journal, context.is_emulated, context.output).await?;
    let call = context.client.resolve_key(&*key, &session, &ledger.journal);
    let run = context.read(&session, call).await?;
    let output = context.output;
    match output.format {
        Format::Text => output.line(&format!(
            "{key} has started the run {session} ({})",
            run.status
        )),
        Format::Json | Format::Jsonl => output.json(&json!({
            "key": key, "state": "started", "agentSessionId": session, "status": run.status,
        })),
    }
    context.wait_until_read(&session).await
}

pub(crate) async fn retry(context: Context<'_>, options: RetryArgs) -> Result<ExitStatus, Failure> {
    let RetryArgs { key, journal } = options;
    let ledger = Ledger::needed(&journal, context.is_emulated, context.output).await?;
    context.client.retry_key(&*key, &ledger.journal).await?;
    let output = context.output;
    match output.format {
        Format::Text => output.line(&format!("{key} is free; the next run with it is started")),
        Format::Json | Format::Jsonl => output.json(&json!({ "key": key, "state": "free" })),
    }
    Ok(ExitStatus::Done)
}
