//! Room for what clients have sent and what is not done with: bounded over all connections together.
//!
//! Memory follows what has been received, so the number of bytes received is what is bounded. A client that
//! goes beyond it gets an error, while others with small messages are served as ever.

use serde_json::value::RawValue;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::{self, Context};
use crate::protocol::{Error, ErrorKind};

/// Bytes of a unit of room. Each message, or part of one, has the first unit for free.
const UNIT: usize = 64 << 10;
/// Bytes that all connections together may hold beyond what is free.
const MOST: usize = 256 << 20;

/// The units that are left.
static LEFT: Semaphore = Semaphore::const_new(MOST / UNIT);

/// Why there is no room.
pub const FULL: &str =
    "the daemon holds too much of what clients have sent: wait for answers, or send less";

/// Room for some bytes, given back when it is dropped.
#[derive(Debug, Default)]
pub struct Room(Option<SemaphorePermit<'static>>);

impl Room {
    /// Room for `bytes`, if there is so much.
    pub fn of(bytes: usize) -> Option<Self> {
        let mut room = Self::default();
        room.fit(bytes).then_some(room)
    }

    /// Makes it room for `bytes`, whatever it was room for; says whether there is so much.
    pub fn fit(&mut self, bytes: usize) -> bool {
        let (has, needs) = (self.units(), bytes / UNIT);
        if needs <= has {
            drop(self.take(has - needs));
            return true;
        }
        let Ok(units) = u32::try_from(needs - has) else {
            return false;
        };
        match LEFT.try_acquire_many(units) {
            Ok(more) => {
                match &mut self.0 {
                    Some(permit) => permit.merge(more),
                    None => self.0 = Some(more),
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Takes away the room for `bytes`, or as much as there is.
    pub fn split(&mut self, bytes: usize) -> Self {
        self.take((bytes / UNIT).min(self.units()))
    }

    fn units(&self) -> usize {
        self.0.as_ref().map_or(0, SemaphorePermit::num_permits)
    }

    fn take(&mut self, units: usize) -> Self {
        Self(self.0.as_mut().and_then(|permit| permit.split(units)))
    }
}

/// Calls a method of our table, if there is room for its parameters while it runs.
pub async fn call(
    context: &Context,
    method: &str,
    params: Option<&RawValue>,
) -> Option<Result<Box<RawValue>, Error>> {
    let length = params.map_or(0, |params| params.get().len());
    match Room::of(length) {
        Some(_room) => api::call(context, method, params).await,
        None => Some(Err(Error::new(ErrorKind::LimitExceeded, FULL))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back() {
        let mut room = Room::of(10 * UNIT).unwrap();
        assert_eq!(room.units(), 10);
        assert!(room.fit(3 * UNIT) && room.units() == 3);
        let part = room.split(2 * UNIT + 1);
        assert_eq!((part.units(), room.units()), (2, 1));
        assert_eq!(room.split(9 * UNIT).units(), 1);
        assert_eq!(room.split(9 * UNIT).units(), 0);
        assert!(!room.fit(MOST + UNIT) && room.units() == 0);
        assert!(Room::of(UNIT - 1).is_some_and(|room| room.units() == 0));
    }
}
