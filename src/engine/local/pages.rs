//! The pages of a session's Python that differ from those of a fresh one: put down at a checkpoint, and put
//! back when the session goes back there.
//!
//! The system knows which pages were written: those that the session no longer shares with the snapshot
//! that all are made from. Only what changed since the checkpoint before is written down, to one file that
//! has no name and goes with the daemon.

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::BuildHasher;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use foldhash::quality::RandomState;

use super::memory::{View, page_size};

/// Where the system says what became of each page of the daemon's memory.
static MAP: OnceLock<File> = OnceLock::new();
/// Bytes of what it says of a page.
const ENTRY: usize = 8;
/// The page is there, in memory or swapped out.
const PRESENT: u64 = 1 << 63 | 1 << 62;
/// It is that of a file.
const SHARED: u64 = 1 << 61;

/// Has the daemon see its own memory. Called once, while the system still shows it.
pub fn open_map() {
    match File::open("/proc/self/pagemap") {
        Ok(map) => drop(MAP.set(map)),
        Err(error) => tracing::debug!("local sessions go without checkpoints: {error}"),
    }
}

/// Where pages are put down.
#[derive(Debug)]
pub struct Store {
    file: File,
    slots: Mutex<Slots>,
    hasher: RandomState,
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
    ) -> io::Result<Snapshot> {
        let mut known = before
            .map_or(&[][..], |before| &before.pages)
            .iter()
            .peekable();
        let mut pages = Vec::with_capacity(known.len() + 64);
        let mut fresh = Vec::new();
        for number in changed(memory)? {
            let bytes = memory.page(number);
            let hash = self.hasher.hash_one(bytes);
            while known.next_if(|page| page.number < number).is_some() {}
            let same = known.next_if(|page| page.number == number && page.hash == hash);
            let slot = same.map(|page| Arc::clone(&page.slot));
            if slot.is_none() {
                fresh.push(bytes);
            }
            pages.push((number, hash, slot));
        }
        let mut slots = self.write(&fresh)?.into_iter();
        let pages = pages.into_iter().filter_map(|(number, hash, slot)| {
            let slot = slot.or_else(|| slots.next())?;
            Some(Page { number, hash, slot })
        });
        Ok(Snapshot {
            length: memory.len(),
            written: (fresh.len() * page_size()) as u64,
            pages: pages.collect(),
        })
    }

    /// Writes pages, those in one go whose places lie side by side.
    fn write(self: &Arc<Self>, pages: &[&[u8]]) -> io::Result<Vec<Arc<Slot>>> {
        let numbers = self.slots().take(pages.len());
        let slots = numbers.into_iter().map(|number| {
            let store = Arc::clone(self);
            Arc::new(Slot { store, number })
        });
        let slots: Vec<_> = slots.collect();
        let mut rest = pages;
        for run in slots.chunk_by(|one, next| one.number + 1 == next.number) {
            let (these, others) = rest.split_at(run.len());
            self.file
                .write_all_at(&these.concat(), place(run[0].number))?;
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
        for number in changed(memory)? {
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

/// The pages of a memory that are its own, in their order.
fn changed(memory: &View<'_>) -> io::Result<Vec<u32>> {
    let map = MAP.get().ok_or(io::ErrorKind::Unsupported)?;
    let mut entries = vec![0; memory.len() / page_size() * ENTRY];
    map.read_exact_at(
        &mut entries,
        (memory.address() / page_size() * ENTRY) as u64,
    )?;
    let (entries, _) = entries.as_chunks::<ENTRY>();
    let entries = (0..)
        .zip(entries)
        .map(|(number, entry)| (number, u64::from_ne_bytes(*entry)));
    Ok(entries
        .filter(|(_, entry)| entry & PRESENT != 0 && entry & SHARED == 0)
        .map(|(number, _)| number)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_becomes_what_it_was() {
        open_map();
        let store = Store::new().unwrap();
        let mut bytes = vec![0_u8; 64 * page_size()];
        let mut memory = View::of_test(&mut bytes);
        memory.page_mut(3).fill(3);
        memory.page_mut(9).fill(9);
        let first = store.take(&memory, None).unwrap();
        memory.page_mut(9)[7] = 1;
        memory.page_mut(20).fill(20);
        let second = store.take(&memory, Some(&first)).unwrap();
        assert!(first.written > 0 && second.written == 2 * page_size() as u64);
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

    #[test]
    fn places_are_used_again() {
        open_map();
        let store = Store::new().unwrap();
        let mut bytes = vec![0_u8; 16 * page_size()];
        let mut memory = View::of_test(&mut bytes);
        let mut before = None;
        for round in 1..50 {
            memory.page_mut(2).fill(round);
            before = Some(store.take(&memory, before.as_ref()).unwrap());
        }
        assert!(store.slots().count < 40, "{:?}", store.slots());
        drop(before);
        assert_eq!(store.file.metadata().unwrap().len(), 0);
    }
}
