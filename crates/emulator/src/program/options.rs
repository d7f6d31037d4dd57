//! The program's command line, and the emulator that it asks for.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde_json::json;

use crate::backend::Backend;
use crate::builder::Builder;
use crate::emulator::Emulator;
use crate::fault::Fault;
use crate::files;
use crate::quirks::{self, Quirks};
use crate::text_file::{LARGEST, text_of};

/// Run a local emulator of Paradime's DinoAI agents API
///
/// Prints the endpoint and its demo credentials as `export` lines on standard output, and
/// serves until Ctrl-C or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "dinoai-emulator", version)]
pub(super) struct Options {
    /// Listen on this address. With any but a loopback one, everybody who reaches this machine can
    /// use the emulator.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Listen on this port; 0 takes a free one.
    #[arg(long, default_value_t = 4000)]
    port: u16,
    /// Accept requests to this host, such as host.docker.internal, and from its pages. Always accepted
    /// are localhost and IP addresses, and with a --host that others reach, names without a dot. Can
    /// be repeated.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Emulate this backend: `current`, `pages` (only what the vendor's page documents), or
    /// an SDL file.
    #[arg(long, value_name = "NAME|FILE", default_value = "current")]
    backend: String,
    /// Accept only the agents defined in this folder, `.dinoai/agents`. Can be
    /// repeated.
    #[arg(long, value_name = "FOLDER")]
    agents: Vec<PathBuf>,
    /// Follow the scenarios of this YAML file, in place of the demo agents. Can be repeated; the
    /// last one that names an agent counts.
    #[arg(long, value_name = "FILE")]
    scenario: Vec<PathBuf>,
    /// Complete every run at its second read, without the demo agents.
    #[arg(long)]
    plain: bool,
    /// Inject this fault into the next request: its name, or all of it as YAML or JSON:
    /// '{fault: unavailable, retry_after: "2", times: 3}'. Can be repeated, in order.
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    fault: Vec<Fault>,
    /// Add this branch to `main`; any other is then missing. Can be repeated.
    #[arg(long, value_name = "NAME")]
    branch: Vec<String>,
    /// Add this model family to `standard` and `fast`. Can be repeated.
    #[arg(long, value_name = "SLUG")]
    model_family: Vec<String>,
    /// Add this workspace, by its uid and its name, to the demo workspace. Can be repeated.
    #[arg(long, value_name = "UID=NAME", value_parser = workspace)]
    add_workspace: Vec<(String, String)>,
    /// Show the ended turn's status for this many reads after a follow-up.
    #[arg(long, value_name = "READS", default_value_t = 0)]
    stale_reads: u64,
    /// List the messages twice in every other response.
    #[arg(long)]
    repeat_messages: bool,
    /// List the messages newest first in every other response.
    #[arg(long)]
    reorder_messages: bool,
    /// List a message that was listed before only while it is among this many latest messages of
    /// its run.
    #[arg(long, value_name = "N")]
    compacted_transcript: Option<usize>,
    /// Round the timestamps of messages down to whole multiples of this, so that several can
    /// have the same.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timestamp_resolution: Option<Duration>,
    /// Show the status of the previous stage in one of three reads of a run.
    #[arg(long)]
    alternating_status: bool,
    /// Send each response this many seconds after its request was executed.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    latency: Duration,
    /// Show this status in place of RUNNING.
    #[arg(long, value_name = "TEXT")]
    undeclared_status: Option<String>,
    /// Accept follow-ups for this many seconds after a session's last message.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    session_lifetime: u64,
    /// Return null with an error for the steps of every run.
    #[arg(long)]
    unreadable_steps: bool,
    /// Return 403 for documents that need this capability. Can be repeated.
    #[arg(long, value_enum, value_name = "NAME")]
    without_capability: Vec<CapabilityOption>,
    /// Refuse documents with this HTTP status, whatever the media type (by default 200 or 400).
    #[arg(long, value_enum, value_name = "STATUS")]
    refusal_status: Option<RefusalStatusOption>,
    /// Refuse introspection.
    #[arg(long)]
    without_introspection: bool,
    /// Execute what `@skip` and `@include` leave out.
    #[arg(long)]
    ignore_conditions: bool,
    /// Stop the clock that runs go by: only the control path moves it.
    #[arg(long)]
    stopped_clock: bool,
    /// Print the JSON schema of scenario files and exit.
    #[arg(long)]
    pub(super) print_schema: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CapabilityOption {
    Trigger,
    Read,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RefusalStatusOption {
    #[value(name = "200")]
    Ok,
    #[value(name = "400")]
    BadRequest,
    #[value(name = "422")]
    UnprocessableContent,
}

impl Options {
    /// Whether runs are those of the demo agents.
    pub(super) fn has_demo_agents(&self) -> bool {
        !self.plain && self.scenario.is_empty()
    }

    /// The emulator asked for, or why there can be none.
    pub(super) fn builder(self) -> Result<Builder, String> {
        let mut builder = Emulator::builder()
            .host(self.host)
            .port(self.port)
            .backend(backend(&self.backend)?)
            .quirks(self.quirks());
        if self.has_demo_agents() {
            builder = builder.demo_agents();
        }
        for name in self.allow_host {
            builder = builder.allow_host(name);
        }
        for folder in self.agents {
            builder = builder.agents_folder(folder);
        }
        for file in self.scenario {
            builder = builder.scenario_file(file);
        }
        for fault in self.fault {
            builder = builder.fault(fault);
        }
        for name in self.branch {
            builder = builder.branch(name);
        }
        for slug in self.model_family {
            builder = builder.model_family(slug);
        }
        for (uid, name) in self.add_workspace {
            builder = builder.workspace(uid, name);
        }
        Ok(if self.stopped_clock {
            builder.stopped_clock()
        } else {
            builder
        })
    }

    fn quirks(&self) -> Quirks {
        let mut quirks = Quirks::new()
            .stale_reads(self.stale_reads)
            .session_lifetime(Duration::from_secs(self.session_lifetime))
            .latency(self.latency)
            .refusal_status(match self.refusal_status {
                None => quirks::RefusalStatus::ByMediaType,
                Some(RefusalStatusOption::Ok) => quirks::RefusalStatus::Ok,
                Some(RefusalStatusOption::BadRequest) => quirks::RefusalStatus::BadRequest,
                Some(RefusalStatusOption::UnprocessableContent) => {
                    quirks::RefusalStatus::UnprocessableContent
                }
            });
        if self.repeat_messages {
            quirks = quirks.repeated_messages();
        }
        if self.reorder_messages {
            quirks = quirks.reordered_messages();
        }
        if let Some(latest) = self.compacted_transcript {
            quirks = quirks.compacted_transcript(latest);
        }
        if let Some(resolution) = self.timestamp_resolution {
            quirks = quirks.timestamp_resolution(resolution);
        }
        if self.alternating_status {
            quirks = quirks.alternating_status();
        }
        if let Some(status) = &self.undeclared_status {
            quirks = quirks.undeclared_status(status);
        }
        if self.unreadable_steps {
            quirks = quirks.unreadable_steps();
        }
        if self.without_introspection {
            quirks = quirks.without_introspection();
        }
        if self.ignore_conditions {
            quirks = quirks.ignores_conditions();
        }
        for capability in &self.without_capability {
            quirks = quirks.without_capability(match capability {
                CapabilityOption::Trigger => quirks::Capability::Trigger,
                CapabilityOption::Read => quirks::Capability::Read,
            });
        }
        quirks
    }
}

fn backend(name: &str) -> Result<Backend, String> {
    match name {
        "current" => Ok(Backend::Current),
        "pages" => Ok(Backend::PagesOnly),
        file => text_of(Path::new(file), LARGEST)
            .map(Backend::sdl)
            .map_err(|error| {
                format!("cannot read the backend {file}: {error}; the built-in ones are current and pages")
            }),
    }
}

/// A number of seconds, with a fraction if one is needed.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|wrong| wrong.to_string())
}

/// A workspace's uid and its name.
fn workspace(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((uid, name)) if !uid.is_empty() && !name.is_empty() => {
            Ok((uid.to_owned(), name.to_owned()))
        }
        _ => Err("not UID=NAME".to_owned()),
    }
}

/// A fault by its name alone, or as a mapping.
fn fault(text: &str) -> Result<Fault, String> {
    if !text.trim_start().starts_with('{') {
        return serde_json::from_value(json!({ "fault": text })).map_err(|wrong| wrong.to_string());
    }
    files::read_yaml(text).map_err(|wrong| wrong.message)
}
