//! The pages of a session's Python that differ from those of a fresh one: put down at a checkpoint, and put
//! back when the session goes back there.
//!
//! The system knows which pages were written: those that the session no longer shares with the snapshot
//! that all are made from, and of these, on newer systems, those since the checkpoint before. Only what
//! changed since then is written down, to one file that has no name and goes with the daemon.

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use rustix::io::pwritev;

use super::memory::{View, page_size};
use super::pagemap::{self, Protection};

/// Pages that are written in one go. File systems keep what was written so as one piece, whose parts are then
/// dear to write.
const MOST_AT_ONCE: usize = 8;
/// Pages that take longer to look at than to have the system note anew which are written.
const TOO_MANY: usize = 512;

/// Where pages are put down.
#[derive(Debug)]
pub struct Store {
    file: File,
    slots: Mutex<Slots>,
    hasher: RandomState,
    /// None where the system does not note what is written.
    protection: Option<Protection>,
}

/// Places in the file.
#[derive(Debug, Default)]
struct Slots {
    free: BTreeSet<u32>,
    /// Number of all.
    count: u32,
}

/// A page in the file. Dropping it frees its place.
#[derive(Debug)]
struct Slot {
    store: Arc<Store>,
    number: u32,
}

/// A page at a checkpoint.
#[derive(Clone, Debug)]
struct Page {
    number: u32,
    hash: u64,
    slot: Arc<Slot>,
}

/// Bytes of a memory, from its beginning on, of which the system notes what is written since some snapshot.
#[derive(Debug, Default)]
pub struct Noted(usize);

/// The memory of a Python at a checkpoint.
#[derive(Debug)]
pub struct Snapshot {
    /// Bytes of all of it.
    pub length: usize,
    /// Bytes that were put down for it.
    pub written: u64,
    /// The pages that were written to, in their order.
    pages: Vec<Page>,
}

impl Store {
    /// An empty one.
    ///
    /// # Errors
    /// When there can be no file.
    pub fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            file: tempfile::tempfile()?,
            slots: Mutex::default(),
            hasher: RandomState::default(),
            protection: Protection::new()
                .inspect_err(|error| tracing::debug!("checkpoints take longer: {error}"))
                .ok(),
        }))
    }

    /// Puts down what changed in a memory since the snapshot before.
    ///
    /// # Errors
    /// When the disk is full, or the system does not say what changed.
    pub fn take(
        self: &Arc<Self>,
        memory: &View<'_>,
        before: Option<&Snapshot>,
        noted: &mut Noted,
    ) -> io::Result<Snapshot> {
        let is_noted = std::mem::take(noted).0 == memory.len() && before.is_some();
        let noting = self.protection.as_ref().filter(|_| is_noted);
        let candidates = match noting {
            Some(protection) => protection.written(memory)?,
            None => pagemap::own(memory)?,
        };
        let looked_at = candidates.len();
        let mut known = before
            .map_or(&[][..], |before| &before.pages)
            .iter()
            .peekable();
        let unchanged = |page: &Page| (page.number, page.hash, Some(Arc::clone(&page.slot)));
        let mut pages = Vec::with_capacity(known.len() + looked_at);
        let mut fresh = Vec::new();
        for number in candidates {
            while let Some(page) = known.next_if(|page| page.number < number) {
                pages.extend(is_noted.then(|| unchanged(page)));
            }
            let bytes = memory.page(number);
            let hash = self.hasher.hash_one(bytes);
            let known = known.next_if(|page| page.number == number);
            pages.push(match known.filter(|page| page.hash == hash) {
                Some(page) => unchanged(page),
                None => {
                    fresh.push(bytes);
                    (number, hash, None)
                }
            });
        }
        pages.extend(known.filter(|_| is_noted).map(unchanged));
        let mut slots = self.write(&fresh)?.into_iter();
        let pages = pages.into_iter().filter_map(|(number, hash, slot)| {
            let slot = slot.or_else(|| slots.next())?;
            Some(Page { number, hash, slot })
        });
        let snapshot = Snapshot {
            length: memory.len(),
            written: (fresh.len() * page_size()) as u64,
            pages: pages.collect(),
        };
        *noted = self.note(memory, noting, looked_at.saturating_sub(fresh.len()));
        Ok(snapshot)
    }

    /// Has the system note what is written to a memory from now on, where it does not yet, or where too many
    /// pages were looked at in vain. Not each time: that costs the code time when it writes to them again.
    fn note(&self, memory: &View<'_>, noting: Option<&Protection>, in_vain: usize) -> Noted {
        let noted = match (noting, &self.protection) {
            (Some(_), _) if in_vain < TOO_MANY => Ok(()),
            (Some(protection), _) => protection.begin_anew(memory),
            (None, Some(protection)) => protection.begin(memory),
            (None, None) => return Noted::default(),
        };
        let noted = noted.inspect_err(|error| tracing::debug!("checkpoints take longer: {error}"));
        Noted(noted.map_or(0, |()| memory.len()))
    }

    /// Writes pages, a few in one go where their places lie side by side.
    fn write(self: &Arc<Self>, pages: &[&[u8]]) -> io::Result<Vec<Arc<Slot>>> {
        let numbers = self.slots().take(pages.len());
        let slots = numbers.into_iter().map(|number| {
            let store = Arc::clone(self);
            Arc::new(Slot { store, number })
        });
        let slots: Vec<_> = slots.collect();
        let mut rest = pages;
        let runs = slots.chunk_by(|one, next| one.number + 1 == next.number);
        for run in runs.flat_map(|run| run.chunks(MOST_AT_ONCE)) {
            let (these, others) = rest.split_at(run.len());
            let these = these.iter().map(|page| IoSlice::new(page));
            let these: Vec<_> = these.collect();
            let written = pwritev(&self.file, &these, place(run[0].number))?;
            if written < run.len() * page_size() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            rest = others;
        }
        Ok(slots)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// As many places, in their order.
    fn take(&mut self, count: usize) -> Vec<u32> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            taken.push(self.free.pop_first().unwrap_or(self.count));
            self.count = self.count.max(taken[taken.len() - 1] + 1);
        }
        taken
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.store.slots();
        slots.free.insert(self.number);
        if slots.free.len() == slots.count as usize {
            *slots = Slots::default();
            let _ = self.store.file.set_len(0); // else it stays as long as it was
        }
    }
}

impl Snapshot {
    /// Makes a memory what this one was. It must have the same length at least.
    ///
    /// # Errors
    /// When the file cannot be read; the memory is of no use then.
    pub fn put_back(&self, memory: &mut View<'_>) -> io::Result<()> {
        let mut own = self.pages.iter().map(|page| page.number).peekable();
        for number in pagemap::own(memory)? {
            while own.next_if(|own| *own < number).is_some() {}
            if own.peek() != Some(&number) {
                memory.forget(number);
            }
        }
        for page in &self.pages {
            let bytes = memory.page_mut(page.number);
            page.slot
                .store
                .file
                .read_exact_at(bytes, place(page.slot.number))?;
        }
        Ok(())
    }
}

fn place(number: u32) -> u64 {
    number as u64 * page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores that learn in each way what changed.
    fn stores() -> [Arc<Store>; 2] {
        pagemap::open_map();
        let mut compares = Arc::into_inner(Store::new().unwrap()).unwrap();
        compares.protection = None;
        [Arc::new(compares), Store::new().unwrap()]
    }

    #[test]
    fn a_memory_becomes_what_it_was() {
        for store in stores() {
            let mut bytes = vec![0_u8; 64 * page_size()];
            let mut memory = View::of_test(&mut bytes);
            let mut noted = Noted::default();
            memory.page_mut(3).fill(3);
            memory.page_mut(9).fill(9);
            let first = store.take(&memory, None, &mut noted).unwrap();
            memory.page_mut(9)[7] = 1;
            memory.page_mut(20).fill(20);
            let second = store.take(&memory, Some(&first), &mut noted).unwrap();
            assert!(first.written > 0 && second.written == 2 * page_size() as u64);
            assert_eq!(store.protection.is_some(), noted.0 == memory.len());
            memory.page_mut(3).fill(1);
            for (snapshot, expected) in [
                (&first, [3, 9, 9, 0]),
                (&second, [3, 1, 9, 20]),
                (&first, [3, 9, 9, 0]),
            ] {
                snapshot.put_back(&mut memory).unwrap();
                let seen = [
                    memory.page(3)[0],
                    memory.page(9)[7],
                    memory.page(9)[8],
                    memory.page(20)[5],
                ];
                assert_eq!(seen, expected);
            }
        }
    }

    #[test]
    fn pages_that_were_looked_at_in_vain_are_not_looked_at_for_ever() {
        let [_, store] = stores();
        let Some(protection) = &store.protection else {
            return; // this system does not note what is written
        };
        let mut bytes = vec![0_u8; 4 * TOO_MANY * page_size()];
        let mut memory = View::of_test(&mut bytes);
        let mut noted = Noted::default();
        let mut before = store.take(&memory, None, &mut noted).unwrap();
        for (written, fresh, then) in [
            (2 * TOO_MANY, 2 * TOO_MANY, 2 * TOO_MANY),
            (1, 1, 0),
            (1, 1, 1),
        ] {
            for number in 0..u32::try_from(written).unwrap() {
                memory.page_mut(number)[0] += 1;
            }
            before = store.take(&memory, Some(&before), &mut noted).unwrap();
            assert_eq!(before.written, (fresh * page_size()) as u64);
            assert_eq!(protection.written(&memory).unwrap().len(), then);
        }
        memory.page_mut(0)[0] = 9;
        before.put_back(&mut memory).unwrap();
        assert_eq!((memory.page(0)[0], memory.page(1)[0]), (3, 1));
    }

    #[test]
    fn places_are_used_again() {
        for store in stores() {
            let mut bytes = vec![0_u8; 16 * page_size()];
            let mut memory = View::of_test(&mut bytes);
            let (mut before, mut noted) = (None, Noted::default());
            for round in 1..50 {
                memory.page_mut(2).fill(round);
                before = Some(store.take(&memory, before.as_ref(), &mut noted).unwrap());
            }
            assert!(store.slots().count < 40, "{:?}", store.slots());
            drop(before);
            assert_eq!(store.file.metadata().unwrap().len(), 0);
        }
    }
}
