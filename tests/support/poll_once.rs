//! A future that is polled, and then left.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Polls a future once, which is not ready.
pub(crate) async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) {
    poll_fn(|context| {
        assert!(Pin::new(&mut *future).poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}
