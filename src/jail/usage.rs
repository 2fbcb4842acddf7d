//! What the processes of a session use together: memory and disk, which no limit of a single process bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Dir, Mode, OFlags, open, openat, statvfs};

use super::cgroup::Group;
use super::messages::{Bounds, Exceeded};
use super::processes::{descendants, stat};

/// Bytes that a machine fills at most in a second: how long it is safe not to look.
const FILLED_A_SECOND: u64 = 8 << 30;
/// Shortest and longest time between two looks while something runs.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// Time between two looks whether something runs.
const REST: Duration = Duration::from_secs(1);
/// Time after the beginning of a step, or the last sign of life, for which something is taken to run.
const ALERT: Duration = Duration::from_secs(2);
/// Growth of a file system after which the temporary folder is measured.
const GROWTH: u64 = 32 << 20;
/// Folders nested deeper than this count as too much.
const MAX_DEPTH: usize = 256;

/// Watches what a session uses.
pub struct Watcher {
    bounds: Bounds,
    /// By which the kernel bounds memory, where it can.
    group: Option<Group>,
    /// Processes that the kernel had ended at the last look, because the session used too much.
    killed: u64,
    temp: PathBuf,
    /// Where shared memory is, if it is the session's own.
    shared: Option<&'static Path>,
    alert: Instant,
    next: Instant,
    /// Whether all that could use more has been stopped.
    paused: bool,
    /// Processor time of each process at the last look.
    times: BTreeMap<i32, u128>,
    /// Bytes in use on the file system of the temporary folder when it was last measured.
    measured: u64,
    /// What may be used while no step runs.
    rest: Option<Rest>,
    /// Processor time that was taken in rests since the last that began anew.
    rested: Duration,
}

/// A time without a step.
struct Rest {
    most: Duration,
    /// Processor time at its beginning.
    began: Duration,
}

impl Watcher {
    /// A watcher of the processes below this one, which are in `group`.
    pub fn new(bounds: Bounds, group: Option<Group>, temp: &Path, own_shared: bool) -> Self {
        Self {
            bounds,
            group,
            killed: 0,
            temp: temp.to_owned(),
            shared: own_shared.then_some(Path::new("/dev/shm")),
            alert: Instant::now() + ALERT,
            next: Instant::now(),
            paused: false,
            times: BTreeMap::new(),
            measured: used(temp),
            rest: None,
            rested: Duration::ZERO,
        }
    }

    /// No step runs: what is there may take so much processor time, together with the rests before this one unless
    /// it begins anew.
    pub fn rest(&mut self, most: Duration, anew: bool) {
        if anew {
            self.rested = Duration::ZERO;
        }
        let began = time_of_all(&descendants(&BTreeSet::new()));
        self.rest = Some(Rest { most, began });
        self.next = Instant::now() + LOOKS.1.min(most);
    }

    /// Looks more often for a while.
    pub fn wake(&mut self) {
        let now = Instant::now();
        self.alert = now + ALERT;
        self.next = self.next.min(now + LOOKS.0);
    }

    /// Has an exceptional condition when more memory is used than may be.
    pub fn alarm(&self) -> Option<BorrowedFd<'_>> {
        let group = self.group.as_ref().filter(|_| !self.paused);
        group.map(Group::events)
    }

    /// Looks at once: there was an alarm.
    pub fn alarmed(&mut self) {
        if let Some(group) = &self.group {
            group.hear();
        }
        self.alert = Instant::now() + ALERT;
        self.next = Instant::now();
    }

    /// Returns whether the kernel has ended a process since the last call, because the session used too much memory.
    pub fn take_loss(&mut self) -> bool {
        !self.paused && self.count_killed()
    }

    fn count_killed(&mut self) -> bool {
        let killed = self.group.as_ref().map_or(0, Group::killed);
        std::mem::replace(&mut self.killed, killed) < killed
    }

    /// Looks no more until it is to `resume`: all that could use more has been stopped.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Looks again.
    pub fn resume(&mut self) {
        if let Some(rest) = self.rest.take() {
            let now = time_of_all(&descendants(&BTreeSet::new()));
            self.rested += now.saturating_sub(rest.began);
        }
        self.paused = false;
        self.count_killed(); // which was for what has been told
        self.next = Instant::now();
        self.wake();
    }

    /// Time until the next look, if there is to be one.
    pub fn wait(&self) -> Option<Duration> {
        let wait = self.next.saturating_duration_since(Instant::now());
        (!self.paused).then_some(wait)
    }

    /// Looks, if it is time to; says what is used beyond its bound.
    pub fn look(&mut self) -> Option<Exceeded> {
        let now = Instant::now();
        if self.paused || now < self.next {
            return None;
        }
        if now > self.alert && !self.is_running() {
            self.next = now + REST;
            return None;
        }
        let processes = descendants(&BTreeSet::new());
        let times: BTreeMap<i32, u128> = processes
            .iter()
            .filter_map(|pid| Some((*pid, processor_time(*pid)?)))
            .collect();
        if times != self.times {
            self.alert = self.alert.max(now + ALERT / 2);
        }
        self.times = times;
        if let Some(rest) = &self.rest {
            let taken = time_of_all(&processes).saturating_sub(rest.began);
            if self.rested + taken > rest.most || rest.most.is_zero() {
                return Some(Exceeded::Rest);
            }
        }
        let memory = self.memory(&processes);
        if memory > most_memory(&self.bounds) || self.take_loss() {
            return Some(Exceeded::Memory);
        }
        if self.disk_is_full() {
            return Some(Exceeded::Disk);
        }
        let room = most_memory(&self.bounds) - memory;
        let safe = match &self.group {
            Some(_) => LOOKS.1, // there will be an alarm
            None => Duration::from_secs_f64(room as f64 / FILLED_A_SECOND as f64),
        };
        self.next = Instant::now() + safe.clamp(LOOKS.0, LOOKS.1);
        None
    }

    /// Whether one of the processes has computed since the last look. Only those that do can start others.
    fn is_running(&self) -> bool {
        self.times
            .iter()
            .any(|(pid, time)| processor_time(*pid).is_some_and(|now| now != *time))
    }

    fn memory(&self, processes: &BTreeSet<i32>) -> u64 {
        if let Some(used) = self.group.as_ref().and_then(Group::memory) {
            return used;
        }
        let shared = self.shared.map_or(0, used);
        let resident: u64 = processes.iter().filter_map(|pid| resident(*pid)).sum();
        if resident + shared <= most_memory(&self.bounds) {
            return resident + shared; // no less than the processes have: what they share is counted for each
        }
        let parts = processes.iter().filter_map(|pid| proportional(*pid));
        let (own, mapped) = parts.fold((0, 0), |(own, mapped), part| {
            (own + part.0, mapped + part.1)
        });
        own + mapped.max(shared)
    }

    fn disk_is_full(&mut self) -> bool {
        let now = used(&self.temp);
        if now
            < self
                .measured
                .saturating_add(GROWTH.min(self.bounds.disk / 2))
        {
            self.measured = self.measured.min(now);
            return false;
        }
        self.measured = now;
        size_of(&self.temp, self.bounds.disk).is_none()
    }

    /// Takes the temporary folder for empty.
    pub fn emptied(&mut self) {
        self.measured = used(&self.temp);
    }
}

/// Bytes of memory that all processes of a session may use together. Each alone is bounded more tightly, so that code is
/// told by an exception where it can be; what is more is for its stacks, and for the checkpoints.
pub const fn most_memory(bounds: &Bounds) -> u64 {
    bounds.memory + bounds.memory / 4 + (64 << 20)
}

/// Threads of all processes of this process's user.
pub fn tasks_of_user() -> u64 {
    let user = rustix::process::getuid().as_raw();
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    let theirs = entries.flatten().filter(|entry| {
        let owner = entry.metadata().map(|data| data.uid());
        let number = entry.file_name().to_string_lossy().parse::<u32>();
        number.is_ok() && owner.is_ok_and(|owner| owner == user)
    });
    let tasks = theirs.filter_map(|entry| fs::read_dir(entry.path().join("task")).ok());
    tasks.map(|tasks| tasks.count() as u64).sum()
}

/// Processor time of processes, with that of those which they or this one have reaped.
fn time_of_all(processes: &BTreeSet<i32>) -> Duration {
    let ticks: u64 = processes.iter().filter_map(|pid| ticks(*pid)).sum();
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs_f64(ticks as f64 / a_second as f64) + time_of_reaped()
}

/// Clock ticks that a process has computed, and those that it has reaped.
fn ticks(pid: i32) -> Option<u64> {
    let stat = stat(pid)?;
    let times = stat.split_whitespace().skip(11).take(4);
    times.map(|time| time.parse::<u64>().ok()).sum()
}

/// Processor time of the processes that this one has reaped.
fn time_of_reaped() -> Duration {
    // SAFETY: a `rusage` is plain memory, which the call writes to.
    #[expect(unsafe_code, reason = "no safe wrapper for the usage of resources")]
    let usage = unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        seconds + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Nanoseconds that a process has computed.
fn processor_time(pid: i32) -> Option<u128> {
    let mut clock = 0;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both calls write only to what they are given.
    #[expect(unsafe_code, reason = "no safe wrapper for the clocks of processes")]
    let done = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    let nanoseconds = u128::try_from(time.tv_sec).ok()? * 1_000_000_000;
    done.then_some(nanoseconds + u128::try_from(time.tv_nsec).ok()?)
}

/// Bytes that a process has in memory, with all that it shares, and of the tables of its pages.
fn resident(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(field(&status, "VmRSS:")? + field(&status, "VmPTE:")?)
}

/// Bytes that a process has in memory: its part of what is its own or copied when written to, with the tables of its
/// pages, and of shared memory.
fn proportional(pid: i32) -> Option<(u64, u64)> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let tables = field(&status, "VmPTE:")?;
    let all = field(&rollup, "Pss:")?;
    Some(
        match (field(&rollup, "Pss_Anon:"), field(&rollup, "Pss_Shmem:")) {
            (Some(own), Some(shared)) => (own + tables, shared),
            _ => (all + tables, 0), // before Linux 5.9
        },
    )
}

/// Bytes of a line `NAME KIBIBYTES kB`.
fn field(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}

/// Bytes in use on the file system of a folder.
fn used(folder: impl AsRef<Path>) -> u64 {
    let found = statvfs(folder.as_ref());
    found.map_or(0, |found| {
        found.f_blocks.saturating_sub(found.f_bfree) * found.f_frsize
    })
}

/// Bytes of all files in a folder; none where they are more than `most`, or nested too deep.
fn size_of(folder: &Path, most: u64) -> Option<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut total = 0;
    let mut open_folders = Vec::new();
    if let Ok(folder) = open(folder, flags, Mode::empty()).and_then(Dir::new) {
        open_folders.push(folder);
    }
    loop {
        let depth = open_folders.len();
        let Some(folder) = open_folders.last_mut() else {
            return Some(total);
        };
        let Some(Ok(entry)) = folder.next() else {
            open_folders.pop();
            continue;
        };
        let name = entry.file_name().to_owned();
        if name.as_c_str() == c"." || name.as_c_str() == c".." {
            continue;
        }
        let Ok(within) = folder.fd() else { continue };
        let found = rustix::fs::statat(within, &name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        let Ok(found) = found else { continue };
        total += u64::try_from(found.st_blocks).unwrap_or(0) * 512;
        if total > most {
            return None;
        }
        let kind = rustix::fs::FileType::from_raw_mode(found.st_mode);
        if kind == rustix::fs::FileType::Directory {
            if depth >= MAX_DEPTH {
                return None;
            }
            let below = openat(within, &name, flags, Mode::empty()).and_then(Dir::new);
            open_folders.extend(below);
        }
    }
}
