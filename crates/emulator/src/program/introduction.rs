//! What the program says when it has started (`print`), and what its errors begin with: either
//! depends on which program it is a part of ([`Caller`]).

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use crate::emulator::Emulator;
use crate::error::one_line;

/// Which program this is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// None: `dinoai-emulator` itself.
    Own,
    /// The command `dinoai`, which can also talk to the emulator.
    Dinoai,
    Other,
}

impl Caller {
    /// By the name that its help shows.
    pub(super) fn of(name: Option<&OsString>) -> Self {
        let stem = name.and_then(|name| Path::new(name).file_stem());
        match stem.and_then(OsStr::to_str) {
            Some("dinoai-emulator") => Self::Own,
            Some("dinoai emulator") => Self::Dinoai,
            _ => Self::Other,
        }
    }

    /// What its errors begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Own => "dinoai-emulator",
            Self::Dinoai | Self::Other => "error",
        }
    }
}

/// How many agents are named at most.
const NAMED: usize = 20;

const AGENTS: &str = "\
Agents, in real time: data-quality-checker; pull-request-reviewer, which starts two others;
warehouse-cost-reporter, which fails; docs-writer, which takes a minute and a half; any other name.";

/// Standard output can be evaluated by a shell; what people read goes to standard error. Whoever
/// closes either does not want to know, and is served all the same.
pub(super) fn print(emulator: &Emulator, has_demo_agents: bool, caller: Caller) {
    let _ = exports(emulator, &mut io::stdout());
    let _ = explain(emulator, has_demo_agents, caller, &mut io::stderr());
}

fn exports(emulator: &Emulator, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "export PARADIME_API_ENDPOINT={}", emulator.endpoint())?;
    writeln!(out, "export PARADIME_API_KEY={}", emulator.key())?;
    writeln!(out, "export PARADIME_API_SECRET={}", emulator.secret())?;
    out.flush()
}

fn explain(
    emulator: &Emulator,
    has_demo_agents: bool,
    caller: Caller,
    out: &mut impl Write,
) -> io::Result<()> {
    let known = emulator.known_agents();
    let address = emulator.address();
    writeln!(out, "\nListening on {address}.")?;
    if !address.ip().is_loopback() {
        writeln!(
            out,
            "Warning: {} is not a loopback address. Everybody who reaches this machine can use the\n\
             emulator: its credentials are public and its traffic is not encrypted. Only the control\n\
             path stays with this machine.",
            address.ip()
        )?;
    }
    match caller {
        Caller::Dinoai => writeln!(
            out,
            "\nTry it in another terminal: put the export lines there, then\n\n\
             dinoai run {} -m \"Which tests fail?\"\n",
            shown_agent(known.as_deref())
        )?,
        Caller::Own | Caller::Other => writeln!(out, "\nTry it:\n\n{}\n", curl(emulator))?,
    }
    writeln!(out, "{}\n", agents(known.as_deref(), has_demo_agents))?;
    writeln!(
        out,
        "It also takes the workspace token {}, and the company token {} with the workspace {}: \
         each is PARADIME_API_SECRET, without a key.",
        emulator.workspace_token(),
        emulator.company_token(),
        emulator.workspace_uid(),
    )?;
    writeln!(
        out,
        "What happened: {}/requests and …/runs.",
        emulator.control()
    )?;
    writeln!(out, "Health checks: {}.", emulator.health())?;
    writeln!(out, "Ctrl-C stops it.")
}

/// The agent of the suggested command. One whose name a shell would read otherwise is left out.
fn shown_agent(known: Option<&[String]>) -> &str {
    let is_plain = |name: &str| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter))
            && !name.starts_with('-')
    };
    match known {
        None => "data-quality-checker",
        Some(names) => names
            .iter()
            .find(|name| is_plain(name))
            .map_or("AGENT", String::as_str),
    }
}

/// Which agents there are.
fn agents(known: Option<&[String]>, has_demo_agents: bool) -> String {
    match known {
        Some([]) => "Agents: none; only a message alone starts a run.".to_owned(),
        Some(names) => {
            let more = match names.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let first: Vec<_> = names
                .iter()
                .take(NAMED)
                .map(|name| one_line(name))
                .collect();
            format!("Agents: {}{more}.", first.join(", "))
        }
        None if has_demo_agents => AGENTS.to_owned(),
        None => "Agents: any name.".to_owned(),
    }
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
