//! The runtimes of tokio in which a future is polled: a timer and a connection belong to one, and stand still
//! while that one does.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::{Handle, Id};

pub(crate) fn current_runtime() -> Option<Id> {
    let runtime = Handle::try_current().ok()?;
    Some(runtime.id())
}

/// Waits for this; `None` as soon as the caller goes on in another runtime than it begins in. That one may not
/// be driven any more. Outside of a runtime it goes on: nothing could begin anew there.
pub(crate) async fn until_moved<T>(this: impl Future<Output = T>) -> Option<T> {
    // Known once it has been polled.
    let mut runtime = None;
    let mut this = pin!(this);
    poll_fn(|context| {
        let now = current_runtime();
        let before = *runtime.get_or_insert(now);
        match now.is_some() && now != before {
            true => Poll::Ready(None),
            false => this.as_mut().poll(context).map(Some),
        }
    })
    .await
}
