//! What the program says when it has started.

use std::io::{self, Write};

use crate::emulator::Emulator;

const AGENTS: &str = "\
Agents, in real time: data-quality-checker; pull-request-reviewer, which starts two others;
warehouse-cost-reporter, which fails; docs-writer, which takes a minute and a half; any other name.";

/// Standard output can be evaluated by a shell; what people read goes to standard error. Whoever
/// closes either does not want to know, and is served all the same.
pub(super) fn print(emulator: &Emulator, has_demo_agents: bool) {
    let _ = exports(emulator, &mut io::stdout());
    let _ = explain(emulator, has_demo_agents, &mut io::stderr());
}

fn exports(emulator: &Emulator, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "export PARADIME_API_ENDPOINT={}", emulator.endpoint())?;
    writeln!(out, "export PARADIME_API_KEY={}", emulator.key())?;
    writeln!(out, "export PARADIME_API_SECRET={}", emulator.secret())?;
    out.flush()
}

fn explain(emulator: &Emulator, has_demo_agents: bool, out: &mut impl Write) -> io::Result<()> {
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
    writeln!(out, "\nTry it:\n\n{}\n", curl(emulator))?;
    if has_demo_agents {
        writeln!(out, "{AGENTS}\n")?;
    }
    writeln!(
        out,
        "It also takes the workspace token {}, and the company token {} with the workspace {}.",
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
