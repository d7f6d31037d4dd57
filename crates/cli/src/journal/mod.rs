//! [`Ledger`]: the journal in which it is remembered what was started from here, and by which key.
//!
//! Every run is, so that `runs`, `send --last` and `chat --continue` find it: one without a key of its own
//! gets one that no other has. Where no journal is named and the user's own cannot be opened, such a run is
//! started all the same.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use dinoai::journal::{FileJournal, Journal, JournalError, MemoryJournal, Restart, Stored};
use dinoai::{Client, SessionId, StartOnce, TriggerRun};

use crate::args::{JournalArgs, OnceArgs, RestartWhen};
use crate::environment;
use crate::output::Output;
use crate::report::{ExitStatus, Failure, FailureKind, hint};

mod at_best;
mod auto_key;
mod unknown;

pub(crate) use auto_key::of_ci_job as key_of_ci_job;

use at_best::AtBest;

/// What results say of a journal that is beside them, wherever they are.
pub(crate) const BESIDE: &str = "beside it";

/// The word for no journal.
const NONE: &str = "none";

/// The key that the options ask for, if they do.
pub(crate) fn key_of(options: &OnceArgs, request: &TriggerRun) -> Result<Option<String>, Failure> {
    match options.key.as_deref() {
        Some("auto") => key_of_ci_job(request).map(Some),
        key => Ok(key.map(str::to_owned)),
    }
}

fn of_the_user() -> Option<PathBuf> {
    let folder = environment::state_folder()?;
    Some(folder.join("dinoai").join("journal.jsonl"))
}

/// The journal in which it is remembered what was started from here.
pub(crate) struct Ledger {
    pub(crate) journal: Arc<dyn Journal>,
    /// Whether it is a file.
    is_file: bool,
    /// Whether somebody has named it.
    is_named: bool,
    name: String,
    /// Where it is: a file's path, or host and database.
    place: String,
    /// The option that names it, as it stands after a command.
    pub(crate) option: String,
}

impl Ledger {
    /// The journal that the options or the environment name, else the user's own, in memory where an emulator
    /// ends with the command. `None`: nothing is remembered.
    ///
    /// What is started is started all the same where the user's own does not work.
    pub(crate) async fn open(
        options: &JournalArgs,
        is_emulated: bool,
        output: &Output,
    ) -> Result<Option<Self>, Failure> {
        let named = Self::named(options, is_emulated);
        match Self::open_any(options, is_emulated, output).await {
            Ok(Some(ledger)) if named.is_none() => Ok(Some(Self {
                journal: Arc::new(AtBest::new(ledger.journal)),
                ..ledger
            })),
            Err(failure) if named.is_none() => {
                let error = failure.message;
                tracing::debug!(error, "it is not remembered what is started");
                Ok(None)
            }
            other => other,
        }
    }

    /// What the options or the environment name.
    fn named(options: &JournalArgs, is_emulated: bool) -> Option<String> {
        let named = options.journal.clone();
        match is_emulated {
            // What is left of an emulator is of no use to others.
            true => named,
            false => named.or_else(environment::journal),
        }
    }

    /// The file that it is, if it is one.
    pub(crate) fn file(options: &JournalArgs, is_emulated: bool) -> Option<PathBuf> {
        match Self::named(options, is_emulated) {
            Some(name) if name == NONE || name.contains("://") => None,
            Some(name) => Some(name.into()),
            None if is_emulated => None,
            None => of_the_user(),
        }
    }

    async fn open_any(
        options: &JournalArgs,
        is_emulated: bool,
        output: &Output,
    ) -> Result<Option<Self>, Failure> {
        let named = Self::named(options, is_emulated);
        let is_named = named.is_some();
        let name = match named {
            Some(name) if name == NONE => return Ok(None),
            Some(name) => name,
            None if is_emulated => return Ok(Some(Self::in_memory())),
            None => {
                let Some(path) = of_the_user() else {
                    return Ok(None);
                };
                path.display().to_string()
            }
        };
        let option = options.journal.as_ref().map_or(String::new(), |name| {
            // A URL may have a password in it, and a hint is for a log, too.
            let shown = if name.contains("://") { "URL" } else { name };
            format!(" --journal {}", hint::quoted(shown))
        });
        if name.starts_with("postgres://") || name.starts_with("postgresql://") {
            let (journal, place) = on_postgres(&name).await?;
            return Ok(Some(Self {
                journal,
                is_file: false,
                is_named,
                place,
                name: "the journal on PostgreSQL".to_owned(),
                option,
            }));
        }
        if name.contains("://") {
            return Err(Failure::usage(
                "a journal is a file, postgres://… or none; this is another URL",
            ));
        }
        let file = Self::in_file(PathBuf::from(name), option, is_named, output);
        file.await.map(Some)
    }

    fn in_memory() -> Self {
        Self {
            journal: Arc::new(MemoryJournal::new()),
            is_file: false,
            is_named: false,
            name: "memory".to_owned(),
            place: "memory".to_owned(),
            option: String::new(),
        }
    }

    async fn in_file(
        path: PathBuf,
        option: String,
        is_named: bool,
        output: &Output,
    ) -> Result<Self, Failure> {
        let name = path.display().to_string();
        // It may wait for others, and a signal is to be heard meanwhile.
        let opened = tokio::task::spawn_blocking(move || FileJournal::open(path)).await;
        let opened = opened.map_err(|error| Failure::system(format!("{name}: {error}")))?;
        let file = opened.map_err(|error| unusable(&error))?;
        if let Some(damage) = file.damage() {
            output.warning(&format!("the journal {name} is damaged: {damage}"));
        }
        Ok(Self {
            journal: Arc::new(file),
            is_file: true,
            is_named,
            place: name.clone(),
            name,
            option,
        })
    }

    /// The same, where the command needs one.
    pub(crate) async fn needed(
        options: &JournalArgs,
        is_emulated: bool,
        output: &Output,
    ) -> Result<Self, Failure> {
        Self::for_batch(options, None, is_emulated, output).await
    }

    /// The same, with a file beside the results where none is named and there is no folder for the user's own.
    pub(crate) async fn for_batch(
        options: &JournalArgs,
        results: Option<&Path>,
        is_emulated: bool,
        output: &Output,
    ) -> Result<Self, Failure> {
        let ledger = Self::open_any(options, is_emulated, output).await;
        let is_named = Self::named(options, is_emulated).is_some();
        match (ledger, results) {
            (Ok(Some(ledger)), _) => Ok(ledger),
            (Ok(None), Some(results)) if !is_named => {
                let path = beside(results);
                let option = format!(" --journal {}", hint::quoted(&path.display().to_string()));
                Self::in_file(path, option, true, output).await
            }
            (Ok(None), _) => Err(Failure::usage(
                "there is no journal to remember it in; name a file with --journal or DINOAI_JOURNAL",
            )),
            (Err(failure), _) if !is_named => {
                Err(failure.with_hint("name another file with --journal or DINOAI_JOURNAL"))
            }
            (Err(failure), _) => Err(failure),
        }
    }

    /// The same, where what is started is started this one time: in memory if it is not remembered.
    pub(crate) async fn for_one_time(
        options: &JournalArgs,
        is_emulated: bool,
        output: &Output,
    ) -> Result<Self, Failure> {
        let ledger = Self::open(options, is_emulated, output).await?;
        Ok(ledger.unwrap_or_else(Self::in_memory))
    }

    /// What results say of the journal that they were begun with: by another one they cannot be gone on with.
    pub(crate) fn identity(&self, results: Option<&Path>) -> String {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let path = real(Path::new(&self.place));
        match results {
            _ if !self.is_file => self.place.clone(),
            Some(results) if path == real(&beside(results)) => BESIDE.to_owned(),
            _ => path.display().to_string(),
        }
    }

    #[cfg(test)]
    pub(crate) fn over(journal: MemoryJournal) -> Self {
        Self {
            journal: Arc::new(journal),
            ..Self::in_memory()
        }
    }

    /// Starts a run once, by the key that the options ask for.
    pub(crate) fn start_once(
        &self,
        client: &Client,
        options: &OnceArgs,
        request: TriggerRun,
        output: &Output,
    ) -> Result<StartOnce, Failure> {
        let Some(key) = key_of(options, &request)? else {
            return Ok(self.start(client, "run", request, output));
        };
        self.warn_if_it_ends_with_the_job(output);
        let restart = match options.restart {
            Some(RestartWhen::Failed) => Restart::Failed,
            Some(RestartWhen::Never) | None => Restart::Never,
        };
        Ok(self.start_by(client, key, request, output).restart(restart))
    }

    /// Says where a key is forgotten with the machine.
    pub(crate) fn warn_if_it_ends_with_the_job(&self, output: &Output) {
        if self.is_file && environment::is_hosted_runner() {
            output.warning(&format!(
                "the journal {} ends with this job, so that a job that is run again starts the run again; to \
                 keep it, restore and save the file with actions/cache, or name a journal on PostgreSQL",
                self.name
            ));
        }
    }

    /// Starts a run by a key that no other has. `what` starts it: a command.
    pub(crate) fn start(
        &self,
        client: &Client,
        what: &str,
        request: TriggerRun,
        output: &Output,
    ) -> StartOnce {
        self.start_by(client, unique_key(what), request, output)
    }

    /// Starts a run once by this key.
    pub(crate) fn start_by(
        &self,
        client: &Client,
        key: String,
        request: TriggerRun,
        output: &Output,
    ) -> StartOnce {
        let alarm = self.alarm(&key, output);
        let start = client.start_once(key, request, &self.journal);
        start.on_unrecorded(alarm)
    }

    /// What says that a run of a key has started whose id the journal does not take.
    pub(crate) fn alarm(
        &self,
        key: &str,
        output: &Output,
    ) -> impl FnOnce(&SessionId, &JournalError) + Send + 'static {
        let alarm = output.alarm();
        let (option, key) = (self.option.clone(), hint::quoted(key));
        move |id, error| {
            let text = format!(
                "the run {id} has started, and its session ID is not in the journal: {error}; keep it: if this \
                 command ends before the journal has it, enter it with: dinoai resolve{option} {key} {}",
                hint::id(id),
            );
            alarm(id, &text);
        }
    }

    /// All that was started from here, the newest first.
    pub(crate) async fn all(&self) -> Result<Vec<(String, Stored)>, Failure> {
        let listed = self.journal.list().await;
        let mut listed = listed.map_err(|error| unusable(&error))?;
        listed.sort_by(|(left, before), (right, after)| {
            let order = started_at(after).cmp(&started_at(before));
            order.then(right.cmp(left))
        });
        Ok(listed)
    }

    /// The session that was started last on this machine, in the client's account.
    pub(crate) async fn last(&self, client: &Client) -> Result<SessionId, Failure> {
        if !self.is_file && self.is_named {
            return Err(Failure::usage(format!(
                "{} has what was started on other machines, too; name the session (dinoai runs lists them)",
                self.name
            )));
        }
        let all = self.all().await?;
        let entries = all.iter().map(|(_, stored)| &stored.entry);
        let mut own = entries.filter(|entry| client.owns_key(entry));
        let last = own.find_map(|entry| entry.session_id());
        last.cloned().ok_or_else(|| {
            let of = if self.is_named {
                &self.name
            } else {
                "the journal"
            };
            Failure::usage(format!("no run was started from here, as far as {of} says"))
        })
    }
}

/// Where the journal of results is if there is no other place.
fn beside(results: &Path) -> PathBuf {
    let mut name = results.as_os_str().to_owned();
    name.push(".journal");
    PathBuf::from(name)
}

/// A key that no other has. `what` starts something by it: a command.
pub(crate) fn unique_key(what: &str) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let number = RandomState::new().build_hasher().finish();
    format!("{what}/{now}/{:08x}", number >> 32)
}

#[cfg(feature = "postgres")]
async fn on_postgres(url: &str) -> Result<(Arc<dyn Journal>, String), Failure> {
    let journal = dinoai_postgres::PostgresJournal::connect(url).await;
    let journal = journal.map_err(|error| unusable(&error))?;
    let place = journal.place();
    Ok((Arc::new(journal), place))
}

#[cfg(not(feature = "postgres"))]
async fn on_postgres(_url: &str) -> Result<(Arc<dyn Journal>, String), Failure> {
    Err(Failure::usage(
        "this build of dinoai knows no journals on PostgreSQL; name a file",
    ))
}

/// When the run of a key was started, or was to be.
pub(crate) fn started_at(stored: &Stored) -> SystemTime {
    stored.entry.claimed_at.unwrap_or(stored.at)
}

/// A journal that cannot be used: nothing was sent.
pub(crate) fn unusable(error: &JournalError) -> Failure {
    Failure::new(
        FailureKind::Journal,
        ExitStatus::Usage,
        format!("{error}; nothing was sent"),
    )
}
