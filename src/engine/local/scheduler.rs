//! Whose code computes: of all steps at most as many at a time as there are processors. Otherwise hundreds of
//! threads would want these, and the daemon would have to wait its turn among them.
//!
//! Code has a permit while it computes, and gives it up whenever it waits. While others wait for a permit, it
//! gives it up at the end of its time slice, too: the engine's epoch is raised, at which all code yields.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::{Fuse, FusedFuture, FutureExt};
use futures_util::{pending, poll};
use tokio::sync::oneshot;
use wasmtime::Engine;

/// How long code computes while others wait.
const SLICE: Duration = Duration::from_millis(5);
/// How long code that used up a slice before computes while others wait that did not.
const SHORT_SLICE: Duration = Duration::from_millis(1);
/// How often code looks whether its slice is over, at least.
const TICK: Duration = Duration::from_millis(1);
/// How often in a row others may go before code that used up a slice.
const MOST_PASSED_OVER: u32 = 8;

thread_local! {
    /// When the code on this thread got its permit, and as what; none when that has been taken from it.
    static TURN: Cell<Option<(Instant, Priority)>> = const { Cell::new(None) };
}

/// Gives out the permits.
pub struct Scheduler {
    engine: Engine,
    state: Mutex<State>,
}

struct State {
    queue: RunQueue<oneshot::Sender<Permit>>,
    /// Whether those who compute are made to look up again and again.
    is_ticking: bool,
}

impl Scheduler {
    /// A scheduler for the code that this engine runs, with as many permits.
    pub fn new(engine: Engine, permits: usize) -> Arc<Self> {
        let state = Mutex::new(State {
            queue: RunQueue::new(permits),
            is_ticking: false,
        });
        Arc::new(Self { engine, state })
    }

    /// Runs code; once it is asked to stop, it goes before all other for a time slice.
    pub async fn run<T>(
        self: &Arc<Self>,
        code: impl Future<Output = T>,
        asked_to_stop: impl Future<Output = ()>,
    ) -> T {
        let (mut code, mut asked_to_stop) = (pin!(code), pin!(asked_to_stop.fuse()));
        let mut priority = Priority::Fresh;
        loop {
            let permit = self.permit(priority, asked_to_stop.as_mut()).await;
            if asked_to_stop.is_terminated() {
                priority = Priority::Stopping;
            }
            TURN.set(Some((Instant::now(), priority)));
            let polled = poll!(code.as_mut());
            drop(permit);
            let has_yielded = TURN.take().is_none();
            if let Poll::Ready(done) = polled {
                return done;
            }
            priority = match has_yielded && !asked_to_stop.is_terminated() {
                true => Priority::Preempted,
                false => Priority::Fresh,
            };
            pending!(); // what the code waits for wakes us
        }
    }

    /// Whether the code on this thread is to yield: somebody waits, and its slice is over.
    pub fn preempts(&self) -> bool {
        let Some((begun, priority)) = TURN.get() else {
            return false;
        };
        let slice = match self.state().queue.first() {
            None => return false,
            Some((first, _)) if first < Priority::Preempted && priority == Priority::Preempted => {
                SHORT_SLICE
            }
            Some(_) => SLICE,
        };
        let is_over = begun.elapsed() >= slice;
        if is_over {
            TURN.set(None);
        }
        is_over
    }

    /// Waits for a permit.
    async fn permit(
        self: &Arc<Self>,
        priority: Priority,
        mut asked_to_stop: Pin<&mut Fuse<impl Future<Output = ()>>>,
    ) -> Option<Permit> {
        let (mut place, mut granted) = match self.enqueue(priority) {
            Ok(permit) => return Some(permit),
            Err(waiting) => waiting,
        };
        tokio::select! {
            biased;
            permit = &mut granted => permit.ok(),
            () = &mut asked_to_stop, if !asked_to_stop.is_terminated() => {
                place.hurry();
                granted.await.ok()
            }
        }
    }

    /// Takes a permit, or else a place in the queue, with what the permit comes by.
    fn enqueue(
        self: &Arc<Self>,
        priority: Priority,
    ) -> Result<Permit, (Waiting<'_>, oneshot::Receiver<Permit>)> {
        let mut state = self.state();
        if state.queue.take() {
            return Ok(Permit(Arc::clone(self)));
        }
        let (grant, granted) = oneshot::channel();
        let place = state.queue.push(priority, grant);
        if !std::mem::replace(&mut state.is_ticking, true) {
            tokio::spawn(Arc::clone(self).tick());
        }
        if priority < Priority::Preempted {
            self.engine.increment_epoch(); // a short slice may be over already
        }
        drop(state);
        let scheduler = self.as_ref();
        Err((Waiting { scheduler, place }, granted))
    }

    /// Has all that computes look up, again and again, until nobody waits any more.
    async fn tick(self: Arc<Self>) {
        loop {
            self.engine.increment_epoch();
            tokio::time::sleep(TICK).await;
            let mut state = self.state();
            if state.queue.first().is_none() {
                state.is_ticking = false;
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Allows to compute, until it is dropped.
struct Permit(Arc<Scheduler>);

impl Drop for Permit {
    fn drop(&mut self) {
        let next = self.0.state().queue.release();
        if let Some(next) = next {
            let _ = next.send(Self(Arc::clone(&self.0))); // comes back from one that has just gone
        }
    }
}

/// Code that waits for a permit, until it is dropped.
struct Waiting<'a> {
    scheduler: &'a Scheduler,
    place: Place,
}

impl Waiting<'_> {
    fn hurry(&mut self) {
        self.place = self.scheduler.state().queue.hurry(self.place);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.scheduler.state().queue.waiting.remove(&self.place);
    }
}

/// Who goes before whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    /// Has to end in time.
    Stopping,
    /// Has just begun, or has waited for something else.
    Fresh,
    /// Has used up a time slice.
    Preempted,
}

/// A place in the queue: those of one priority go in the order in which they came.
type Place = (Priority, u64);

/// The permits that are free, and who waits for one.
struct RunQueue<W> {
    free: usize,
    waiting: BTreeMap<Place, W>,
    came: u64,
    /// How often in a row others went before the preempted.
    passed_over: u32,
}

impl<W> RunQueue<W> {
    const fn new(free: usize) -> Self {
        Self {
            free,
            waiting: BTreeMap::new(),
            came: 0,
            passed_over: 0,
        }
    }

    /// Takes a permit, if one is free.
    const fn take(&mut self) -> bool {
        let is_free = self.free > 0;
        self.free -= is_free as usize;
        is_free
    }

    fn push(&mut self, priority: Priority, who: W) -> Place {
        self.came += 1;
        let place = (priority, self.came);
        self.waiting.insert(place, who);
        place
    }

    /// Puts who waits there before all others that have not been asked to stop.
    fn hurry(&mut self, place: Place) -> Place {
        match self.waiting.remove(&place) {
            Some(who) => self.push(Priority::Stopping, who),
            None => place,
        }
    }

    /// Takes a permit back; returns who gets it.
    fn release(&mut self) -> Option<W> {
        let next = self.next();
        self.free += usize::from(next.is_none());
        next
    }

    fn first(&self) -> Option<Place> {
        self.waiting.first_key_value().map(|(place, _)| *place)
    }

    fn next(&mut self) -> Option<W> {
        let first = self.first()?;
        let mut preempted = self.waiting.range((Priority::Preempted, 0)..);
        let preempted = preempted.next().map(|(place, _)| *place);
        let place = match (first, preempted) {
            ((Priority::Fresh, _), Some(preempted)) => {
                self.passed_over += 1;
                match self.passed_over > MOST_PASSED_OVER {
                    true => preempted,
                    false => first,
                }
            }
            _ => first,
        };
        if place.0 == Priority::Preempted {
            self.passed_over = 0;
        }
        self.waiting.remove(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who gets the permit, one after the other.
    fn order(queue: &mut RunQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.release()).collect()
    }

    #[test]
    fn a_permit_is_had_by_one_at_a_time_and_is_handed_on() {
        let mut queue = RunQueue::new(2);
        assert!(queue.take() && queue.take() && !queue.take());
        queue.push(Priority::Fresh, "a");
        assert_eq!(queue.release(), Some("a"));
        assert!(!queue.take(), "it has been handed on");
        assert_eq!(queue.release(), None);
        assert!(queue.take() && !queue.take());
    }

    #[test]
    fn those_who_are_to_stop_go_before_the_fresh_and_these_before_the_preempted() {
        let mut queue = RunQueue::new(0);
        for (priority, who) in [
            (Priority::Preempted, "hog"),
            (Priority::Fresh, "first"),
            (Priority::Preempted, "other hog"),
            (Priority::Fresh, "second"),
            (Priority::Stopping, "to stop"),
        ] {
            queue.push(priority, who);
        }
        let expected = ["to stop", "first", "second", "hog", "other hog"];
        assert_eq!(order(&mut queue), expected);
    }

    #[test]
    fn who_is_asked_to_stop_while_waiting_overtakes_and_who_has_gone_does_not_turn_up() {
        let mut queue = RunQueue::new(0);
        queue.push(Priority::Fresh, "fresh");
        let hog = queue.push(Priority::Preempted, "hog");
        let gone = queue.push(Priority::Fresh, "gone");
        queue.waiting.remove(&gone);
        assert_eq!(queue.hurry(gone), gone);
        assert_eq!(queue.hurry(hog).0, Priority::Stopping);
        assert_eq!(order(&mut queue), ["hog", "fresh"]);
    }

    #[test]
    fn the_preempted_are_not_passed_over_for_ever() {
        let mut queue = RunQueue::new(0);
        queue.push(Priority::Preempted, "hog");
        queue.push(Priority::Preempted, "other hog");
        let granted: Vec<_> = (0..2 * (MOST_PASSED_OVER + 1))
            .filter_map(|_| {
                queue.push(Priority::Fresh, "fresh");
                queue.release()
            })
            .collect();
        let round = |hog| [vec!["fresh"; MOST_PASSED_OVER as usize], vec![hog]].concat();
        assert_eq!(granted, [round("hog"), round("other hog")].concat());
    }

    #[tokio::test]
    async fn code_that_waits_or_is_dropped_gives_its_permit_back() {
        let scheduler = Scheduler::new(Engine::default(), 1);
        let never = std::future::pending::<()>;
        let mut waits = Box::pin(scheduler.run(never(), never()));
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(scheduler.run(async { 1 }, never()).await, 1);
        let held = scheduler
            .permit(Priority::Fresh, pin!(never().fuse()))
            .await;
        let mut queued = Box::pin(scheduler.run(async { 2 }, never()));
        let mut gone = Box::pin(scheduler.run(async { 3 }, never()));
        assert!(poll!(&mut gone).is_pending() && poll!(&mut queued).is_pending());
        drop(gone);
        drop(held);
        assert_eq!(queued.await, 2);
        assert_eq!(scheduler.run(async { 4 }, never()).await, 4);
    }
}
