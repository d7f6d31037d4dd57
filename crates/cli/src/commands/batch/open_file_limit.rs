//! How many runs can be in progress at a time under the limit on open files, which is raised as far
//! as it can be.

/// Standard streams, files, the runtime's own, and connections that start runs.
#[cfg(any(unix, test))]
const SPARE: u64 = 64;
/// A connection for each run, and its other end where an emulator is in this process.
#[cfg(any(unix, test))]
const EACH: u64 = 2;

/// How many runs can go on at a time, and, where these are fewer than wanted, the limit on open
/// files. Raises that limit where it can be.
#[cfg(unix)]
pub(super) fn concurrency(wanted: usize) -> (usize, Option<u64>) {
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
pub(super) fn concurrency(wanted: usize) -> (usize, Option<u64>) {
    (wanted, None)
}

/// How many runs fit under a limit; one at least, or nothing would ever be done.
#[cfg(any(unix, test))]
fn fitting(limit: u64) -> usize {
    let fitting = limit.saturating_sub(SPARE) / EACH;
    usize::try_from(fitting).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_goes_on_under_any_limit() {
        assert_eq!(fitting(3), 1);
        assert_eq!(fitting(256), 96);
    }
}
