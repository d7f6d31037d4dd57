//! [`Listener`]: the thread that listens for signals, and ends the process at the second one.
//! [`Interrupts`]: how the command hears them. [`StartedRuns`]: the runs that are named then.
//!
//! [`Listener::start`] returns once the thread listens.

use std::collections::BTreeSet;
use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use dinoai::SessionId;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::output::Output;
use crate::report::{ExitStatus, Failure, Signal, hint};
use crate::terminal::Terminal;

/// How long a command may take for its last message after the second signal.
const LAST_WRITE: Duration = Duration::from_millis(500);

/// What the thread and the command share.
#[derive(Clone)]
pub(crate) struct Listener(Arc<Shared>);

struct Shared {
    /// The signals that came and that the command has not dealt with. Locked while one is passed
    /// on, so that it is in both places or in none.
    heard: Mutex<Vec<Signal>>,
    started: StartedRuns,
    /// As it is to be left.
    terminal: Option<Terminal>,
    write_failure: FailureWriter,
}

/// Says a failure, for as long as its reader takes.
type FailureWriter = Box<dyn Fn(&Failure) + Send + Sync>;

impl Listener {
    /// Listens from now on.
    pub(crate) fn start(output: &Output) -> io::Result<Interrupts> {
        let listener = Self(Arc::new(Shared {
            heard: Mutex::default(),
            started: StartedRuns::default(),
            terminal: Terminal::remember(),
            write_failure: output.failure_writer(),
        }));
        let (signals, received) = mpsc::unbounded_channel();
        let (ready, is_ready) = channel();
        let thread = listener.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let runtime = match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                runtime.block_on(async {
                    match SignalStreams::open() {
                        Ok(streams) => {
                            let _ = ready.send(Ok(()));
                            thread.listen(streams, &signals).await;
                        }
                        Err(error) => drop(ready.send(Err(error))),
                    }
                });
            })?;
        match is_ready.recv() {
            Ok(ready) => ready?,
            Err(_) => return Err(io::Error::other("the thread for signals has ended")),
        }
        Ok(Interrupts {
            signals: received,
            listener,
        })
    }

    async fn listen(&self, mut streams: SignalStreams, signals: &mpsc::UnboundedSender<Signal>) {
        let mut has_finished = false;
        loop {
            tokio::select! {
                signal = streams.next() => self.pass_on(signal, signals),
                // It may have ended without a look at the last signal.
                () = signals.closed(), if !has_finished => has_finished = true,
            }
            if self.is_urgent(signals).is_some() {
                tokio::time::sleep(LAST_WRITE).await;
            }
            if let Some(first) = self.is_urgent(signals) {
                self.end_process(first, signals);
            }
        }
    }

    fn pass_on(&self, signal: Signal, signals: &mpsc::UnboundedSender<Signal>) {
        let mut heard = self.heard();
        heard.push(signal);
        // Fails if the command has finished.
        let _ = signals.send(signal);
    }

    /// The first signal, if another one came after it, or if the command has finished and its
    /// last words are all that is waited for.
    fn is_urgent(&self, signals: &mpsc::UnboundedSender<Signal>) -> Option<Signal> {
        let heard = self.heard();
        let is_urgent = heard.len() > 1 || signals.is_closed();
        heard.first().copied().filter(|_| is_urgent)
    }

    fn heard(&self) -> MutexGuard<'_, Vec<Signal>> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started_runs(&self) -> &StartedRuns {
        &self.0.started
    }

    /// Names the runs that are in progress, and ends the process. Nothing of it may block for long: the
    /// reader of standard error may be what the user wants to get rid of.
    fn end_process(&self, signal: Signal, signals: &mpsc::UnboundedSender<Signal>) -> ! {
        if signals.is_closed() {
            // It reports what is known, if anybody reads it, and ends by itself.
            thread::sleep(LAST_WRITE);
        } else {
            let (said, is_said) = channel::<()>();
            let shared = self.0.clone();
            let speaker = thread::Builder::new().spawn(move || {
                (shared.write_failure)(&interrupted_again(signal, &shared.started.all()));
                drop(said);
            });
            if speaker.is_ok() {
                let _ = is_said.recv_timeout(LAST_WRITE);
            }
        }
        if let Some(terminal) = &self.0.terminal {
            terminal.restore();
        }
        std::process::exit(ExitStatus::Interrupted(signal).status().into())
    }
}

/// The signals that a command hears.
pub(crate) struct Interrupts {
    signals: mpsc::UnboundedReceiver<Signal>,
    listener: Listener,
}

impl Interrupts {
    /// The next signal; one that came while nobody asked is kept. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Some(signal) => signal,
            // Nobody listens any more, so none will come.
            None => std::future::pending().await,
        }
    }

    /// The command has done what Ctrl-C asked for, and continues: the next signal is a first one
    /// again. Returns the signal that came meanwhile, or before, and does not let it continue.
    pub(crate) fn resume(&mut self) -> Option<Signal> {
        let mut heard = self.listener.heard();
        while self.signals.try_recv().is_ok() {}
        let graver = heard.iter().find(|signal| **signal != Signal::Interrupt);
        let graver = graver.copied();
        heard.clear();
        heard.extend(graver);
        graver
    }

    /// The runs that are named if a second signal ends the process.
    pub(crate) fn started_runs(&self) -> &StartedRuns {
        self.listener.started_runs()
    }
}

/// The runs that this process has started, and that have not ended as far as it knows. Clones
/// share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartedRuns(Arc<Mutex<BTreeSet<SessionId>>>);

impl StartedRuns {
    pub(crate) fn note(&self, id: &SessionId) {
        self.ids().insert(id.clone());
    }

    pub(crate) fn note_end(&self, id: &SessionId) {
        self.ids().remove(id);
    }

    pub(crate) fn all(&self) -> Vec<SessionId> {
        self.ids().iter().cloned().collect()
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<SessionId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interrupted_again(signal: Signal, started: &[SessionId]) -> Failure {
    match started {
        [] => Failure::by_signal(signal, "interrupted again"),
        [id] => {
            let text = format!("interrupted again; the run {id} may still be in progress");
            Failure::by_signal(signal, text)
                .about(id)
                .with_hint(format!("to check its status: dinoai get {}", hint::id(id)))
        }
        ids => {
            let text = format!(
                "interrupted again; {} runs may still be in progress",
                ids.len()
            );
            Failure::by_signal(signal, text)
                .with_hint(format!("to resume: dinoai wait {}", hint::ids(ids)))
        }
    }
}

/// The signals that end a command, but for those that the parent process ignores.
#[cfg(unix)]
struct SignalStreams {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hangup: Option<tokio::signal::unix::Signal>,
    /// A file at the limit of `ulimit -f` ends the process unless this is heard; then the write
    /// fails, as on a full disk.
    _file_size: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl SignalStreams {
    fn open() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let ignored = Ignored::read();
        let open = |kind: SignalKind| {
            let is_heard = !ignored.has(kind.as_raw_value());
            is_heard.then(|| signal(kind)).transpose()
        };
        Ok(Self {
            interrupt: open(SignalKind::interrupt())?,
            terminate: open(SignalKind::terminate())?,
            hangup: open(SignalKind::hangup())?,
            _file_size: open(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    async fn next(&mut self) -> Signal {
        async fn come(stream: &mut Option<tokio::signal::unix::Signal>) {
            match stream {
                Some(stream) => drop(stream.recv().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = come(&mut self.interrupt) => Signal::Interrupt,
            () = come(&mut self.terminate) => Signal::Terminate,
            () = come(&mut self.hangup) => Signal::Hangup,
        }
    }
}

/// The signals that this process was started to ignore. Only Linux says so without code that the
/// compiler cannot check; elsewhere none counts as ignored.
#[cfg(unix)]
struct Ignored(u64);

#[cfg(unix)]
impl Ignored {
    fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self::of(&status)
    }

    fn of(status: &str) -> Self {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        Self(mask.unwrap_or(0))
    }

    fn has(&self, signal: i32) -> bool {
        let bit = u32::try_from(signal - 1).ok();
        bit.and_then(|bit| self.0.checked_shr(bit))
            .is_some_and(|mask| mask & 1 == 1)
    }
}

#[cfg(windows)]
struct SignalStreams {
    interrupt: tokio::signal::windows::CtrlC,
    stop: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl SignalStreams {
    fn open() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

        Ok(Self {
            interrupt: ctrl_c()?,
            stop: ctrl_break()?,
            close: ctrl_close()?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.stop.recv() => Signal::Terminate,
            _ = self.close.recv() => Signal::Hangup,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn listener() -> (mpsc::UnboundedSender<Signal>, Interrupts) {
        let (sender, signals) = mpsc::unbounded_channel();
        let listener = Listener(Arc::new(Shared {
            heard: Mutex::default(),
            started: StartedRuns::default(),
            terminal: None,
            write_failure: Box::new(|_| {}),
        }));
        (sender, Interrupts { signals, listener })
    }

    #[test]
    fn the_second_signal_is_urgent_with_the_status_of_the_first() {
        let (sender, interrupts) = listener();
        let listener = &interrupts.listener;
        assert_eq!(listener.is_urgent(&sender), None);
        listener.pass_on(Signal::Terminate, &sender);
        assert_eq!(listener.is_urgent(&sender), None);
        listener.pass_on(Signal::Interrupt, &sender);
        assert_eq!(listener.is_urgent(&sender), Some(Signal::Terminate));
    }

    #[test]
    fn the_first_signal_is_urgent_to_a_command_that_has_finished() {
        let (sender, interrupts) = listener();
        let listener = interrupts.listener.clone();
        listener.pass_on(Signal::Interrupt, &sender);
        drop(interrupts);
        assert_eq!(listener.is_urgent(&sender), Some(Signal::Interrupt));
    }

    #[test]
    fn a_command_that_goes_on_forgets_ctrl_c_and_nothing_else() {
        let (sender, mut interrupts) = listener();
        let listener = interrupts.listener.clone();
        for signal in [Signal::Interrupt, Signal::Interrupt] {
            listener.pass_on(signal, &sender);
        }
        assert_eq!(interrupts.resume(), None);
        assert_eq!(listener.is_urgent(&sender), None);
        assert!(interrupts.signals.try_recv().is_err());
        for signal in [Signal::Interrupt, Signal::Terminate] {
            listener.pass_on(signal, &sender);
        }
        assert_eq!(interrupts.resume(), Some(Signal::Terminate));
        assert_eq!(listener.is_urgent(&sender), None);
        listener.pass_on(Signal::Interrupt, &sender);
        assert_eq!(listener.is_urgent(&sender), Some(Signal::Terminate));
    }

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let ignored = Ignored::of("Name:\tdinoai\nSigIgn:\t0000000000001001\nSigCgt:\t0002\n");
        let heard: Vec<_> = (1..=64).filter(|signal| !ignored.has(*signal)).collect();
        assert_eq!(heard.len(), 62);
        assert!(ignored.has(1) && ignored.has(13));
        assert!(!Ignored::of("").has(2));
        assert!(!Ignored::of("SigIgn:\tzz").has(2));
    }
}
