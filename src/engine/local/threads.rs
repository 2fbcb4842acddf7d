//! Threads that run Python: as many as there are steps under way, and no more urgent than the daemon.

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Most threads; more steps than that wait for one.
const MOST: usize = 1_024;
/// How much the threads yield to those that answer clients, from 0 to 19.
const NICENESS: i32 = 10;

/// A pool of such threads.
pub struct Threads {
    /// Taken when the pool goes.
    pool: Option<Runtime>,
}

impl Threads {
    /// A pool without any yet.
    ///
    /// # Errors
    /// When the system gives no means for one.
    pub fn new() -> std::io::Result<Self> {
        let pool = Builder::new_current_thread()
            .max_blocking_threads(MOST)
            .thread_name("python")
            .on_thread_start(|| {
                // Of this thread alone, on Linux; where it fails, the thread is as urgent as others.
                let _ = rustix::process::setpriority_process(None, NICENESS);
            })
            .build()?;
        Ok(Self { pool: Some(pool) })
    }

    /// Runs what may compute for long without a pause, on a thread that nobody else waits for.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let timers = Handle::current();
        let run = move || timers.block_on(work);
        match &self.pool {
            Some(pool) => pool.handle().spawn_blocking(run),
            None => tokio::task::spawn_blocking(run),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.shutdown_background(); // a runtime must not be waited for within another
        }
    }
}
