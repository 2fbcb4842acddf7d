//! Threads that run Python: a few for all sessions.
//!
//! Of a pool that runs any work, a second thread wakes up with the first, to look whether there is more to do.
//! That made a tool's call slower by a tenth. And none is less urgent than the daemon's own: such a one hardly
//! computes beside a build on the same machine, and code that was asked to stop does not get to it in time.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use async_task::{Builder, Runnable};
use futures_util::future::{MapErr, TryFutureExt};
use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, Receiver, error::RecvError};
use tokio_util::context::TokioContext;

/// A pool of such threads.
pub struct Threads(Arc<Pool>);

/// What comes of work, once it has ended.
pub type Running<T> = MapErr<Receiver<T>, fn(RecvError) -> Panicked>;

/// The work came to no end: a defect of the daemon.
#[derive(Debug, thiserror::Error)]
#[error("panicked, which is a defect of tinycode")]
pub struct Panicked;

impl Threads {
    /// A pool in which as many can compute at a time.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(computing: usize) -> io::Result<Self> {
        let threads = Self(Arc::default());
        for _ in 0..=computing {
            // One more than compute notices who else wants to.
            let pool = Arc::clone(&threads.0);
            let work = move || {
                while let Some(task) = pool.next() {
                    task.run();
                }
            };
            thread::Builder::new()
                .name("python".to_owned())
                .spawn(work)?;
        }
        Ok(threads)
    }

    /// Runs what may compute for long, on threads that nobody else waits for. Timers are the caller's.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Running<T> {
        let (done, result) = oneshot::channel();
        let work = async move { drop(done.send(work.await)) };
        let work = TokioContext::new(work, Handle::current());
        let pool = Arc::clone(&self.0);
        let (task, detached) = Builder::new()
            .propagate_panic(true) // to nobody: the thread goes on
            .spawn(|()| work, move |task| pool.push(task));
        detached.detach();
        task.schedule();
        result.map_err(|_| Panicked)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_closed = true;
        state.idle.drain(..).for_each(|thread| thread.unpark());
    }
}

/// What the threads share.
#[derive(Default)]
struct Pool(Mutex<State>);

#[derive(Default)]
struct State {
    /// What can go on.
    ready: VecDeque<Runnable>,
    /// Threads that wait for it. The last is woken first: it finds the most in its processor's caches.
    idle: Vec<Thread>,
    /// Whether nothing more will come.
    is_closed: bool,
}

impl Pool {
    fn push(&self, task: Runnable) {
        let mut state = self.state();
        state.ready.push_back(task);
        let idle = state.idle.pop();
        drop(state);
        if let Some(thread) = idle {
            thread.unpark();
        }
    }

    /// Waits for what can go on; none when the pool is closed.
    fn next(&self) -> Option<Runnable> {
        let this = thread::current();
        loop {
            let mut state = self.state();
            state.idle.retain(|thread| thread.id() != this.id()); // nobody may have woken it
            if let Some(task) = state.ready.pop_front() {
                return Some(task);
            }
            if state.is_closed {
                return None;
            }
            state.idle.push(this.clone());
            drop(state);
            thread::park();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn as_many_compute_at_a_time_and_one_more() {
        let threads = Threads::new(1).unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let meet = || {
            let barrier = Arc::clone(&barrier);
            threads.run(async move { barrier.wait().is_leader() })
        };
        let (one, other) = (meet(), meet());
        one.await.unwrap();
        other.await.unwrap();
    }

    #[tokio::test]
    async fn more_wait_at_a_time_than_there_are_threads() {
        let threads = Threads::new(0).unwrap();
        let (go, gone) = oneshot::channel();
        let waits = threads.run(gone);
        threads
            .run(tokio::time::sleep(Duration::from_millis(1)))
            .await
            .unwrap();
        go.send(7).unwrap();
        assert_eq!(waits.await.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn work_that_panics_says_so_and_its_thread_goes_on() {
        let threads = Threads::new(0).unwrap();
        threads.run(async { panic!() }).await.unwrap_err();
        assert_eq!(threads.run(async { 7 }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn the_threads_of_a_pool_that_is_gone_end() {
        let threads = Threads::new(1).unwrap();
        let pool = Arc::downgrade(&threads.0);
        drop(threads);
        assert!(pool.upgrade().is_none_or(|pool| pool.next().is_none()));
    }
}
