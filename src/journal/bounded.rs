//! [`bounded`]: a journal that does not answer is one that is out of order.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::store::JournalFuture;
use crate::error::JournalError;
use crate::operations::Api;

/// How long a journal may take for one answer.
const LONGEST: Duration = Duration::from_secs(20);

/// Waits for a journal's answer, for as long as one may take.
pub(super) async fn bounded<T>(api: &Api, answer: JournalFuture<'_, T>) -> Result<T, JournalError> {
    let clock = api.clock();
    let late = clock.alarm(clock.now().saturating_add(LONGEST));
    match select(answer, pin!(late)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(JournalError::unavailable(format!(
            "the journal has not answered for {LONGEST:?}"
        ))),
    }
}
