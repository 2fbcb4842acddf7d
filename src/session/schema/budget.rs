//! The work that a check may take.

use std::sync::atomic::{AtomicBool, Ordering};

/// Units of work between two looks at whether the check is still wanted.
const LOOK: u64 = 1 << 10;

/// Why a value was not found to keep a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not.
    Mismatch {
        /// Where in the value, such as `x.0.name`; empty for the value itself.
        place: String,
        /// What is wrong there.
        what: String,
    },
    /// It takes more work to find out than there is in the budget.
    Exhausted,
    /// Nobody wants to know any more.
    Stopped,
}

/// The work that a check may take, in units of some ten nanoseconds.
#[derive(Debug)]
pub struct Budget<'a> {
    /// Units that are left.
    pub left: u64,
    /// How many are left when it is time for the next look.
    pub look_at: u64,
    /// Set when nobody wants to know any more.
    pub stop: Option<&'a AtomicBool>,
}

impl<'a> Budget<'a> {
    /// So many units of work, until `stop` is set.
    #[must_use]
    pub const fn new(units: u64, stop: Option<&'a AtomicBool>) -> Self {
        Self {
            left: units,
            look_at: units.saturating_sub(LOOK),
            stop,
        }
    }

    /// Takes units of work out of it.
    ///
    /// # Errors
    /// When there are not as many left, or the check is no longer wanted.
    pub fn spend(&mut self, units: u64) -> Result<(), Failure> {
        self.left = self.left.checked_sub(units).ok_or(Failure::Exhausted)?;
        if self.left < self.look_at {
            self.look_at = self.left.saturating_sub(LOOK);
            if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Err(Failure::Stopped);
            }
        }
        Ok(())
    }
}
