//! `dinoai mcp`: tools for an assistant, over the Model Context Protocol (MCP).
//!
//! [`stdio`] is the transport, and [`service`] speaks the protocol, by the crate `rmcp`. It passes each call
//! of a tool to the loop of [`mcp`], which carries out all of them at the same time ([`tools`], with a file
//! for each). [`shared`] is what they have in common. What they [`reply`] is a result or a problem, with the
//! messages of a run within bounds ([`transcript`]).
//!
//! Each call is replied to by its [`deadline`]. One that may change something comes to its end also after
//! that, and where its client has cancelled it or has gone: once its request has left, what comes of it
//! belongs into the journal, and the request has a timeout of its own, the client's. All others end then.

mod deadline;
mod get_run;
mod list_runs;
mod malformed;
mod recorded;
mod reply;
mod send_message;
mod service;
mod shared;
mod start_agent;
mod stdio;
mod stop_run;
#[cfg(test)]
mod tests;
mod tools;
mod transcript;
mod wait_run;

use std::io::{IsTerminal, stdin};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rmcp::ServiceExt;
use tokio::sync::{mpsc, watch};

use super::context::Context;
use crate::args::{GlobalArgs, McpArgs, OnInterrupt};
use crate::interrupt::{Action, Interrupts, RunStage, StartedRuns, decide};
use crate::journal::Ledger;
use crate::report::hint::{ids, resume_run};
use crate::report::{ExitStatus, Failure, Signal};
use deadline::Deadline;
use service::{Call, Service};
use shared::Shared;
use stdio::Stdio;

/// The calls that are being carried out.
type Calls<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = ()> + 'a>>>;

pub(crate) async fn mcp(
    context: Context<'_>,
    options: McpArgs,
    global: &GlobalArgs,
) -> Result<ExitStatus, Failure> {
    let Context {
        client,
        output,
        interrupts,
        is_emulated,
    } = context;
    let ledger = tokio::select! {
        ledger = Ledger::needed(&options.journal, is_emulated, output) => ledger,
        signal = interrupts.next() => return Err(Failure::interrupted_idle(signal)),
    };
    let ledger = match ledger {
        Err(failure) if options.allow_start => return Err(failure),
        ledger => ledger,
    };
    if let Ok(ledger) = &ledger {
        ledger.warn_if_it_ends_with_the_job(output);
    }
    if stdin().is_terminal() {
        output.note("waiting for an assistant's messages on standard input; Ctrl-D ends this");
    }
    let (closing, is_closing) = watch::channel(false);
    let (calls, mut called) = mpsc::unbounded_channel();
    let service = Service {
        calls,
        allow_start: options.allow_start,
    };
    let transport = Stdio::open(output.json_lines(), closing.clone());
    let mut serving = pin!(async {
        if let Ok(running) = service.serve(transport).await {
            // Fails only if it has panicked.
            let _ = running.waiting().await;
        }
    });
    let shared = Shared {
        client,
        output,
        global,
        ledger,
        allow_start: options.allow_start,
        closing: is_closing,
        started: interrupts.started_runs().clone(),
        conversations: Default::default(),
    };
    let mut calls = Calls::new();
    let signal = loop {
        tokio::select! {
            Some(call) = called.recv() => calls.push(Box::pin(answer(&shared, call))),
            Some(()) = calls.next() => {}
            () = &mut serving => break None,
            signal = interrupts.next() => break Some(signal),
        }
    };
    closing.send_replace(true);
    // What has not been sent is not sent any more.
    client.close();
    let signal = match signal {
        None => tokio::select! {
            () = finish(&mut calls) => return Ok(ExitStatus::Done),
            signal = interrupts.next() => signal,
        },
        Some(signal) => signal,
    };
    Err(interrupted(signal, &mut calls, interrupts, &shared.started).await)
}

/// Carries out a call, and replies unless nobody waits for that any more.
async fn answer(shared: &Shared<'_>, call: Call) {
    let deadline = Deadline::of_call();
    let has_effect = tools::has_effect(&call.tool);
    let mut done = pin!(tools::carry_out(
        shared,
        &call.tool,
        call.arguments,
        deadline
    ));
    let (result, is_done) = tokio::select! {
        result = &mut done => (result, true),
        () = deadline.passed() => (tools::late(&call.tool), false),
        () = call.cancelled, if !has_effect => return,
    };
    // Fails if the client has cancelled it.
    let _ = call.reply.send(result);
    if has_effect && !is_done {
        done.await;
    }
}

/// Waits for what comes of the calls.
async fn finish(calls: &mut Calls<'_>) {
    while calls.next().await.is_some() {}
}

/// Waits a while for what is in flight, and names the runs that may be in progress.
async fn interrupted(
    signal: Signal,
    calls: &mut Calls<'_>,
    interrupts: &mut Interrupts,
    started: &StartedRuns,
) -> Failure {
    let limit = match decide(RunStage::InFlight, OnInterrupt::Leave) {
        Action::AwaitId(limit) => limit.unwrap_or(Duration::MAX),
        _ => Duration::ZERO,
    };
    let is_finished = tokio::select! {
        () = finish(calls) => true,
        () = tokio::time::sleep(limit) => false,
        _ = interrupts.next() => false,
    };
    if !is_finished {
        return Failure::interrupted_in_flight(signal);
    }
    match &*started.all() {
        [] => Failure::interrupted_idle(signal),
        [id] => {
            Failure::interrupted_run(signal, id, "may be in progress").with_hint(resume_run(id))
        }
        all => {
            let text = format!("interrupted; {} runs may be in progress", all.len());
            Failure::by_signal(signal, text)
                .with_hint(format!("to resume: dinoai wait {}", ids(all)))
        }
    }
}
