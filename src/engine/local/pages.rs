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
const MOST_AT_ONCE: usize = 32;
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

/// Bytes of a memory, from its beginning on, of which the system has noted all that was written since the latest
/// snapshot, and maybe more.
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

    /// Puts down what changed in a memory since the snapshot before, which is the one that `noted` is about.
    ///
    /// # Errors
    /// When the disk is full, or the system does not say what changed. The snapshot before still is the one to
    /// go on from.
    pub fn take(
        self: &Arc<Self>,
        memory: &View<'_>,
        before: Option<&Snapshot>,
        noted: &mut Noted,
    ) -> io::Result<Snapshot> {
        let known = before.map_or(&[][..], |before| &before.pages);
        let candidates = self.candidates(memory, noted)?;
        let (mut pages, changed) = self.compare(memory, known, noted, &candidates);
        let slots = self.write(memory, &changed)?;
        let fresh = changed.iter().zip(slots);
        pages.extend(fresh.map(|(&(number, hash), slot)| Page { number, hash, slot }));
        pages.sort_by_key(|page| page.number); // three runs, each of which is in order
        if before.is_some() {
            // Not at the first: many sessions run one step.
            *noted = self.note(memory, noted, candidates.len() - changed.len());
        }
        Ok(Snapshot {
            length: memory.len(),
            written: (changed.len() * page_size()) as u64,
            pages,
        })
    }

    /// The pages that may have changed, in their order: where it was noted, those that were written, else all
    /// that are the memory's own.
    fn candidates(&self, memory: &View<'_>, noted: &mut Noted) -> io::Result<Vec<u32>> {
        let mut pages = match &self.protection {
            Some(protection) => protection
                .written(memory, noted.0)
                .inspect_err(|_| *noted = Noted::default())?,
            None => Vec::new(),
        };
        pages.extend(pagemap::own(memory, noted.0)?);
        Ok(pages)
    }

    /// The pages that are what they were at the snapshot before, and those that are not, with their hashes.
    fn compare(
        &self,
        memory: &View<'_>,
        known: &[Page],
        noted: &Noted,
        candidates: &[u32],
    ) -> (Vec<Page>, Vec<(u32, u64)>) {
        let is_unwritten = |page: &&Page| {
            ((page.number as usize) < noted.0 / page_size())
                && candidates.binary_search(&page.number).is_err()
        };
        let mut same: Vec<_> = known.iter().filter(is_unwritten).cloned().collect();
        let mut changed = Vec::new();
        for &number in candidates {
            let hash = self.hasher.hash_one(memory.page(number));
            let place = known.binary_search_by_key(&number, |page| page.number);
            match place.map(|place| &known[place]) {
                Ok(page) if page.hash == hash => same.push(page.clone()),
                _ => changed.push((number, hash)),
            }
        }
        (same, changed)
    }

    /// Has the system note what is written to a memory from now on, where it does not yet, or where too many
    /// pages were looked at in vain. Not each time: that costs the code time when it writes to them again.
    fn note(&self, memory: &View<'_>, noted: &Noted, in_vain: usize) -> Noted {
        let Some(protection) = &self.protection else {
            return Noted::default();
        };
        let noted = match noted.0 == memory.len() {
            true if in_vain < TOO_MANY => Ok(()),
            true => protection.begin_anew(memory),
            false => protection.begin(memory),
        };
        let noted = noted.inspect_err(|error| tracing::debug!("checkpoints take longer: {error}"));
        Noted(noted.map_or(0, |()| memory.len()))
    }

    /// Writes pages, a few in one go where their places lie side by side.
    fn write(
        self: &Arc<Self>,
        memory: &View<'_>,
        pages: &[(u32, u64)],
    ) -> io::Result<Vec<Arc<Slot>>> {
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
            let these = these
                .iter()
                .map(|(number, _)| IoSlice::new(memory.page(*number)));
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
        for number in pagemap::own(memory, 0)? {
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
    use std::ops::Range;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

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
        before = store.take(&memory, Some(&before), &mut noted).unwrap();
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
            assert_eq!(
                protection.written(&memory, memory.len()).unwrap().len(),
                then
            );
        }
        memory.page_mut(0)[0] = 9;
        before.put_back(&mut memory).unwrap();
        assert_eq!((memory.page(0)[0], memory.page(1)[0]), (3, 1));
    }

    #[test]
    fn growth_does_not_have_what_nobody_wrote_to_put_down() {
        for store in stores() {
            let (least, most) = (1024 * page_size(), 1088 * page_size());
            let mut bytes = vec![0_u8; most + page_size()];
            let mut noted = Noted::default();
            let mut memory = View::of_test(&mut bytes[..least + page_size()]);
            memory.page_mut(3).fill(3);
            let small = store.take(&memory, None, &mut noted).unwrap();
            let mut memory = View::of_test(&mut bytes);
            memory.page_mut(3).fill(4);
            memory.page_mut(1050).fill(5);
            let grown = store.take(&memory, Some(&small), &mut noted).unwrap();
            let changed = grown.written as usize / page_size();
            assert!((2..=1 + 64).contains(&changed), "{changed}"); // what is new may be there as a whole
            memory.page_mut(3).fill(9);
            memory.page_mut(1050).fill(9);
            let later = store.take(&memory, Some(&grown), &mut noted).unwrap();
            assert_eq!(later.written, 2 * page_size() as u64);
            grown.put_back(&mut memory).unwrap();
            assert_eq!((memory.page(3)[0], memory.page(1050)[0]), (4, 5));
        }
    }

    #[test]
    fn a_snapshot_that_failed_loses_nothing_of_the_next_one() {
        for store in stores() {
            let mut store = Arc::into_inner(store).unwrap();
            store.file = memfd_create("full", MemfdFlags::ALLOW_SEALING)
                .unwrap()
                .into();
            let store = Arc::new(store);
            let mut bytes = vec![0_u8; 64 * page_size()];
            let mut memory = View::of_test(&mut bytes);
            let mut noted = Noted::default();
            let fill = |memory: &mut View<'_>, pages: Range<u32>, byte| {
                pages.for_each(|number| memory.page_mut(number).fill(byte));
            };
            fill(&mut memory, 0..20, 1);
            let before = store.take(&memory, None, &mut noted).unwrap();
            let room = store.slots().count + 8;
            store.file.set_len(place(room)).unwrap();
            fcntl_add_seals(&store.file, SealFlags::GROW).unwrap();
            fill(&mut memory, 0..20, 2);
            store.take(&memory, Some(&before), &mut noted).unwrap_err();
            fill(&mut memory, 1..20, 1);
            let after = store.take(&memory, Some(&before), &mut noted).unwrap();
            assert_eq!(after.written, page_size() as u64);
            fill(&mut memory, 0..20, 3);
            after.put_back(&mut memory).unwrap();
            assert_eq!([0, 1, 19].map(|number| memory.page(number)[7]), [2, 1, 1]);
        }
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
