//! Nothing that a request says makes the emulator work without end or hold more than it can.

mod bounds;
mod responses;
