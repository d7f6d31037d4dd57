//! Where the figures were taken, and what was compared.

use std::process::Command;
use std::time::SystemTime;

use crate::rows::vendor::PACKAGE;

/// Machine, versions and date, as a list in Markdown.
pub(crate) fn description(python: Option<String>) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let sdk = match python {
        Some(python) => format!("{} on {python}", PACKAGE.trim().replace("==", " ")),
        None => "absent".to_owned(),
    };
    format!(
        "- Machine: {}, {cores} cores; {}.\n\
         - Rust: {}; dinoai {}.\n\
         - Peers: reqwest {}, serde_json {}; the vendor's SDK: {sdk}.\n\
         - Date: {}.\n",
        processor(),
        system(),
        printed("rustc", &["--version"]),
        env!("CARGO_PKG_VERSION"),
        locked("reqwest"),
        locked("serde_json"),
        date(),
    )
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

fn processor() -> String {
    let list = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = list
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map_or(std::env::consts::ARCH, |name| {
        name.trim_start_matches([' ', '\t', ':'])
    });
    name.to_owned()
}

fn system() -> String {
    let list = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = list
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or(std::env::consts::OS, |name| name.trim_matches('"'));
    format!("{name}, kernel {}", printed("uname", &["-r"]))
}

/// The version of a crate in Cargo.lock.
fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let package = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split_once(&package).unwrap_or_default().1;
    version.split('"').next().unwrap_or_default().to_owned()
}

/// Today, as `Thu, 26 Nov 2026`.
fn date() -> String {
    let now = httpdate::fmt_http_date(SystemTime::now());
    now.split(' ').take(4).collect::<Vec<_>>().join(" ")
}
