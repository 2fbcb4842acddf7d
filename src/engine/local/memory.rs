//! The linear memory of a session's Python, as far as the daemon touches it: to interrupt the code.
//!
//! A component cannot be called while it runs. But CPython notices an interrupt by three words that its
//! `PyErr_SetInterrupt` writes, and these lie at the same places in every instance of one component.
//! They are found once, by looking at the memory before and after (`guest.py`, `interrupt_in_view`), and
//! from then on written by the thread that runs the code, whenever wasmtime lets it look up.
//!
//! The only place that knows of addresses.

#![expect(
    unsafe_code,
    reason = "wasmtime shows a component's memory to nobody but implementations of its own traits"
)]

use std::ffi::c_void;
use std::marker::PhantomData;

use rustix::mm::{Advice, madvise};
use serde::{Deserialize, Serialize};
use wasmtime::Result;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift};

/// Where the memory of an instance is. Stays true while the instance lives: the engine is configured so
/// that memories do not move, and they never shrink.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    base: usize,
    length: usize,
}

/// Bytes of a page of this machine; memories are made of whole ones.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// The memory of an instance that is at rest, page by page.
pub struct View<'a> {
    base: usize,
    length: usize,
    instance: PhantomData<&'a mut ()>,
}

impl View<'_> {
    /// Bytes of it.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Where it is in the memory of the daemon.
    pub const fn address(&self) -> usize {
        self.base
    }

    /// A page of it.
    pub fn page(&self, number: u32) -> &[u8] {
        // SAFETY: within the memory, which lives as long as this borrows its instance, and which nobody
        // writes meanwhile.
        unsafe { std::slice::from_raw_parts(self.place(number) as *const u8, page_size()) }
    }

    /// A page of it, to be written.
    pub fn page_mut(&mut self, number: u32) -> &mut [u8] {
        // SAFETY: as above, and nobody else reads it.
        unsafe { std::slice::from_raw_parts_mut(self.place(number) as *mut u8, page_size()) }
    }

    /// Makes a page what it was before anybody wrote to it.
    pub fn forget(&mut self, number: u32) {
        let place = self.place(number) as *mut c_void;
        // SAFETY: a page of ours, of which no reference is held.
        let _ = unsafe { madvise(place, page_size(), Advice::LinuxDontNeed) };
    }

    fn place(&self, number: u32) -> usize {
        let at = number as usize * page_size();
        assert!(
            at + page_size() <= self.length,
            "a page beyond the end of the memory"
        );
        self.base + at
    }
}

impl Memory {
    /// The memory of an instance that is borrowed, and which has grown to this length meanwhile.
    pub fn view<T>(self, _instance: &mut T, length: usize) -> View<'_> {
        View {
            base: self.base,
            length,
            instance: PhantomData,
        }
    }

    /// A copy of all of it. To be called while the instance waits for the daemon.
    pub fn copy(self) -> Vec<u8> {
        // SAFETY: the instance lives, since it waits for us, and nobody else writes its memory.
        let bytes = unsafe { std::slice::from_raw_parts(self.base as *const u8, self.length) };
        bytes.to_vec()
    }

    /// Writes what interrupts the code. To be called by the thread that runs the instance.
    pub fn interrupt(self, interrupt: &Interrupt) {
        for word in &interrupt.words {
            if word.at % 4 != 0 || word.at as usize + 4 > self.length {
                continue;
            }
            // SAFETY: within the memory and aligned; the instance lives and its code stands still, since
            // its own thread is here.
            unsafe {
                let place = (self.base + word.at as usize) as *mut u32;
                place.write(place.read() | word.bits);
            }
        }
    }
}

// SAFETY: takes the place of a string, whose type is checked and whose layout is taken over.
unsafe impl ComponentType for Memory {
    type Lower = <String as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <String as ComponentType>::ABI;

    fn typecheck(kind: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        <String as ComponentType>::typecheck(kind, types)
    }
}

// SAFETY: reads nothing of what it is given; the memory is the one that the string would be read from.
unsafe impl Lift for Memory {
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &Self::Lower,
    ) -> Result<Self> {
        Ok(Self::of(context))
    }

    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> Result<Self> {
        Ok(Self::of(context))
    }
}

impl Memory {
    fn of(context: &LiftContext<'_>) -> Self {
        let memory = context.memory();
        Self {
            base: memory.as_ptr() as usize,
            length: memory.len(),
        }
    }
}

/// What has to be written to interrupt the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupt {
    words: Vec<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Word {
    at: u32,
    /// Bits to be set.
    bits: u32,
}

impl Interrupt {
    /// Words that an interrupt writes: two flags, and the one that the interpreter looks at.
    const WORDS: usize = 3;

    /// Finds the words in copies of the memory: two of a Python at rest, so that what changes anyway is
    /// known, and one right after it has been interrupted.
    pub fn find(copies: &[Vec<u8>]) -> Option<Self> {
        let [before, at_rest, after] = copies else {
            return None;
        };
        let words = words(before).zip(words(at_rest)).zip(words(after));
        let found: Vec<Word> = (0_u32..)
            .zip(words)
            .filter(|(_, ((before, at_rest), after))| {
                before == at_rest && *at_rest == 0 && after.count_ones() == 1
            })
            .map(|(index, (_, after))| Word {
                at: index * 4,
                bits: after,
            })
            .collect();
        (found.len() == Self::WORDS).then_some(Self { words: found })
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

#[cfg(test)]
impl<'a> View<'a> {
    /// Pages of a test, from the first whole one on.
    pub fn of_test(bytes: &'a mut [u8]) -> Self {
        let start = bytes.as_ptr().align_offset(page_size());
        Self {
            base: bytes.as_mut_ptr() as usize + start,
            length: (bytes.len() - start) / page_size() * page_size(),
            instance: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_interrupt_are_those_that_only_it_changes() {
        let memory = |words: [u32; 6]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let rest: Vec<u8> = memory([7, 0, 0, 0, 5, 0]);
        let busy: Vec<u8> = memory([7, 0, 0, 0, 6, 0]);
        let after: Vec<u8> = memory([8, 1, 1, 2, 7, 0]);
        let found = Interrupt::find(&[rest.clone(), busy.clone(), after]).unwrap();
        let expected = [(4, 1), (8, 1), (12, 2)].map(|(at, bits)| Word { at, bits });
        assert_eq!(found.words, expected);
        assert_eq!(Interrupt::find(&[rest.clone(), busy.clone(), busy]), None);
        assert_eq!(Interrupt::find(&[rest]), None);
    }
}
