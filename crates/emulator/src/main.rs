//! The program `dinoai-emulator`: one emulator on a port, until it is told to stop.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a program does"
)]

use std::io;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use dinoai_emulator::{Backend, Emulator};

/// A local emulator of Paradime's DinoAI agents API.
///
/// Prints the endpoint and its demo credentials as `export` lines on standard output, and
/// serves until Ctrl-C or SIGTERM.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The port on 127.0.0.1 to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 4000)]
    port: u16,
    /// Which backend to emulate.
    #[arg(long, value_enum, default_value_t = BackendName::Current)]
    backend: BackendName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BackendName {
    /// Everything that the vendor's page and the vendor's own clients use.
    Current,
    /// Only what the vendor's page documents.
    Pages,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let backend = match options.backend {
        BackendName::Current => Backend::Current,
        BackendName::Pages => Backend::PagesOnly,
    };
    let started = Emulator::builder()
        .backend(backend)
        .port(options.port)
        .start()
        .await;
    let emulator = match started {
        Ok(emulator) => emulator,
        Err(error) => {
            eprintln!("dinoai-emulator: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Before anything is printed: whoever reads it may stop the program at once.
    let told = match Told::listen() {
        Ok(told) => told,
        Err(error) => {
            eprintln!("dinoai-emulator: cannot wait for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    introduce(&emulator);
    told.wait().await;
    ExitCode::SUCCESS
}

/// Standard output can be evaluated by a shell; what people read goes to standard error.
fn introduce(emulator: &Emulator) {
    println!("export PARADIME_API_ENDPOINT={}", emulator.endpoint());
    println!("export PARADIME_API_KEY={}", emulator.key());
    println!("export PARADIME_API_SECRET={}", emulator.secret());
    eprintln!(
        "\nListening on {}. Try it:\n\n{}\n\nCtrl-C stops it.",
        emulator.address(),
        curl(emulator),
    );
}

fn curl(emulator: &Emulator) -> String {
    format!(
        r#"curl -X POST {} \
  -H 'Content-Type: application/json' \
  -H 'X-API-KEY: {}' \
  -H 'X-API-SECRET: {}' \
  -d '{{"query":"mutation {{ triggerDinoaiAgentRun(message: \"Which tests fail?\") {{ ok agentSessionId status }} }}"}}'"#,
        emulator.endpoint(),
        emulator.key(),
        emulator.secret(),
    )
}

/// Being told to stop: Ctrl-C, or SIGTERM where there is one.
#[cfg(unix)]
struct Told {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Told {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Being told to stop: Ctrl-C.
#[cfg(windows)]
struct Told(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Told {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn wait(mut self) {
        self.0.recv().await;
    }
}
