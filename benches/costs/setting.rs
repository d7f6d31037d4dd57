//! What the rows share: a runtime on this thread, clients of ours, and texts.

use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Client, Credentials};
use tokio::runtime::{Builder, Runtime};

/// A timeout that never comes, and still is one: without a deadline there is less to do.
pub(crate) const FAR_OFF: Duration = Duration::from_secs(1_000_000);

/// Everything that is measured runs on this thread.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
}

pub(crate) fn client(endpoint: &str, clock: impl Clock) -> Client {
    Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::key_and_secret("key", "secret"))
        .clock(clock)
        .build()
        .expect("the endpoint is one")
}

/// Markdown of so many bytes, with what JSON escapes and with more than ASCII.
pub(crate) fn markdown(bytes: usize) -> String {
    const LINE: &str =
        "- `stg_orders.order_id` has \"no\" test – 29 rows, checked by `not_null`.\n";
    let mut text = LINE.repeat(bytes / LINE.len() + 1);
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// The number in an id such as `run-17`.
pub(crate) fn number_in(id: &str) -> u32 {
    let digits = id.rsplit('-').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}
