//! [`Closing`]: whether a client still starts anything.

use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// Whether a client still starts anything. Open until it is closed, or the one that it is a child
/// of, and closed for good.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    is_closed: watch::Sender<bool>,
    parent: Option<Arc<Closing>>,
}

impl Closing {
    /// One that can be closed alone, and is closed with its parent.
    pub(crate) fn child(parent: &Arc<Self>) -> Self {
        Self {
            parent: Some(parent.clone()),
            ..Self::default()
        }
    }

    pub(crate) fn close(&self) {
        self.is_closed.send_replace(true);
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.is_closed.borrow() || self.parent.as_deref().is_some_and(Self::is_closed)
    }

    /// Awaits what comes before a start; `None` once it is closed.
    pub(crate) async fn before<T>(&self, preparation: impl Future<Output = T>) -> Option<T> {
        match select(self.closed(), pin!(preparation)).await {
            Either::Left(_) => None,
            Either::Right((prepared, _)) => Some(prepared),
        }
    }

    /// Ends once it is closed. May be dropped at any time.
    pub(crate) fn closed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut receiver = self.is_closed.subscribe();
        let own = async move {
            // Fails only if the sender is gone, and that is part of `self`.
            let _ = receiver.wait_for(|is_closed| *is_closed).await;
        };
        match &self.parent {
            None => Box::pin(own),
            Some(parent) => Box::pin(async move {
                select(pin!(own), parent.closed()).await;
            }),
        }
    }
}
