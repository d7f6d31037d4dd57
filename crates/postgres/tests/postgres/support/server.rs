//! [`Server`]: a PostgreSQL of the test's own, in a folder of its own, which ends with it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Of the user `postgres`. It has to be nowhere but in URLs.
pub(crate) const PASSWORD: &str = "canary p@ss/?&:ä%";

/// How a server is set up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) has_tls: bool,
    /// Settings, as `name=value`.
    pub(crate) settings: &'static [&'static str],
}

pub(crate) struct Server {
    folder: TempDir,
    user: Option<(u32, u32)>,
    port: u16,
    options: Options,
    process: Option<Child>,
    /// Reads what it says, until all of it has ended.
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one. On a machine without PostgreSQL it prints that the test is skipped, and returns `None`.
    pub(crate) fn start() -> Option<Self> {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Option<Self> {
        let Some(programs) = programs() else {
            let is_required = std::env::var_os("DINOAI_REQUIRE_POSTGRES").is_some();
            assert!(!is_required, "there is no PostgreSQL on this machine");
            println!("skipped: there is no PostgreSQL on this machine");
            return None;
        };
        let user = other_user();
        let folder = folder();
        copy_of_a_cluster(&programs, user, folder.path());
        for name in ["server.pem", "server.key"] {
            let to = folder.path().join(name);
            fs::copy(tls_file(name), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            own(&to, user);
        }
        let mut server = Self {
            folder,
            user,
            port: 0,
            options,
            process: None,
            reader: None,
        };
        // Another test may have taken the port in between.
        for _ in 0..10 {
            server.port = free_port();
            if server.try_to_run() {
                return Some(server);
            }
        }
        panic!("the server does not start: {}", server.log());
    }

    /// Runs it again, after it was killed.
    pub(crate) fn run_again(&mut self) {
        // What was left of it goes in its own time.
        ended_in_time("the server starts again", || self.try_to_run());
    }

    fn try_to_run(&mut self) -> bool {
        let data = self.folder.path().join("data");
        let mut command = Command::new(programs().unwrap().join("postgres"));
        command.arg("-D").arg(&data);
        let socket = self.folder.path().display();
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={socket}"),
            // In the folder, which goes in the end.
            "dynamic_shared_memory_type=mmap".to_owned(),
            "fsync=off".to_owned(),
            "min_wal_size=2MB".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "max_connections=40".to_owned(),
        ];
        if self.options.has_tls {
            settings.push("ssl=on".to_owned());
            settings.push(format!("ssl_cert_file={socket}/server.pem"));
            settings.push(format!("ssl_key_file={socket}/server.key"));
        }
        let given = self.options.settings.iter().map(|it| (*it).to_owned());
        for setting in settings.into_iter().chain(given) {
            command.arg("-c").arg(setting);
        }
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        become_other(&mut command, self.user);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (says_ready, is_ready) = std::sync::mpsc::channel();
        let log = self.folder.path().join("log");
        let mut kept = self.log();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.push_str(&line);
                kept.push('\n');
                // The folder may be gone by now.
                let _ = fs::write(&log, &kept);
                if line.contains("ready to accept connections") {
                    let _ = says_ready.send(());
                }
            }
        });
        let is_ready = is_ready.recv_timeout(Duration::from_secs(30)).is_ok();
        if is_ready {
            self.process = Some(process);
            self.reader = Some(reader);
        } else {
            let _ = process.kill();
            let _ = process.wait();
        }
        is_ready
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn user(&self) -> Option<(u32, u32)> {
        self.user
    }

    /// The URL of a database for the user `postgres`, with these parameters.
    pub(crate) fn url(&self, database: &str, parameters: &str) -> String {
        url(self.port, database, parameters)
    }

    /// A connection that is no journal's.
    pub(crate) async fn admin(&self, database: &str) -> Client {
        let url = self.url(database, "sslmode=disable");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was killed has left something in memory, which the next one clears away.
        if self.process.is_none() && self.port != 0 {
            self.try_to_run();
        }
        let Some(mut process) = self.process.take() else {
            return;
        };
        // It ends its children, too.
        let id = process.id().to_string();
        let asked = Command::new("kill").args(["-QUIT", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = process.kill();
        }
        let _ = process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// The URL of a database on a port of this machine.
pub(crate) fn url(port: u16, database: &str, parameters: &str) -> String {
    let password = encoded(PASSWORD);
    format!(
        "postgres://postgres:{password}@localhost:{port}/{database}?hostaddr=127.0.0.1&{parameters}"
    )
}

/// Percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A file of `tests/tls`.
pub(crate) fn tls_file(name: &str) -> PathBuf {
    // Tests of the command have a server, too.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../postgres/tests/tls")
        .join(name)
}

/// Waits until something is so: what ends does so in a time that nobody knows.
fn ended_in_time(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not within 30 s: {what}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A folder for a server, in memory if that has space: a server has a thousand files.
fn folder() -> TempDir {
    let memory = Command::new("df").args(["-kP", "/dev/shm"]).output();
    let memory = memory.map_or(String::new(), |it| {
        String::from_utf8_lossy(&it.stdout).into_owned()
    });
    let free = memory
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3));
    let free = free.and_then(|free| free.parse::<u64>().ok());
    let has_room = free.is_some_and(|kilobytes| kilobytes > 1_000_000);
    let in_memory = has_room.then(|| TempDir::new_in("/dev/shm"));
    match in_memory {
        Some(Ok(folder)) => folder,
        _ => tempfile::tempdir().unwrap(),
    }
}

/// The folder of the server's programs, the newest first.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|folder| Some(folder.ok()?.path().join("bin")))
        .collect();
    folders.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name);
        version.and_then(|version| version.to_str()?.parse::<u32>().ok())
    });
    folders.reverse();
    // Another one than the newest: .ci/long postgres-13.
    folders.splice(
        0..0,
        std::env::var_os("DINOAI_TEST_POSTGRES").map(PathBuf::from),
    );
    folders.extend(std::env::split_paths(&path));
    let is_there = |folder: &PathBuf| {
        ["initdb", "postgres"]
            .iter()
            .all(|it| folder.join(it).exists())
    };
    folders.into_iter().find(is_there)
}

/// Whom the server runs as, where the test is root, as whom it does not run.
fn other_user() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    if !is_root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = ["postgres:", "nobody:"].iter().find_map(|name| {
        let mut fields = users
            .lines()
            .find(|line| line.starts_with(name))?
            .split(':');
        let id = fields.nth(2)?.parse().ok()?;
        Some((id, fields.next()?.parse().ok()?))
    });
    Some(user.expect("a user postgres or nobody"))
}

pub(crate) fn own(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

pub(crate) fn become_other(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
}

/// Copies an empty cluster, which is made once for all tests, into the folder `data` of a folder.
fn copy_of_a_cluster(programs: &Path, user: Option<(u32, u32)>, to: &Path) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(kept).unwrap();
    let version = Command::new(programs.join("postgres")).arg("-V").output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    let version: String = version.chars().filter(char::is_ascii_digit).collect();
    let owner = user.map_or("own".to_owned(), |(id, _)| id.to_string());
    let cluster = kept.join(format!("postgres-{version}-{owner}-small"));
    let lock = File::create(kept.join("postgres.lock")).unwrap();
    lock.lock().unwrap();
    if !cluster.exists() {
        let folder = tempfile::tempdir().unwrap();
        own(folder.path(), user);
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        own(&password, user);
        let mut command = Command::new(programs.join("initdb"));
        command.args([
            "-N",
            "-A",
            "scram-sha-256",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--wal-segsize=1",
        ]);
        command.arg("--pwfile").arg(&password);
        command.arg("-D").arg(folder.path().join("data"));
        command.current_dir(folder.path());
        become_other(&mut command, user);
        let made = command.output().unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb failed: {said}");
        let half = cluster.with_extension("half");
        let _ = fs::remove_dir_all(&half);
        copy(&folder.path().join("data"), &half);
        fs::rename(&half, &cluster).unwrap();
    }
    lock.unlock().unwrap();
    own(to, user);
    copy(&cluster, &to.join("data"));
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(
        copied.unwrap().success(),
        "{} cannot be copied",
        from.display()
    );
}

impl Server {
    /// Waits until so many sessions wait for a lock.
    pub(crate) async fn until_somebody_waits(&self, sessions: i64) {
        let admin = self.admin("postgres").await;
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        for _ in 0..1500 {
            let row = admin.query_one(waiting, &[]).await.unwrap();
            if row.get::<_, i64>(0) == sessions {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("there are not {sessions} sessions that wait for a lock");
    }
}
