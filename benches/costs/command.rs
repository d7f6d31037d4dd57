//! The programs, built for release, and the folder of builds.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of builds: this program is in `release/deps` of it.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let target = program.ancestors().nth(3).map(Path::to_owned);
    target.expect("it is in a folder of builds")
}

/// The program of a package, built unless it is. `None` if it cannot be.
pub(crate) fn built(package: &str, program: &str) -> Option<PathBuf> {
    let target = target();
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "-p", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &target)
        .status();
    let program = target.join("release").join(program);
    status
        .is_ok_and(|status| status.success())
        .then_some(program)
}
