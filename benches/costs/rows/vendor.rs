//! Beside the vendor's SDK: what a wait carries over the wire by its way of waiting, and what a read
//! takes of CPU, with and without TLS.

use std::path::{Path, PathBuf};
use std::process::Command;

use dinoai::{Client, Credentials};
use serde_json::Value;

use crate::counts::{Beside, long_wait};
use crate::measure::{OneCore, Pairs, microseconds};
use crate::server::Server;
use crate::server::script::{Script, ends_at};
use crate::setting::{markdown, runtime};
use crate::table::{Row, bytes, counted, microseconds as show};
use crate::{Effort, tls};

/// The vendor's package, in the version that the conformance tests have.
pub(crate) const PACKAGE: &str =
    include_str!("../../../crates/emulator/conformance/requirements.txt");
const READS: u32 = 100;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = wire();
    let _core = OneCore::keep();
    let sdk = Sdk::installed();
    for scheme in ["http", "https"] {
        let what = format!("`get_run` of a run with two messages, {scheme}: CPU");
        rows.push(match &sdk {
            Ok(sdk) => sdk.row(&what, scheme, effort),
            Err(why) => Row::skipped(format!("{what}, beside the vendor's SDK"), why),
        });
    }
    rows
}

fn wire() -> Vec<Row> {
    let Beside { ours, peers } = long_wait();
    let what = "a wait of half an hour for a run that says 2 kB each half minute";
    let peer = "the vendor's way: the whole run each 10 s";
    vec![
        Row::new(format!("{what}: bytes on the wire"))
            .ours(bytes(ours.bytes()))
            .peer(format!("{} ({peer})", bytes(peers.bytes())))
            .ratio(peers.bytes() as f64 / ours.bytes() as f64),
        Row::new(format!("{what}: requests"))
            .ours(counted(ours.requests))
            .peer(format!("{} ({peer})", counted(peers.requests)))
            .ratio(peers.requests as f64 / ours.requests as f64),
    ]
}

/// The vendor's SDK, in a virtual environment of its own.
pub(crate) struct Sdk {
    python: PathBuf,
}

impl Sdk {
    /// Installs it under the target folder, unless it is there. Says why it cannot.
    pub(crate) fn installed() -> Result<Self, String> {
        let folder = crate::command::target().join("costs/python");
        let python = folder.join("bin/python");
        let package = PACKAGE.trim();
        let complete = folder.join("complete");
        if std::fs::read_to_string(&complete).is_ok_and(|text| text == package) {
            return Ok(Self { python });
        }
        let run = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output();
            let output = output.map_err(|_| "there is no Python 3".to_owned())?;
            match output.status.success() {
                true => Ok(()),
                false => Err(format!("{package} cannot be installed")),
            }
        };
        let at = folder.to_string_lossy();
        run(Path::new("python3"), &["-m", "venv", "--clear", &at])?;
        let pip = ["-m", "pip", "install", "--quiet", package];
        run(&python, &pip)?;
        std::fs::write(complete, package).map_err(|error| error.to_string())?;
        Ok(Self { python })
    }

    /// How many microseconds of CPU a read takes by the SDK.
    fn read(&self, endpoint: &str) -> f64 {
        let output = Command::new(&self.python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/costs/sdk.py"))
            .args([endpoint, "run-1", &READS.to_string()])
            .env("PARADIME_DISABLE_VERSION_CHECK", "1")
            .env("REQUESTS_CA_BUNDLE", tls::CERTIFICATE)
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .expect("the SDK's Python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let read: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        read["microseconds"].as_f64().expect("a time")
    }

    /// What it is, for the record.
    pub(crate) fn version(&self) -> String {
        let version = Command::new(&self.python).arg("--version").output();
        let version = version.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&version).trim().to_owned()
    }

    fn row(&self, what: &str, scheme: &'static str, effort: Effort) -> Row {
        let script = Script::new(markdown(200), |_, look| ends_at(look, 1, 2));
        let server = match scheme {
            "https" => Server::wrapped(scheme, script, tls::wrap()),
            _ => Server::start(script),
        };
        let client = Client::builder()
            .endpoint(server.endpoint())
            .credentials(Credentials::key_and_secret("key", "secret"))
            .http_client(|http| http.tls_certs_only(tls::trusted()))
            .build()
            .expect("the endpoint is one");
        let runtime = runtime();
        let ours = || {
            microseconds(|| {
                runtime.block_on(async {
                    for _ in 0..READS * 10 {
                        client.get_run("run-1").await.expect("it can be read");
                    }
                });
            }) / f64::from(READS * 10)
        };
        let theirs = || self.read(&server.endpoint());
        let pairs = Pairs::take(effort.pairs(15), ours, theirs);
        Row::new(what).pairs(&pairs, &pairs.times_less(), "the vendor's SDK", show)
    }
}
