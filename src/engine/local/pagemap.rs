//! What the system says of the pages of a memory: which are its own, and which were written of late.
//!
//! The latter is noted by Linux from 6.7 on: pages are protected against writing, and one that is written to
//! all the same loses its protection without anybody being asked (userfaultfd, `WP_ASYNC`). A huge page
//! loses it as a whole, which makes more of it look written than was, never less; and pages that are swapped
//! out keep it.

#![expect(
    unsafe_code,
    reason = "no crate knows these calls of the system with their arguments"
)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use linux_raw_sys::general::{
    PAGE_IS_WRITTEN, PM_SCAN_CHECK_WPASYNC, PM_SCAN_WP_MATCHING, UFFD_API, UFFD_FEATURE_WP_ASYNC,
    UFFD_FEATURE_WP_UNPOPULATED, UFFD_USER_MODE_ONLY, UFFDIO_REGISTER_MODE_WP, page_region,
    pm_scan_arg, uffdio_api, uffdio_range, uffdio_register,
};
use linux_raw_sys::ioctl::{UFFDIO_API, UFFDIO_REGISTER};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::mm::{UserfaultfdFlags, userfaultfd};

use super::memory::{View, page_size};

/// Where the system says what became of each page of the daemon's memory.
static MAP: OnceLock<File> = OnceLock::new();
/// Bytes of what it says of a page.
const ENTRY: usize = 8;
/// The page is there, in memory or swapped out.
const PRESENT: u64 = 1 << 63 | 1 << 62;
/// It is that of a file, which others may have too.
const SHARED: u64 = 1 << 61;
/// `PAGEMAP_SCAN`, which the headers have as a macro: asks which pages of a range have some property.
const SCAN: Opcode = opcode::read_write::<pm_scan_arg>(b'f', 16);
/// Runs of pages that are asked for in one go.
const MOST_RUNS: usize = 256;

/// Has the daemon see its own memory. Called once, while the system still shows it.
pub fn open_map() {
    match File::open("/proc/self/pagemap") {
        Ok(map) => drop(MAP.set(map)),
        Err(error) => tracing::debug!("local sessions go without checkpoints: {error}"),
    }
}

fn map() -> io::Result<&'static File> {
    Ok(MAP.get().ok_or(io::ErrorKind::Unsupported)?)
}

/// The pages of a memory that it shares with no other, in their order, but for those in its first `known`
/// bytes: those that were ever written, and all that were ever protected, since that takes an entry too.
pub fn own(memory: &View<'_>, known: usize) -> io::Result<Vec<u32>> {
    let mut entries = vec![0; memory.len().saturating_sub(known) / page_size() * ENTRY];
    let place = (memory.address() + known) / page_size() * ENTRY;
    map()?.read_exact_at(&mut entries, place as u64)?;
    let (entries, _) = entries.as_chunks::<ENTRY>();
    let entries = (0_u32..)
        .skip(known / page_size())
        .zip(entries)
        .map(|(number, entry)| (number, u64::from_ne_bytes(*entry)));
    Ok(entries
        .filter(|(_, entry)| entry & PRESENT != 0 && entry & SHARED == 0)
        .map(|(number, _)| number)
        .collect())
}

/// Has the system note what is written to memories.
#[derive(Debug)]
pub struct Protection(OwnedFd);

impl Protection {
    /// # Errors
    /// When this system does not, or not for this user.
    pub fn new() -> io::Result<Self> {
        let flags =
            UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::from_bits_retain(UFFD_USER_MODE_ONLY); // needs no rights
        // SAFETY: hands out a new descriptor, and does nothing to any memory.
        let protection = unsafe { userfaultfd(flags)? };
        let mut api = uffdio_api {
            api: UFFD_API.into(),
            features: (UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED).into(),
            ioctls: 0,
        };
        // SAFETY: the structure is the one that this call reads and writes.
        unsafe { ioctl(&protection, Updater::<UFFDIO_API, _>::new(&mut api))? };
        Ok(Self(protection))
    }

    /// From now on notes what is written to a memory.
    ///
    /// # Errors
    /// When the system does not for this one.
    pub fn begin(&self, memory: &View<'_>) -> io::Result<()> {
        let mut register = uffdio_register {
            range: uffdio_range {
                start: memory.address() as u64,
                len: memory.len() as u64,
            },
            mode: UFFDIO_REGISTER_MODE_WP.into(),
            ioctls: 0,
        };
        // SAFETY: the structure is the one that this call reads and writes. Of the memory, which is ours,
        // it changes neither what it holds nor who may write it.
        unsafe { ioctl(&self.0, Updater::<UFFDIO_REGISTER, _>::new(&mut register))? };
        self.begin_anew(memory)
    }

    /// Forgets what has been written to a memory, of which this notes it.
    ///
    /// # Errors
    /// When the system does not note it for all of the memory.
    pub fn begin_anew(&self, memory: &View<'_>) -> io::Result<()> {
        scan(memory, memory.len(), PM_SCAN_WP_MATCHING, |_| ())
    }

    /// The pages among the first `length` bytes of a memory that were written since, in their order.
    ///
    /// # Errors
    /// When the system does not note it for all of them.
    pub fn written(&self, memory: &View<'_>, length: usize) -> io::Result<Vec<u32>> {
        let mut pages = Vec::new();
        scan(memory, length, 0, |run| pages.extend(run))?;
        Ok(pages)
    }
}

/// Goes through the runs of pages among the first `length` bytes of a memory that are not protected.
fn scan(
    memory: &View<'_>,
    length: usize,
    flags: u32,
    mut each: impl FnMut(Range<u32>),
) -> io::Result<()> {
    let (start, page) = (memory.address() as u64, page_size() as u64);
    let end = start + length.min(memory.len()) as u64;
    let number = |address: u64| u32::try_from((address - start) / page).unwrap_or(u32::MAX);
    let mut from = start;
    while from < end {
        let mut runs = [const { NOWHERE }; MOST_RUNS];
        let mut scan = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            flags: (flags | PM_SCAN_CHECK_WPASYNC).into(),
            start: from,
            end,
            walk_end: from,
            vec: runs.as_mut_ptr() as u64,
            vec_len: MOST_RUNS as u64,
            max_pages: 0,
            category_inverted: 0,
            category_mask: PAGE_IS_WRITTEN.into(),
            category_anyof_mask: 0,
            return_mask: PAGE_IS_WRITTEN.into(),
        };
        // SAFETY: the structure is the one that this call reads and writes. It fills no more runs than there
        // are, and of the memory, which is ours, it changes neither what it holds nor who may write it.
        unsafe { ioctl(map()?, Updater::<SCAN, _>::new(&mut scan))? };
        let runs = runs.iter().take_while(|run| run.end != 0);
        runs.for_each(|run| each(number(run.start)..number(run.end)));
        if scan.walk_end <= from {
            // It would go on for ever.
            return Err(io::ErrorKind::InvalidData.into());
        }
        from = scan.walk_end;
    }
    Ok(())
}

const NOWHERE: page_region = page_region {
    start: 0,
    end: 0,
    categories: 0,
};
