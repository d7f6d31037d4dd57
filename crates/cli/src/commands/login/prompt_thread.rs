//! [`PromptThread`]: questions are asked on a thread of their own, since a thread that waits for an
//! answer hears no signal.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::prompt::{Prompt, TerminalEcho, end_line};
use crate::interrupt::{Interrupts, Listener};
use crate::output::Output;
use crate::report::{Failure, Signal};

/// Listens for signals from when it is made. Whatever comes after the last answer is not cut off
/// by one: a file is written as a whole.
pub(super) struct PromptThread {
    runtime: Runtime,
    interrupts: Interrupts,
    echo: Arc<TerminalEcho>,
}

impl PromptThread {
    pub(super) fn begin(output: &Output) -> Result<Self, Failure> {
        let begin = || {
            Ok(Self {
                runtime: tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?,
                interrupts: Listener::start(output)?,
                echo: Arc::default(),
            })
        };
        begin().map_err(|error: io::Error| {
            Failure::system(format!("cannot listen for signals: {error}"))
        })
    }

    /// The answer to some questions, unless a signal comes first: then the terminal is as before.
    pub(super) fn ask<T: Send + 'static>(
        &mut self,
        questions: impl FnOnce(&mut Prompt) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Self {
            runtime,
            interrupts,
            echo,
        } = self;
        let (answered, mut answer) = oneshot::channel();
        let mut prompt = Prompt::new(Arc::clone(echo));
        thread::Builder::new()
            .spawn(move || answered.send(questions(&mut prompt)).is_ok())
            .map_err(|error| Failure::system(format!("cannot ask: {error}")))?;
        runtime.block_on(async {
            let mut resumed = ContinueSignals::listen();
            loop {
                tokio::select! {
                    // A signal that came together with the answer counts.
                    biased;
                    signal = interrupts.next() => {
                        echo.close();
                        end_line();
                        return Err(interrupted(signal));
                    }
                    () = resumed.next() => echo.again(),
                    answer = &mut answer => {
                        let lost = |_| Err(Failure::system("cannot ask: no answer came"));
                        return answer.unwrap_or_else(lost);
                    }
                }
            }
        })
    }
}

/// The moments at which the process continues after it was stopped, by Ctrl-Z for one.
struct ContinueSignals {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl ContinueSignals {
    fn listen() -> Self {
        Self {
            // Without it the questions work all the same.
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(
                rustix::process::Signal::CONT.as_raw(),
            ))
            .ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals {
            signals.recv().await;
            return;
        }
        std::future::pending().await
    }
}

fn interrupted(signal: Signal) -> Failure {
    Failure::by_signal(signal, "interrupted; nothing was written")
}
