//! How a running emulator is steered: its faults, its clock, and back to its start.

use std::time::Duration;

use super::Emulator;
use crate::error::Error;
use crate::fault::Fault;

impl Emulator {
    /// Brings the emulator back to its state at the start.
    ///
    /// No runs, no requests, the faults that it was started with, and a clock at zero. Connections
    /// stay open.
    ///
    /// A request that is in flight then, held back by a [`Fault::delay`] for one, executes nothing
    /// after the reset: it gets 503, which says so, and is in no log. Earlier session
    /// ids are unknown.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().stopped_clock().fault(Fault::reset()).start_blocking()?;
    /// emulator.advance(Duration::from_secs(60));
    /// emulator.clear_faults();
    /// emulator.reset();
    /// assert_eq!(emulator.elapsed(), Duration::ZERO);
    /// assert_eq!(emulator.faults().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Adds a fault at the end of the plan.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] if the fault cannot happen, because it was given what another fault takes
    /// or what HTTP cannot send, or if the plan holds 1,000 already. Then nothing is added.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// emulator.add_fault(Fault::unavailable().retry_after("2"))?;
    /// let refused = emulator.add_fault(Fault::unavailable().code("UNAVAILABLE")).unwrap_err();
    /// assert!(refused.to_string().contains("`code` does not belong to the fault `unavailable`"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_fault(&self, fault: Fault) -> Result<(), Error> {
        self.shared.plan.add(vec![fault]).map_err(Error::Fault)
    }

    /// The faults that are still ahead, in order.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().fault(Fault::pass()).start_blocking()?;
    /// assert_eq!(emulator.faults(), [Fault::pass()]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.plan.ahead()
    }

    /// Empties the plan: the next requests get their normal responses.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().fault(Fault::unavailable().always()).start_blocking()?;
    /// emulator.clear_faults();
    /// assert!(emulator.faults().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear_faults(&self) {
        self.shared.plan.clear();
    }

    /// The time since the emulator's start, on its own clock.
    ///
    /// Stages that last a time, the lifetime of sessions and the timestamps of messages go by it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().stopped_clock().start_blocking()?;
    /// emulator.advance(Duration::from_secs(60));
    /// assert_eq!(emulator.elapsed(), Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.now()
    }

    /// Moves the emulator's clock forward.
    ///
    /// What has ended by then has ended the next time that anybody looks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().stopped_clock().start_blocking()?;
    /// // A day later a run takes no follow-up any more.
    /// emulator.advance(Duration::from_secs(24 * 60 * 60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn advance(&self, time: Duration) {
        self.shared.clock.advance(time);
    }
}
