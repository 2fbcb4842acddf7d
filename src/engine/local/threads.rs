//! Threads that run Python: a few for all sessions, and no more urgent than the daemon.

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_util::context::TokioContext;

/// How much the threads yield to those that answer clients, from 0 to 19.
const NICENESS: i32 = 10;

/// A pool of such threads.
pub struct Threads {
    /// Taken when the pool goes.
    pool: Option<Runtime>,
}

impl Threads {
    /// A pool in which as many can compute at a time.
    ///
    /// # Errors
    /// When the system gives no means for one.
    pub fn new(computing: usize) -> std::io::Result<Self> {
        let pool = Builder::new_multi_thread()
            .worker_threads(computing + 1) // one to notice who else wants to
            .thread_name("python")
            .on_thread_start(|| {
                // Of this thread alone, on Linux; where it fails, the thread is as urgent as others.
                let _ = rustix::process::setpriority_process(None, NICENESS);
            })
            .build()?;
        Ok(Self { pool: Some(pool) })
    }

    /// Runs what may compute for long, on threads that nobody else waits for. Timers are the caller's.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let timers = Handle::current();
        let pool = self.pool.as_ref().map_or(&timers, Runtime::handle);
        pool.spawn(TokioContext::new(work, timers.clone()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.shutdown_background(); // a runtime must not be waited for within another
        }
    }
}
