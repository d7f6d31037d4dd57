//! The command: how it polls the items of a batch, how often it syncs its journal and results, and what a
//! run of it carries over the wire.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dinoai::TriggerRun;
use dinoai::time::SystemClock;

use crate::command::built;
use crate::rows::waits::statuses;
use crate::server::Server;
use crate::server::script::{Script, Shown, ends_at};
use crate::setting::{client, markdown, number_in, runtime};
use crate::table::{Row, bytes, number};

const ITEMS: usize = 200;
const BATCH: &str = "`dinoai batch` of 200 items, 100 at a time";
/// Ways to run where nobody sees the conversation before the end.
const RUNS: [(&str, &[&str]); 2] = [
    ("`dinoai run --output json`", &["--output", "json"]),
    ("`dinoai run` with no terminal", &[]),
];

pub(crate) fn rows() -> Vec<Row> {
    let Some(program) = built("dinoai-cli", "dinoai") else {
        let skipped = |what| Row::failed(what, "the command cannot be built");
        return [BATCH, RUNS[0].0, RUNS[1].0].map(skipped).into();
    };
    let runs = RUNS.map(|(what, options)| run(&program, what, options));
    [batch(&program), syncs(&program)]
        .into_iter()
        .chain(runs)
        .collect()
}

/// The command, with a server's endpoint and nothing of the caller's own settings.
fn with_settings(mut command: Command, server: &Server) -> Command {
    command
        .env("PARADIME_API_ENDPOINT", server.endpoint())
        .env("PARADIME_API_KEY", "key")
        .env("PARADIME_API_SECRET", "secret")
        .env("DINOAI_JOURNAL", "none")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Starts a batch whose results are kept, under `trace` if there is any.
fn start_batch(program: &Path, server: &Server, folder: &Path, trace: &[&str]) {
    let items = folder.join("items.csv");
    let lines = (0..ITEMS).map(|item| format!("data-quality-checker,Check {item}\n"));
    let text = "agent,message\n".to_owned() + &lines.collect::<String>();
    std::fs::write(&items, text).expect("a file can be written");
    let mut command = match trace.split_first() {
        None => Command::new(program),
        Some((tracer, arguments)) => {
            let mut command = Command::new(tracer);
            command.args(arguments).arg(program);
            command
        }
    };
    command
        .arg("batch")
        .arg(&items)
        .args(["--concurrency", "100"]);
    command.arg("--resume").arg(folder.join("results.jsonl"));
    let mut command = with_settings(command, server);
    let status = command
        .env("DINOAI_JOURNAL", folder.join("journal.jsonl"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the batch succeeds"
    );
}

/// Runs that end after 5 to 8 looks.
fn server() -> Server {
    Server::start(Script::new("Done.", |id, look| {
        ends_at(look, 5 + number_in(id) % 4, 1)
    }))
}

fn batch(program: &Path) -> Row {
    let server = server();
    let folder = tempfile::tempdir().expect("a folder can be made");
    start_batch(program, &server, folder.path(), &[]);
    statuses(
        format!("{BATCH}: statuses a request"),
        &server.take_counts(),
    )
    .count()
}

fn syncs(program: &Path) -> Row {
    let what = format!("{BATCH}: syncs of journal and results an item");
    if !Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Row::skipped(what, "there is no strace");
    }
    let server = server();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let trace = folder.path().join("trace");
    let calls = trace.to_string_lossy();
    let tracer = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=fsync,fdatasync",
        "-o",
        &calls,
    ];
    start_batch(program, &server, folder.path(), &tracer);
    let trace = std::fs::read_to_string(&trace).expect("it was traced");
    // A call that others interrupt is shown twice.
    let calls = trace.lines().filter(|line| line.contains("sync("));
    let each = calls.count() as f64 / ITEMS as f64;
    Row::new(what)
        .ours(number(each))
        .goal("1", each <= 1.0)
        .count()
}

/// A run of 10 s from its first look on.
fn run_server() -> Server {
    const LENGTH: Duration = Duration::from_secs(10);
    let mut begun = None;
    Server::start(Script::new(markdown(2_000), move |_, _| {
        let elapsed = begun.get_or_insert_with(Instant::now).elapsed();
        Shown {
            status: if elapsed < LENGTH {
                "RUNNING"
            } else {
                "COMPLETED"
            },
            messages: elapsed.min(LENGTH).as_millis() as usize / 500 + 1,
            children: vec![],
        }
    }))
}

fn run(program: &Path, what: &str, options: &[&str]) -> Row {
    let server = run_server();
    let mut command = Command::new(program);
    command.args(["run", "data-quality-checker"]).args(options);
    let status = with_settings(command, &server).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the run completes"
    );
    let command = server.take_counts().all().bytes();

    let server = run_server();
    let client = client(&server.endpoint(), SystemClock::new());
    let wait = client.trigger_run_and_wait(TriggerRun::agent("data-quality-checker"));
    runtime()
        .block_on(async { wait.await })
        .expect("the run completes");
    let wait = server.take_counts().all().bytes();
    let ratio = command as f64 / wait as f64;
    Row::new(format!(
        "{what}, of a run of 10 s that says 2 kB each half second: bytes on the wire"
    ))
    .ours(bytes(command))
    .peer(format!(
        "{} (the library's `trigger_run_and_wait`)",
        bytes(wait)
    ))
    .ratio(ratio)
    .goal("1.2", ratio <= 1.2)
    .count()
}
