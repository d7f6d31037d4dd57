//! [`Failure`]: what a wire does to a connection, at random byte positions.

use std::time::Duration;

use fastrand::Rng;

/// What a wire does to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// The connection is reset as soon as it is made.
    Refuse,
    /// The connection is reset after so many bytes of the request.
    ResetRequest(usize),
    /// The connection is reset after so many bytes of the response.
    ResetResponse(usize),
    /// The connection is closed, in good order, after so many bytes of the response.
    CutResponse(usize),
    /// Everything waits this long, once, before the first byte of the request is passed on.
    DelayRequest(Duration),
    /// Everything waits this long, once, before the first byte of the response is passed on.
    DelayResponse(Duration),
    /// The server's bytes come one after the other from this one on, with a pause before each.
    Drip(usize),
    /// The server's bytes are swallowed from this one on, and the connection stays open.
    SwallowResponse(usize),
    /// The client's bytes are swallowed from this one on, and the connection stays open.
    SwallowRequest(usize),
    /// The connection is reset when nothing has moved for this long after a response.
    ResetIdle(Duration),
}

impl Failure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refuse => "wire: refused",
            Self::ResetRequest(_) => "wire: reset in the request",
            Self::ResetResponse(_) => "wire: reset in the response",
            Self::CutResponse(_) => "wire: cut response",
            Self::DelayRequest(_) => "wire: delayed request",
            Self::DelayResponse(_) => "wire: delayed response",
            Self::Drip(_) => "wire: dripping response",
            Self::SwallowResponse(_) => "wire: swallowed response",
            Self::SwallowRequest(_) => "wire: swallowed request",
            Self::ResetIdle(_) => "wire: reset while idle",
        }
    }

    /// Whether the server may have got less than the client has sent.
    pub(crate) fn hits_the_request(self) -> bool {
        matches!(self, Self::ResetRequest(_) | Self::SwallowRequest(_))
    }

    /// Whether what was passed on to the client may not have come in.
    pub(crate) fn takes_back(self) -> bool {
        matches!(
            self,
            Self::ResetRequest(_) | Self::ResetResponse(_) | Self::ResetIdle(_)
        )
    }

    pub(crate) fn random(rng: &mut Rng) -> Self {
        // A request has about 700 bytes, or 14,000 if it is hasty; a short response about 250.
        // What comes later is met by connections that are kept.
        let (in_request, in_response) = match rng.bool() {
            true => (rng.usize(1..900), rng.usize(1..500)),
            false => (rng.usize(900..20_000), rng.usize(500..8_000)),
        };
        let pause = Duration::from_millis(rng.u64(5..120));
        match rng.u8(0..10) {
            0 => Self::Refuse,
            1 => Self::ResetRequest(in_request),
            2 => Self::ResetResponse(in_response),
            3 => Self::CutResponse(in_response),
            4 => Self::DelayRequest(pause),
            5 => Self::DelayResponse(pause),
            6 => Self::Drip(in_response),
            7 => Self::SwallowResponse(in_response),
            8 => Self::ResetIdle(pause),
            _ => Self::SwallowRequest(in_request),
        }
    }
}
