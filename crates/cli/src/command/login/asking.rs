//! [`Asking`]: questions are asked on a thread of their own, since a thread that waits for an
//! answer hears no signal.

#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::future;
use std::io::{self, Write};
use std::sync::Arc;
#[cfg(unix)]
use std::task::Poll;
use std::thread;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::echo::Echo;
use super::prompt::Prompt;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Signal;

/// Listens for signals from when it is made. Whatever comes after the last answer is not cut off
/// by one: a file is written as a whole.
pub(super) struct Asking {
    runtime: Runtime,
    signals: Signals,
    echo: Arc<Echo>,
}

impl Asking {
    pub(super) fn begin() -> Result<Self, Failure> {
        let begin = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let signals = {
                let _context = runtime.enter();
                Signals::listen()?
            };
            Ok(Self {
                runtime,
                signals,
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
            signals,
            echo,
        } = self;
        let (answered, answer) = oneshot::channel();
        let mut prompt = Prompt::new(Arc::clone(echo));
        thread::Builder::new()
            .spawn(move || answered.send(questions(&mut prompt)).is_ok())
            .map_err(|error| Failure::system(format!("cannot ask: {error}")))?;
        runtime.block_on(async {
            tokio::select! {
                // A signal that came together with the answer counts.
                biased;
                signal = signals.next() => {
                    echo.close();
                    // What follows begins a line: the question stands in this one.
                    let _ = writeln!(io::stderr());
                    Err(interrupted(signal))
                }
                answer = answer => {
                    answer.unwrap_or_else(|_| Err(Failure::system("cannot ask: no answer came")))
                }
            }
        })
    }
}

fn interrupted(signal: Signal) -> Failure {
    Failure::new(
        "interrupted",
        Exit::Interrupted(signal),
        "interrupted; nothing was written",
    )
}

/// The signals that end the questions.
#[cfg(unix)]
struct Signals(Vec<(Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let ignored = ignored();
        let signals = [
            (Signal::Interrupt, SignalKind::interrupt()),
            (Signal::Terminate, SignalKind::terminate()),
            (Signal::Hangup, SignalKind::hangup()),
        ];
        let listened = signals
            .into_iter()
            .filter(|(_, kind)| ignored >> (kind.as_raw_value() - 1) & 1 == 0)
            .map(|(name, kind)| Ok((name, signal(kind)?)));
        listened.collect::<io::Result<_>>().map(Self)
    }

    async fn next(&mut self) -> Signal {
        future::poll_fn(|context| {
            let came = self.0.iter_mut().find_map(|(name, signal)| {
                let polled = signal.poll_recv(context);
                polled.is_ready().then_some(*name)
            });
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals that the parent has this process ignore, a bit each: they stay ignored. None where
/// the system does not tell.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// The signals that end the questions.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}
