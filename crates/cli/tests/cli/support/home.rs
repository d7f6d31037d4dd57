//! A home folder, with a credentials file or without one.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use dinoai_emulator::Emulator;

use super::program::{Done, bare, run, run_with_input};

pub(crate) fn at_home(home: &Path) -> Command {
    let mut command = bare();
    command.env("HOME", home);
    command
}

/// A home with this credentials file.
pub(crate) fn home_with(text: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".paradime")).unwrap();
    let file = home.path().join(".paradime/credentials");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    home
}

pub(crate) fn login(home: &Path, answers: &[&str]) -> Done {
    run_with_input(at_home(home), &["login"], &(answers.join("\n") + "\n"))
}

/// The headers that the command sends in a home, with these arguments besides.
pub(crate) fn sent_headers(home: &Path, endpoint_of: impl FnOnce(String) -> Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the request breaks off");
            request.extend_from_slice(&piece[..length]);
        }
        let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(refusal.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let more = endpoint_of(endpoint);
    let arguments: Vec<_> = ["get", "abc"]
        .into_iter()
        .chain(more.iter().map(String::as_str))
        .collect();
    let done = run(at_home(home), &arguments);
    assert_eq!(done.code(), 3, "{}", done.stderr);
    server.join().unwrap()
}

/// The text of a credentials file for an emulator's account.
pub(crate) fn credentials(emulator: &Emulator) -> String {
    format!(
        "API_ENDPOINT={}\nAPI_KEY={}\nAPI_SECRET={}\n",
        emulator.endpoint(),
        emulator.key(),
        emulator.secret()
    )
}
