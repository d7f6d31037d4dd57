//! [`Pooler`]: a PgBouncer before a server, which gives each transaction another session.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::server::{PASSWORD, Server, become_other, own, url};

pub(crate) struct Pooler {
    _folder: TempDir,
    process: Child,
    port: u16,
}

impl Pooler {
    /// Starts one. On a machine without PgBouncer it prints that the test is skipped, and returns `None`.
    pub(crate) fn before(server: &Server) -> Option<Self> {
        let Some(program) = program() else {
            let is_required = std::env::var_os("DINOAI_REQUIRE_PGBOUNCER").is_some();
            assert!(!is_required, "there is no PgBouncer on this machine");
            println!("skipped: there is no PgBouncer on this machine");
            return None;
        };
        // Another test may take the port in between.
        (0..10).find_map(|_| Self::try_to_start(&program, server))
    }

    fn try_to_start(program: &Path, server: &Server) -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        own(folder.path(), server.user());
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            own(&path, server.user());
            path
        };
        let users = write("users", format!("\"postgres\" \"{PASSWORD}\"\n"));
        let settings = format!(
            "[databases]\n\
             postgres = host=127.0.0.1 port={} dbname=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\n\
             pool_mode = transaction\ndefault_pool_size = 4\nserver_round_robin = 1\n",
            server.port(),
            users.display(),
        );
        let settings = write("settings", settings);
        let mut command = Command::new(program);
        command.arg(settings).current_dir(folder.path());
        become_other(&mut command, server.user());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let is_up = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("process up"));
        // It writes on, to somebody.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        if !is_up {
            let _ = process.wait();
            return None;
        }
        Some(Self {
            _folder: folder,
            process,
            port,
        })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        url(self.port, database, "")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let programs = folders.into_iter().map(|folder| folder.join("pgbouncer"));
    programs.into_iter().find(|program| program.exists())
}
