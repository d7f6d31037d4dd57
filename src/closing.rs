//! [`Closing`]: whether a client still starts anything.

use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// Whether a client still starts anything. Open until it is closed, and closed for good.
#[derive(Debug, Default)]
pub(crate) struct Closing(watch::Sender<bool>);

impl Closing {
    pub(crate) fn close(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.0.borrow()
    }

    /// Awaits what comes before a start; `None` once it is closed.
    pub(crate) async fn before<T>(&self, preparation: impl Future<Output = T>) -> Option<T> {
        match select(pin!(self.closed()), pin!(preparation)).await {
            Either::Left(_) => None,
            Either::Right((prepared, _)) => Some(prepared),
        }
    }

    /// Ends once it is closed. May be dropped at any time.
    pub(crate) async fn closed(&self) {
        let mut receiver = self.0.subscribe();
        // Fails only if the sender is gone, and that is `self`.
        let _ = receiver.wait_for(|is_closed| *is_closed).await;
    }
}
