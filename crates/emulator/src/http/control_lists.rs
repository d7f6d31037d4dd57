//! The lists of the control path. They can be longer than what they list, so that an item is made
//! when its reader has come to it, and waits for memory among the answers that are not read yet.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;

use super::reply::Reply;
use super::shared::Shared;
use crate::json;

/// About how long a piece of a list is. glibc keeps twice as much memory as the largest block that
/// was ever freed.
const PIECE: usize = 64 << 10;

/// What comes next in a list.
enum Next {
    /// An item, whose JSON was added.
    Item,
    /// An item for which there is not enough memory: about as many bytes.
    Larger(usize),
    End,
}

/// The requests that are in the log now.
pub(crate) fn requests(shared: &Arc<Shared>) -> Response {
    let mut places = shared.request_log.places();
    list(shared, move |shared, most, piece| {
        let next = shared.request_log.next(&mut places, |entry| {
            // Texts are copied once more where they have to be escaped.
            let bytes = 2 * entry.bytes();
            match bytes > most {
                true => (Next::Larger(bytes), false),
                false => (add(entry, piece), true),
            }
        });
        next.unwrap_or(Next::End)
    })
}

/// The runs that there are now, each as it is when the reader has come to it. A reset ends the list.
pub(crate) fn runs(shared: &Arc<Shared>) -> Response {
    let (resets, last) = {
        let resets = shared.not_resetting();
        let now = shared.now();
        (*resets, shared.run_store().catch_up_all(now))
    };
    let mut number = 0;
    list(shared, move |shared, most, piece| {
        let now_resets = shared.not_resetting();
        if *now_resets != resets {
            return Next::End;
        }
        let now = shared.now();
        let mut runs = shared.run_store();
        let Some(run) = runs.first_from(number + 1, now) else {
            return Next::End;
        };
        let bytes = run.reported_bytes();
        if run.record.number > last {
            Next::End
        } else if bytes > most {
            Next::Larger(bytes)
        } else {
            number = run.record.number;
            add(&run.reported(), piece)
        }
    })
}

fn add(item: &impl Serialize, piece: &mut Vec<u8>) -> Next {
    // Writing into memory does not fail, and the values are those of `json::text`.
    let _ = serde_json::to_writer(piece, item);
    Next::Item
}

/// A list of what this adds for as much memory.
fn list(
    shared: &Arc<Shared>,
    next: impl FnMut(&Shared, usize, &mut Vec<u8>) -> Next + Send + 'static,
) -> Response {
    let list = List {
        shared: Arc::clone(shared),
        next,
        is_begun: false,
        is_over: false,
    };
    let pieces = stream::unfold(list, async |mut list| {
        let piece = list.piece().await?;
        Some((Ok::<_, Infallible>(piece), list))
    });
    let reply = Reply::new(StatusCode::OK, "application/json", "");
    reply.into_response_with(Body::from_stream(pieces))
}

struct List<N> {
    shared: Arc<Shared>,
    next: N,
    is_begun: bool,
    is_over: bool,
}

impl<N: FnMut(&Shared, usize, &mut Vec<u8>) -> Next> List<N> {
    async fn piece(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let mut piece = json::buffer(PIECE);
        let mut most = PIECE;
        let mut reservation = self.shared.in_flight.reserve_any(most).await;
        loop {
            let length = piece.len();
            piece.push(if self.is_begun { b',' } else { b'[' });
            match (self.next)(&self.shared, most.saturating_sub(length), &mut piece) {
                Next::Item => self.is_begun = true,
                // It gets a piece of its own.
                Next::Larger(_) if length > 0 => {
                    piece.truncate(length);
                    break;
                }
                Next::Larger(bytes) => {
                    drop(reservation);
                    reservation = self.shared.in_flight.reserve_any(bytes).await;
                    most = bytes;
                    piece = json::buffer(bytes);
                }
                Next::End => {
                    piece.truncate(length);
                    piece.extend_from_slice(if self.is_begun { b"]" } else { b"[]" });
                    self.is_over = true;
                    break;
                }
            }
        }
        Some(reservation.with(piece))
    }
}
