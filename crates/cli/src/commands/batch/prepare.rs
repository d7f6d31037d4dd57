//! [`prepare`] and [`PreparedBatch::ready`]: all that a batch does before anything is sent. Both refuse what
//! cannot be right.
//!
//! The first reads the items ([`read_input`]) and the results of earlier batches. The second reads what the
//! journal says of them, plans what is left to do, and makes the results file ready. Then it finds how many
//! runs can be in progress at a time ([`concurrency_under_limit`], by the limit on open files), and the command
//! that resumes the batch ([`resume_command`]).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use dinoai::Client;

use super::history::Histories;
use super::items::{self, Item};
use super::keys::{ItemKeys, Key, Keys};
use super::outcome::item_numbers;
use super::plan::{Retry, Task};
use super::results::record::ResultsHead;
use super::results::results_file::OpenedResults;
use super::results::results_writer::ResultsWriter;
use crate::args::{BatchArgs, PollArgs, duration};
use crate::file_identity::FileIdentity;
use crate::journal::{BESIDE, Ledger, unique_key};
use crate::output::Output;
use crate::report::Failure;
use crate::report::hint::quoted;

/// The longest key that those of items can begin with, in bytes.
const LONGEST_KEY: usize = 400;

/// A batch whose files have been read.
pub(crate) struct PreparedBatch {
    options: BatchArgs,
    items: Vec<Item>,
    opened: Option<OpenedResults>,
}

/// A batch of which all is known that can be known before anything is sent.
pub(super) struct ReadyBatch {
    /// What is left to do for each item, in their order.
    pub(super) tasks: Vec<Task>,
    pub(super) ledger: Ledger,
    pub(super) results: ResultsWriter,
    pub(super) poll: PollArgs,
    pub(super) concurrency: usize,
    /// The results file's name, if there is one.
    pub(super) file: Option<String>,
    /// The command that resumes the batch, if one can.
    pub(super) resume: Option<String>,
}

/// Reads the items and the results of earlier batches.
///
/// Sends nothing. May wait for as long as whoever writes the items does, so call it while a
/// signal still ends the process.
pub(crate) fn prepare(options: &BatchArgs) -> Result<PreparedBatch, Failure> {
    let input = read_input(&options.file)?;
    let opened = options
        .resume
        .as_ref()
        .map(|path| OpenedResults::open(path, input.identity.as_ref()))
        .transpose()?;
    Ok(PreparedBatch {
        options: options.clone(),
        items: input.items,
        opened,
    })
}

impl PreparedBatch {
    /// Opens the journal, plans what is left to do, and makes the results file ready. Sends nothing.
    pub(super) async fn ready(
        mut self,
        client: &Client,
        is_emulated: bool,
        output: &Output,
    ) -> Result<ReadyBatch, Failure> {
        let options = &self.options;
        if let Some(problem) = options.key.as_deref().and_then(problem_of_key) {
            return Err(Failure::usage(format!(
                "--key {problem}; nothing was started"
            )));
        }
        let ledger = match (&options.key, &options.resume) {
            (None, None) => Ledger::for_one_time(&options.journal, is_emulated, output).await?,
            (_, results) => {
                let beside = results.as_deref();
                Ledger::for_batch(&options.journal, beside, is_emulated, output).await?
            }
        };
        if options.key.is_some() {
            ledger.warn_if_it_ends_with_the_job(output);
        }
        let recovered = self.opened.as_mut().map(|opened| &mut opened.recovered);
        let (records, unjournaled, recorded) = match recovered {
            Some(recovered) => {
                let records = std::mem::take(&mut recovered.records);
                (records, recovered.unjournaled, recovered.head.clone())
            }
            None => (vec![], 0, None),
        };
        let may_be_known = options.key.is_some() || recorded.is_some();
        let journal = ledger.identity(options.resume.as_deref());
        let head = match recorded {
            Some(head) => {
                check_head(&head, &journal, options.resume.as_deref())?;
                head
            }
            None => ResultsHead::Batch {
                key: unique_key("batch"),
                journal,
            },
        };
        let ResultsHead::Batch { key: name, .. } = &head;
        let keys = match options.key.as_deref() {
            Some("auto") => Keys::OfCiJob,
            Some(key) => Keys::Named(key.to_owned()),
            None => Keys::OfResults(name.clone()),
        };
        let mut histories = Histories::from_records(records, unjournaled);
        let mut known = BTreeMap::new();
        if may_be_known {
            let items = histories.last_started(&self.items);
            known = keys.look_up(items, &*ledger.journal).await?;
            check_account(&known, client)?;
            histories.learn(&known, &self.items);
        }
        let retry = Retry {
            unknown: options.retry_unknown.clone(),
            failed: options.retry_failed,
        };
        let several_runs = histories.several_runs();
        let tasks = histories.plan(self.items, &retry, &keys, &known)?;
        for said in several_runs {
            output.warning(&output.hint_for_account(&said));
        }
        // Only now the file is known to be this batch's.
        let is_stdout = self.opened.as_ref().is_some_and(|opened| opened.is_stdout);
        let file = self.opened.map(|opened| opened.ready(&head, output));
        let stdout = (!is_stdout).then(|| output.spinner());
        let results = ResultsWriter::new(file.transpose()?, stdout, output.format)
            .map_err(|error| Failure::system(format!("cannot write results: {error}")))?;
        let wanted = tasks.len().min(options.concurrency.into());
        let (concurrency, limit) = concurrency_under_limit(wanted);
        if let Some(limit) = limit {
            output.warning(&format!(
                "at most {concurrency} runs are in progress at a time, since the limit on open files is \
                 {limit}; raise it with ulimit -n"
            ));
        }
        let file = options.resume.as_ref();
        let can_resume = options.resume.is_some() || options.key.is_some();
        Ok(ReadyBatch {
            tasks,
            results,
            poll: options.poll,
            concurrency,
            file: file.map(|path| path.display().to_string()),
            resume: can_resume.then(|| resume_command(options, &ledger)),
            ledger,
        })
    }
}

/// What is wrong with a key that keys of items are to begin with.
fn problem_of_key(key: &str) -> Option<&'static str> {
    if key.trim().is_empty() {
        return Some("is blank");
    }
    if key.len() > LONGEST_KEY {
        return Some("is longer than 400 bytes");
    }
    let has_controls = key.chars().any(char::is_control);
    has_controls.then_some("has a control character in it")
}

/// Refuses keys of another account.
fn check_account(known: &BTreeMap<usize, ItemKeys>, client: &Client) -> Result<(), Failure> {
    let is_others = |key: &Key| {
        let stored = key.stored.as_ref();
        stored.is_some_and(|stored| stored.is_bound() && !client.owns_key(&stored.entry))
    };
    let others = known
        .iter()
        .filter(|(_, keys)| is_others(&keys.last) || is_others(&keys.next));
    let others: Vec<_> = others.map(|(number, _)| *number).collect();
    match others.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "{}: started before, in another account (endpoint or workspace); use its credentials, or another key or \
             file of results; nothing was started",
            item_numbers(&others)
        ))),
    }
}

/// Refuses results that were begun with another journal, which alone knows what is being started for them.
fn check_head(head: &ResultsHead, journal: &str, results: Option<&Path>) -> Result<(), Failure> {
    let ResultsHead::Batch {
        key,
        journal: begun,
    } = head;
    let results = results.map(|path| path.display().to_string());
    let results = results.unwrap_or_default();
    if let Some(problem) = problem_of_key(key) {
        return Err(Failure::usage(format!(
            "{results}: the key of its first line {problem}; nothing was started"
        )));
    }
    if begun == journal {
        return Ok(());
    }
    let begun = match begun == BESIDE {
        true => format!("{results}.journal"),
        false => begun.clone(),
    };
    Err(Failure::usage(format!(
        "{results} was begun with the journal {begun}, and this is {journal}; nothing was started"
    ))
    .with_hint(format!(
        "name that journal with --journal, as it was named then; only if {begun} is lost, remove the first line of the \
         results, which alone say then what has started"
    )))
}

/// The items, and the file that they are from.
struct Input {
    items: Vec<Item>,
    identity: Option<FileIdentity>,
}

/// Reads all items, before any is started; `-` is standard input.
///
/// Waits for as long as whoever writes to a pipe does.
fn read_input(file: &Path) -> Result<Input, Failure> {
    let shown = match is_stdin(file) {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let (bytes, identity) = read_bytes(file)
        .map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    for (stream, other) in [
        ("standard output", FileIdentity::of_stdout()),
        ("standard error", FileIdentity::of_stderr()),
    ] {
        if identity.is_some() && identity == other {
            return Err(Failure::usage(format!(
                "{stream} is redirected into the batch file; redirect it elsewhere; nothing was started"
            )));
        }
    }
    let refuse = |problem: &str| Failure::usage(format!("{shown}, {problem}; nothing was started"));
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        refuse(&format!("line {line}: the text is not valid UTF-8"))
    })?;
    let items = items::parse_items(file, text).map_err(|problem| refuse(&problem))?;
    if items.is_empty() {
        return Err(Failure::usage(format!(
            "nothing to do: {shown} has no items; nothing was started"
        )));
    }
    Ok(Input { items, identity })
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read_bytes(file: &Path) -> io::Result<(Vec<u8>, Option<FileIdentity>)> {
    let mut bytes = vec![];
    let identity = if is_stdin(file) {
        io::stdin().lock().read_to_end(&mut bytes)?;
        FileIdentity::of_stdin()
    } else {
        let mut opened = File::open(file)?;
        opened.read_to_end(&mut bytes)?;
        FileIdentity::of(&opened, file)
    };
    Ok((bytes, identity))
}

/// Standard streams, files, the runtime's own, and connections that start runs.
#[cfg(any(unix, test))]
const SPARE: u64 = 64;
/// A connection for each run that is being started, which may be all of them, and its other end if an
/// emulator is in this process.
#[cfg(any(unix, test))]
const EACH: u64 = 2;

/// How many runs can be in progress at a time, and, if these are fewer than wanted, the limit on open
/// files. Raises that limit if it can be.
#[cfg(unix)]
fn concurrency_under_limit(wanted: usize) -> (usize, Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = SPARE + EACH.saturating_mul(u64::try_from(wanted).unwrap_or(u64::MAX));
    let before = getrlimit(Resource::Nofile);
    if before.current.is_some_and(|current| current < needed) {
        let most = before.maximum.map_or(needed, |maximum| maximum.min(needed));
        // What the system makes of it is read back.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: before.current.max(Some(most)),
                maximum: before.maximum,
            },
        );
    }
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => (fitting(limit).min(wanted), Some(limit)),
        _ => (wanted, None),
    }
}

/// There is no such limit that could be asked for.
#[cfg(not(unix))]
fn concurrency_under_limit(wanted: usize) -> (usize, Option<u64>) {
    (wanted, None)
}

/// How many runs fit under a limit; one at least, or nothing would ever be done.
#[cfg(any(unix, test))]
fn fitting(limit: u64) -> usize {
    let fitting = limit.saturating_sub(SPARE) / EACH;
    usize::try_from(fitting).unwrap_or(usize::MAX).max(1)
}

/// The command that resumes a batch. Nothing in it starts anything again: what
/// was to be retried has been.
fn resume_command(options: &BatchArgs, ledger: &Ledger) -> String {
    let mut words = vec![
        "dinoai".to_owned(),
        "batch".to_owned(),
        match is_stdin(&options.file) {
            true => "-".to_owned(),
            false => file_argument(&options.file),
        },
    ];
    if let Some(results) = &options.resume {
        words.extend(["--resume".to_owned(), file_argument(results)]);
    }
    if let Some(key) = &options.key {
        words.push(format!("--key={}", quoted(key)));
    }
    words.extend([
        "--concurrency".to_owned(),
        options.concurrency.to_string(),
        "--timeout".to_owned(),
        duration::as_option(options.poll.timeout),
    ]);
    if let Some(interval) = options.poll.poll_interval {
        words.extend(["--poll-interval".to_owned(), duration::as_option(interval)]);
    }
    let same_input = match is_stdin(&options.file) {
        true => "\n  with the same items on standard input",
        false => "",
    };
    let journal = &ledger.option;
    format!("to resume: {}{journal}{same_input}", words.join(" "))
}

/// A file's name that is not taken for an option.
fn file_argument(file: &Path) -> String {
    let name = file.display().to_string();
    match name.starts_with('-') {
        true => quoted(&format!("./{name}")),
        false => quoted(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_is_in_progress_under_any_limit() {
        assert_eq!(fitting(3), 1);
        assert_eq!(fitting(256), 96);
    }

    #[test]
    fn a_name_is_never_taken_for_an_option() {
        assert_eq!(file_argument(Path::new("items.csv")), "items.csv");
        assert_eq!(file_argument(Path::new("-my items")), "'./-my items'");
        assert_eq!(file_argument(Path::new("-")), "./-");
    }
}
