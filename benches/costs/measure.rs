//! CPU time of this thread, heap of this thread, and pairs of figures that were taken side by side.

use std::time::Duration;

/// The CPU time that this thread has taken so far.
///
/// What runs elsewhere is not in it: the servers here have threads of their own.
#[cfg(unix)]
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

/// Real time instead: other platforms are compiled, and not measured.
#[cfg(not(unix))]
pub(crate) fn cpu() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// Keeps this thread on one core until it is dropped, and with it the threads and programs that it
/// starts meanwhile. Else a figure depends on where the system puts the server: a request costs more
/// if it has to wake another core.
pub(crate) struct OneCore {
    #[cfg(target_os = "linux")]
    before: rustix::thread::CpuSet,
}

impl OneCore {
    #[cfg(target_os = "linux")]
    pub(crate) fn keep() -> Self {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
        let before = sched_getaffinity(None).expect("the cores of a thread are known");
        let mut one = CpuSet::new();
        one.set(sched_getcpu());
        sched_setaffinity(None, &one).expect("a thread may be kept where it is");
        Self { before }
    }

    /// Other systems choose: their figures have a wider spread.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn keep() -> Self {
        Self {}
    }
}

#[cfg(target_os = "linux")]
impl Drop for OneCore {
    fn drop(&mut self) {
        rustix::thread::sched_setaffinity(None, &self.before).expect("it may go where it was");
    }
}

/// How many microseconds of this thread's CPU it takes.
pub(crate) fn microseconds(work: impl FnOnce()) -> f64 {
    let before = cpu();
    work();
    (cpu() - before).as_secs_f64() * 1e6
}

/// Figures of ours and of a peer, taken in turn, so that both had the same machine.
#[derive(Default)]
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// Takes so many pairs, after one that does not count. Who comes first changes.
    pub(crate) fn take(
        count: usize,
        mut ours: impl FnMut() -> f64,
        mut peers: impl FnMut() -> f64,
    ) -> Self {
        ours();
        peers();
        Self::cold(count, ours, peers)
    }

    /// As [`take`](Self::take), without the pair that does not count.
    pub(crate) fn cold(
        count: usize,
        mut ours: impl FnMut() -> f64,
        mut peers: impl FnMut() -> f64,
    ) -> Self {
        let pairs = (0..count).map(|number| {
            if number % 2 == 0 {
                let ours = ours();
                (ours, peers())
            } else {
                let peers = peers();
                (ours(), peers)
            }
        });
        Self(pairs.collect())
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn ours(&self) -> f64 {
        median(self.0.iter().map(|(ours, _)| *ours).collect())
    }

    pub(crate) fn peers(&self) -> f64 {
        median(self.0.iter().map(|(_, peers)| *peers).collect())
    }

    /// The same, without so much of each figure.
    pub(crate) fn less(&self, part: f64) -> Self {
        let rest = |(ours, peers): &(f64, f64)| (ours - part, peers - part);
        Self(self.0.iter().map(rest).collect())
    }

    /// Of each pair, ours as a multiple of the peer's.
    pub(crate) fn ratios(&self) -> Ratios {
        Ratios(self.0.iter().map(|(ours, peers)| ours / peers).collect())
    }

    /// Of each pair, the peer's as a multiple of ours.
    pub(crate) fn times_less(&self) -> Ratios {
        Ratios(self.0.iter().map(|(ours, peers)| peers / ours).collect())
    }
}

/// The ratios of pairs.
pub(crate) struct Ratios(Vec<f64>);

impl Ratios {
    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// The smallest and the largest, without the tenth at each end if there are ten or more.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let mut ratios = self.0.clone();
        ratios.sort_by(f64::total_cmp);
        let tenth = ratios.len() / 10;
        let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::NAN);
        (at(tenth), at(ratios.len().saturating_sub(tenth + 1)))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        0 if middle > 0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures.get(middle).copied().unwrap_or(f64::NAN),
    }
}

/// What some work takes of this thread's heap.
pub(crate) struct Heap {
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
    /// How many bytes it held at a time.
    pub(crate) peak: u64,
}

impl Heap {
    /// What each of so many equal parts takes.
    pub(crate) fn each(self, parts: u64) -> Self {
        Self {
            allocations: self.allocations / parts as f64,
            bytes: self.bytes / parts as f64,
            ..self
        }
    }
}

pub(crate) fn heap(work: impl FnOnce()) -> Heap {
    let info = allocation_counter::measure(work);
    Heap {
        allocations: info.count_total as f64,
        bytes: info.bytes_total as f64,
        peak: info.bytes_max,
    }
}
