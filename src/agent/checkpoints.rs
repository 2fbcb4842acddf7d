//! Where a session can go back to: its Python state, which the engine keeps, and its memory together.

use std::sync::Mutex;

use super::{Event, InStep, Memory, lock, now};
use crate::engine::{Emit, FRESH, Unit};

/// Bytes of values of the scratchpad beyond which the oldest ones go.
const MAX_WEIGHT: usize = 64 << 20;

/// One of them.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Its number: rises from one to the next.
    pub number: u64,
    /// When it was made, in seconds since 1970.
    pub time: f64,
    /// What the session remembered then.
    pub memory: Memory,
    /// Bytes of values that the next one does not share.
    weight: usize,
}

/// Those of a session, oldest first.
#[derive(Debug)]
pub struct Checkpoints {
    list: Vec<Checkpoint>,
    next: u64,
    enabled: bool,
}

impl Checkpoints {
    /// Only the beginning of the session, where checkpoints are wanted at all.
    #[must_use]
    pub fn new(beginning: &Memory, enabled: bool) -> Self {
        let beginning = Checkpoint {
            number: FRESH,
            time: now(),
            memory: beginning.clone(),
            weight: 0,
        };
        Self {
            list: enabled.then_some(beginning).into_iter().collect(),
            next: FRESH + 1,
            enabled,
        }
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn list(&self) -> &[Checkpoint] {
        &self.list
    }

    /// The one of this number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Checkpoint> {
        self.list
            .iter()
            .find(|checkpoint| checkpoint.number == number)
    }

    /// Keeps what the session is now, and says so.
    pub async fn keep(
        &mut self,
        unit: &mut dyn Unit,
        memory: &Mutex<Memory>,
        events: &dyn Emit<Event>,
    ) {
        if !self.enabled {
            return;
        }
        let number = self.next;
        self.next += 1;
        let checkpoint = Checkpoint {
            number,
            time: now(),
            memory: lock(memory).clone(),
            weight: 0,
        };
        let step = checkpoint.memory.step;
        let kept = unit.keep(number, &InStep(step, events)).await;
        if kept {
            self.push(checkpoint);
        }
        self.forget_lost(unit);
        if kept {
            events.emit(Event::Kept {
                checkpoint: number,
                step,
            });
        }
    }

    fn push(&mut self, checkpoint: Checkpoint) {
        if let Some(last) = self.list.last_mut() {
            let now = &checkpoint.memory.scratchpad;
            last.weight = last.memory.scratchpad.weight_beside(now);
        }
        self.list.push(checkpoint);
        let mut weight: usize = self.list.iter().map(|one| one.weight).sum();
        while weight > MAX_WEIGHT && self.list.len() > 2 {
            weight -= self.list.remove(1).weight; // the beginning stays
        }
    }

    /// Forgets those whose Python state is gone.
    pub fn forget_lost(&mut self, unit: &dyn Unit) {
        let kept = unit.kept();
        self.list
            .retain(|checkpoint| checkpoint.number == FRESH || kept.contains(&checkpoint.number));
    }
}
