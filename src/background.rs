//! Threads for work that fills a core. They give way to the loop: what it waits for is a key.

use tokio::sync::oneshot;

/// Starts work that nothing waits for when the program ends. Threads that it starts give way as it does.
pub fn spawn(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        give_way();
        work();
    });
}

/// The same, begun at once, and what comes of it; `None` where it panicked.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = Option<T>> {
    let (told, result) = oneshot::channel();
    spawn(move || {
        // Where nobody listens any more, nobody misses it.
        let _ = told.send(work());
    });
    async { result.await.ok() }
}

/// A thread of a third of the others' weight is put aside as soon as one of them wakes up, and has whatever they leave.
#[cfg(target_os = "linux")]
fn give_way() {
    const NICER: i32 = 5;
    // Refused by a sandbox it works all the same.
    let _ = rustix::process::nice(NICER);
}

/// Elsewhere it is the whole process that is nice.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_give_way_and_no_others() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        let before = own();
        let within = run(move || std::thread::scope(|scope| scope.spawn(own).join().unwrap())).await;
        assert_eq!((within, own()), (Some((before + 5).min(19)), before));
    }

    #[tokio::test]
    async fn work_that_panics_is_none() {
        assert_eq!(run::<()>(|| panic!("as a bug would")).await, None);
    }
}
