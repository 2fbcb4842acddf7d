//! Work that takes a processor for long: away from the threads that serve everybody, and never on more than
//! half of the processors.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What may run at once.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    Semaphore::new((processors / 2).max(1))
});

/// Has work done, in the order in which it is asked for. Nothing where it panicked.
pub fn heavy<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<Option<T>> {
    tokio::spawn(async move {
        let _room = ROOM.acquire().await; // it is never closed
        tokio::task::spawn_blocking(work).await.ok()
    })
}
