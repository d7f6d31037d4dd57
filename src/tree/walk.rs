//! [`walk`]: visits a run and its descendants, each once.

use std::collections::{HashSet, VecDeque};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::error::Result;
use crate::model::SessionId;

/// How many generations below the first run are read, and how many runs: a server that makes up
/// children without end must not keep a program busy for ever.
const GENERATIONS: usize = 32;
const RUNS: usize = 10_000;

/// The number of the first run.
pub(crate) const FIRST: usize = 0;

/// A run and its descendants, visited.
pub(crate) struct Walked<T> {
    pub(crate) first: T,
    /// Children of the first run that were not visited.
    pub(crate) unread: Vec<SessionId>,
    /// The descendants in the order of their numbers: each after its parent, siblings as the API
    /// has them.
    pub(crate) below: Vec<Visit<T>>,
}

/// A descendant that was visited.
pub(crate) struct Visit<T> {
    pub(crate) session_id: SessionId,
    pub(crate) number: usize,
    pub(crate) parent: usize,
    pub(crate) outcome: Result<T>,
    pub(crate) unread: Vec<SessionId>,
}

/// Visits a run and its descendants, each once and several at a time. An error is the first
/// run's.
pub(crate) async fn walk<T, F>(
    root: SessionId,
    concurrency: usize,
    read: impl Fn(SessionId) -> F,
) -> Result<Walked<T>>
where
    F: Future<Output = Result<(T, Vec<SessionId>)>>,
{
    let mut due = Due {
        met: HashSet::from([root.clone()]),
        queue: VecDeque::new(),
    };
    let (first, children) = read(root).await?;
    let unread = due.add(children, FIRST, 1);
    let mut below = vec![];
    let mut in_flight = FuturesUnordered::new();
    loop {
        while in_flight.len() < concurrency {
            let Some(next) = due.queue.pop_front() else {
                break;
            };
            let reading = read(next.session_id.clone());
            in_flight.push(async { (next, reading.await) });
        }
        let Some((visited, outcome)) = in_flight.next().await else {
            break;
        };
        let (outcome, unread) = match outcome {
            Ok((value, children)) => {
                let unread = due.add(children, visited.number, visited.generation + 1);
                (Ok(value), unread)
            }
            Err(error) => (Err(error), vec![]),
        };
        below.push(Visit {
            session_id: visited.session_id,
            number: visited.number,
            parent: visited.parent,
            outcome,
            unread,
        });
    }
    below.sort_by_key(|visit| visit.number);
    Ok(Walked {
        first,
        unread,
        below,
    })
}

/// The runs that are to be visited.
struct Due {
    /// All runs met so far, so that none is visited twice.
    met: HashSet<SessionId>,
    queue: VecDeque<Next>,
}

struct Next {
    session_id: SessionId,
    number: usize,
    parent: usize,
    generation: usize,
}

impl Due {
    /// Adds the children of a run; returns those that are one too many.
    fn add(&mut self, ids: Vec<SessionId>, parent: usize, generation: usize) -> Vec<SessionId> {
        let mut unread = vec![];
        for session_id in ids {
            if self.met.contains(&session_id) {
                continue;
            }
            if generation > GENERATIONS || self.met.len() == RUNS {
                unread.push(session_id);
                continue;
            }
            let number = self.met.len();
            self.met.insert(session_id.clone());
            self.queue.push_back(Next {
                session_id,
                number,
                parent,
                generation,
            });
        }
        unread
    }
}
