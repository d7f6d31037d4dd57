//! What the library costs: one table, beside a client by hand and the vendor's SDK.
//!
//! ```sh
//! cargo bench --bench costs                          # prints the table
//! cargo bench --bench costs -- --write               # and writes docs/performance.md
//! cargo bench --bench costs -- --only reads --quick  # a part of it, with fewer repetitions and runs
//! ```
//!
//! It ends with status 1 if a count misses its goal. Times are shown and compared, and never fail it.
//! What is counted here is counted on this thread, where everything that is measured runs; servers
//! have threads of their own.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run ends"
)]

mod command;
mod counts;
#[path = "../../tests/support/fault_server/fast_clock.rs"]
mod fast_clock;
mod machine;
mod measure;
mod page;
mod peer;
mod rows;
mod server;
mod setting;
mod table;
mod tls;

use std::process::ExitCode;

use self::table::{HEAD, Row};

const USAGE: &str = "usage: cargo bench --bench costs -- [--write | [--only PART]…] [--quick]";

/// The peer of most rows.
const RAW: &str = "raw `reqwest`";

/// How often a figure is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    Full,
    /// As seldom as it can be, and of fewer runs, to try the program.
    Quick,
}

impl Effort {
    fn pairs(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => 1,
        }
    }
}

/// A part of the table.
struct Part {
    name: &'static str,
    title: &'static str,
    rows: fn(Effort) -> Vec<Row>,
}

const PARTS: [Part; 12] = [
    Part {
        name: "instructions",
        title: "Instructions",
        rows: |_| rows::instructions::rows(),
    },
    Part {
        name: "reads",
        title: "A read and a poll",
        rows: rows::reads::rows,
    },
    Part {
        name: "transcripts",
        title: "Long transcripts",
        rows: rows::transcripts::rows,
    },
    Part {
        name: "vendor",
        title: "Beside the vendor's SDK",
        rows: rows::vendor::rows,
    },
    Part {
        name: "waits",
        title: "Waiting for many runs",
        rows: rows::waits::rows,
    },
    Part {
        name: "emulated",
        title: "Many runs on the emulator",
        rows: |_| rows::emulated::rows(),
    },
    Part {
        name: "batches",
        title: "Runs that start and end at any time",
        rows: rows::batches::rows,
    },
    Part {
        name: "trees",
        title: "A run with its descendants",
        rows: |_| rows::trees::rows(),
    },
    Part {
        name: "schedule",
        title: "When an end is seen",
        rows: |_| rows::schedule::rows(),
    },
    Part {
        name: "conversations",
        title: "Conversations",
        rows: |_| rows::conversations::rows(),
    },
    Part {
        name: "command",
        title: "The command",
        rows: |_| rows::command::rows(),
    },
    Part {
        name: "emulator",
        title: "The emulator",
        rows: rows::emulator::rows,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs it too, without this argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let Some(plan) = Plan::of(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut tables = String::new();
    let mut missed = 0;
    for part in PARTS.iter().filter(|part| plan.includes(part.name)) {
        println!("## {}\n\n{HEAD}", part.title);
        tables += &format!("\n### {}\n\n{HEAD}\n", part.title);
        for row in (part.rows)(plan.effort) {
            println!("{row}");
            tables += &format!("{row}\n");
            missed += usize::from(row.is_missed_count());
        }
        println!();
    }
    if plan.writes {
        page::write(plan.effort, &tables).expect("docs/performance.md can be written");
    }
    println!("{missed} counts have missed their goals");
    match missed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What is asked for.
struct Plan {
    effort: Effort,
    only: Vec<String>,
    writes: bool,
}

impl Plan {
    /// `None` if an argument is not understood.
    fn of(arguments: &[String]) -> Option<Self> {
        let mut plan = Self {
            effort: Effort::Full,
            only: vec![],
            writes: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--bench" => {}
                "--write" => plan.writes = true,
                "--quick" => plan.effort = Effort::Quick,
                "--only" => plan.only.push(rest.next()?.clone()),
                _ => return None,
            }
        }
        let is_part = |name: &String| PARTS.iter().any(|part| part.name == name);
        let is_whole = plan.only.is_empty();
        (plan.only.iter().all(is_part) && (is_whole || !plan.writes)).then_some(plan)
    }

    fn includes(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}
