//! What a unit was at checkpoints, as far as there is room for it. Pure.

use super::FRESH;

/// Most of them.
const MOST: usize = 11;

/// Copies of a unit, oldest first; `P` is one of them.
#[derive(Debug)]
pub struct Copies<P> {
    list: Vec<Copy<P>>,
    /// Bytes that they take at most.
    most: u64,
}

#[derive(Debug)]
struct Copy<P> {
    checkpoint: u64,
    bytes: u64,
    copy: P,
}

impl<P> Copies<P> {
    /// None yet, and such that they never take more bytes than this.
    pub const fn new(most: u64) -> Self {
        let list = Vec::new();
        Self { list, most }
    }

    /// Adds a copy, which may come to take so many bytes; returns those that there is no more room for.
    pub fn add(&mut self, checkpoint: u64, copy: P, bytes: u64) -> Vec<P> {
        let place = self
            .list
            .partition_point(|other| other.checkpoint < checkpoint);
        let copy = Copy {
            checkpoint,
            bytes,
            copy,
        };
        self.list.insert(place, copy);
        let mut surplus = Vec::new();
        while self.list.len() > MOST || self.bytes() > self.most {
            // The fresh one stays: it is small, and what the session begins anew with.
            let Some(oldest) = self.list.iter().position(|other| other.checkpoint != FRESH) else {
                break;
            };
            surplus.push(self.list.remove(oldest).copy);
        }
        surplus
    }

    fn bytes(&self) -> u64 {
        let copies = self.list.iter().filter(|copy| copy.checkpoint != FRESH);
        copies.fold(0, |all, copy| all.saturating_add(copy.bytes)) // which a worker may have forged
    }

    /// The copy at a checkpoint.
    pub fn get(&self, checkpoint: u64) -> Option<&P> {
        let mut list = self.list.iter();
        list.find(|copy| copy.checkpoint == checkpoint)
            .map(|copy| &copy.copy)
    }

    /// Takes the copy at a checkpoint.
    pub fn take(&mut self, checkpoint: u64) -> Option<P> {
        let place = self
            .list
            .iter()
            .position(|copy| copy.checkpoint == checkpoint)?;
        Some(self.list.remove(place).copy)
    }

    /// The checkpoints that there are copies of.
    pub fn checkpoints(&self) -> impl Iterator<Item = u64> {
        self.list.iter().map(|copy| copy.checkpoint)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.list.iter().map(|copy| &copy.copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_copies_go_but_never_the_fresh_one() {
        for (bytes, count, kept) in [
            (1, 3, vec![0, 1, 2, 3]),
            (1, 20, [vec![0], (11..=20).collect()].concat()),
            (30, 20, vec![0, 18, 19, 20]),
            (200, 2, vec![0]),
        ] {
            let mut copies = Copies::new(100);
            for checkpoint in 0..=count {
                copies.add(checkpoint, checkpoint, bytes);
            }
            assert_eq!(copies.checkpoints().collect::<Vec<_>>(), kept, "{bytes}");
        }
    }

    #[test]
    fn a_copy_comes_back_to_its_place() {
        let mut copies = Copies::new(100);
        for checkpoint in 0..4 {
            copies.add(checkpoint, "first", 1);
        }
        assert_eq!(copies.get(2), Some(&"first"));
        assert_eq!(copies.take(2), Some("first"));
        assert_eq!(copies.take(2), None);
        copies.add(2, "second", 1);
        let all: Vec<_> = copies.iter().copied().collect();
        assert_eq!(all, ["first", "first", "second", "first"]);
    }
}
