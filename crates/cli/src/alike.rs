//! [`Refused`]: the runs for which the credentials were refused, which is said once for all.

use dinoai::SessionId;

use crate::failure::{Failure, Kind};
use crate::output::Output;

/// The runs for which the credentials were refused, and what is said of each. It would be the
/// same of all of them.
#[derive(Default)]
pub(crate) struct Refused(Vec<(usize, SessionId, Failure)>);

impl Refused {
    /// Keeps a failure until all are known, if it is one of refused credentials. `place` says
    /// where the run stands among the others.
    pub(crate) fn keeps(&mut self, place: usize, id: &SessionId, failure: &Failure) -> bool {
        let is_refused = failure.kind == Kind::Unauthorized;
        if is_refused {
            self.0.push((place, id.clone(), failure.clone()));
        }
        is_refused
    }

    /// Says it, with the names of all.
    pub(crate) fn say(&mut self, output: &Output) {
        let mut all = std::mem::take(&mut self.0);
        all.sort_by_key(|(place, ..)| *place);
        let mut all = all.into_iter();
        let Some((_, _, mut failure)) = all.next() else {
            return;
        };
        let others: Vec<_> = all.map(|(_, id, _)| id.to_string()).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            failure.message += &format!("; the same holds for {others}");
            // Of several runs it is about none.
            failure.session_id = None;
        }
        output.failure(&failure);
    }
}
