//! [`Pseudo`]: the command on a pseudo-terminal.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dinoai_emulator::Emulator;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tempfile::TempDir;

/// The command on a pseudo-terminal of 80 columns.
pub(crate) struct Pseudo {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    /// Whether the terminal is to be closed while the command goes on.
    is_closing: Arc<AtomicBool>,
    settings_before: String,
    /// Held for its drop.
    _home: TempDir,
}

impl Pseudo {
    pub(crate) fn start(
        emulator: &Emulator,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let command = CommandBuilder::new(env!("CARGO_BIN_EXE_dinoai"));
        Self::spawn(command, emulator, arguments, variables)
    }

    /// A shell that carries out `script`, in which `"$0" "$@"` is the command.
    pub(crate) fn shell(
        emulator: &Emulator,
        script: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_dinoai")]);
        Self::spawn(command, emulator, arguments, variables)
    }

    fn spawn(
        mut command: CommandBuilder,
        emulator: &Emulator,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        command.env_clear();
        command.env("HOME", home.path());
        command.env("TERM", "xterm-256color");
        command.env("PARADIME_API_ENDPOINT", emulator.endpoint());
        command.env("PARADIME_API_KEY", emulator.key());
        command.env("PARADIME_API_SECRET", emulator.secret());
        for (name, value) in variables {
            command.env(name, value);
        }
        command.args(arguments);
        let pair = native_pty_system().openpty(size(80)).unwrap();
        let settings_before = format!("{:?}", pair.master.get_termios().unwrap());
        let child = pair.slave.spawn_command(command).unwrap();
        // The child's end alone is left, so that reading ends with the child.
        drop(pair.slave);
        let shown = Arc::new(Mutex::new(vec![]));
        let mut output = pair.master.try_clone_reader().unwrap();
        let is_closing = Arc::new(AtomicBool::new(false));
        let reader = thread::spawn({
            let (shown, is_closing) = (Arc::clone(&shown), Arc::clone(&is_closing));
            move || {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = output.read(&mut piece) {
                    shown.lock().unwrap().extend_from_slice(&piece[..length]);
                    if is_closing.load(Ordering::Acquire) {
                        return;
                    }
                }
            }
        });
        Self {
            child,
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            shown,
            reader,
            is_closing,
            settings_before,
            _home: home,
        }
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    pub(crate) fn has_shown(&self, text: &str) -> bool {
        self.shown().contains(text)
    }

    /// Waits until this has been shown.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |shown| shown.contains(text));
    }

    /// Waits until a prompt is the last thing on the screen.
    pub(crate) fn wait_for_prompt(&self) {
        self.wait_until("the prompt", |shown| {
            console::strip_ansi_codes(shown)
                .trim_end_matches(['\r', '\n'])
                .ends_with("> ")
        });
        // The editor takes keys from when it waits for them.
        self.pause();
    }

    pub(crate) fn pause(&self) {
        thread::sleep(Duration::from_millis(100));
    }

    /// Waits until the terminal takes nothing more, as after Ctrl-S.
    pub(crate) fn wait_until_held_up(&self) {
        let device = self.device(OFlags::WRONLY);
        self.wait_until("terminal that is held up", |_| {
            let mut ends = [PollFd::new(&device, PollFlags::OUT)];
            poll(&mut ends, Some(&Timespec::default())).unwrap() == 0
        });
    }

    /// How many bytes that were typed nobody has read.
    pub(crate) fn unread(&self) -> u64 {
        ioctl_fionread(self.device(OFlags::RDONLY)).unwrap()
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is_so(&self.shown()) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "no {what}: {:?}",
                self.shown()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Whether the terminal's settings are those from before the start.
    pub(crate) fn has_old_settings(&self) -> bool {
        format!("{:?}", self.master.get_termios().unwrap()) == self.settings_before
    }

    pub(crate) fn wait_for_old_settings(&self) {
        self.wait_until("old settings", |_| self.has_old_settings());
    }

    /// Waits until the command has changed the terminal's settings.
    pub(crate) fn wait_for_new_settings(&self) {
        self.wait_until("new settings", |_| !self.has_old_settings());
    }

    /// Sets the terminal as a shell does that the command was stopped in.
    pub(crate) fn set_as_a_shell_does(&self) {
        let device = self.device(OFlags::RDWR);
        let mut settings = tcgetattr(&device).unwrap();
        settings.local_modes |= LocalModes::ECHO;
        settings.local_modes -= LocalModes::ECHONL;
        tcsetattr(&device, OptionalActions::Now, &settings).unwrap();
        assert!(self.has_old_settings());
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// The terminal's device, opened once more.
    fn device(&self, access: OFlags) -> OwnedFd {
        let path = self.master.tty_name().unwrap();
        open(path, access | OFlags::NOCTTY, Mode::empty()).unwrap()
    }

    pub(crate) fn resize(&self, columns: u16) {
        self.master.resize(size(columns)).unwrap();
    }

    /// Presses Enter until that ends a conversation: what is typed before the editor takes keys is not sent.
    pub(crate) fn end_by_enter(mut self) -> (u32, String) {
        while self.child.try_wait().unwrap().is_none() {
            // It may end just now.
            let _ = self.keyboard.write_all(b"\r");
            self.pause();
        }
        self.end()
    }

    /// Waits for the end: the exit status, and all that was shown.
    pub(crate) fn end(self) -> (u32, String) {
        let (end, shown) = self.ended();
        (end.exit_code(), shown)
    }

    /// Waits for the end: how it came, and all that was shown.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        // The keyboard types a line feed when it is dropped, whose echo is not the command's.
        let start = Instant::now();
        while !self.reader.is_finished() && start.elapsed() < Duration::from_secs(1) {
            thread::sleep(Duration::from_millis(2));
        }
        drop(self.keyboard);
        drop(self.master);
        self.reader.join().unwrap();
        let shown = self.shown.lock().unwrap();
        (status, String::from_utf8_lossy(&shown).into_owned())
    }

    /// Closes the terminal, and gives the command that was on it.
    pub(crate) fn close(mut self) -> Box<dyn Child + Send + Sync> {
        self.is_closing.store(true, Ordering::Release);
        // The echo wakes the reader, who has the terminal open, too.
        self.type_in(" ");
        self.reader.join().unwrap();
        drop(self.keyboard);
        drop(self.master);
        self.child
    }
}

fn size(columns: u16) -> PtySize {
    PtySize {
        rows: 24,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}
