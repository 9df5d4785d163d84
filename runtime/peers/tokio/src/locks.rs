//! Locks, as runtime/lock_bench.cpp has them: see main.rs, which runs them. tokio has no condition
//! variable.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OnceCell, RwLock};

pub async fn mutex_alone(count: u64) -> Duration {
    let mutex = Mutex::new(());
    let begin = Instant::now();
    for _ in 0..count {
        black_box(&*mutex.lock().await);
    }
    begin.elapsed()
}

pub async fn read_lock_alone(count: u64) -> Duration {
    let lock = RwLock::new(());
    let begin = Instant::now();
    for _ in 0..count {
        black_box(&*lock.read().await);
    }
    begin.elapsed()
}

pub async fn write_lock_alone(count: u64) -> Duration {
    let lock = RwLock::new(());
    let begin = Instant::now();
    for _ in 0..count {
        black_box(&*lock.write().await);
    }
    begin.elapsed()
}

pub async fn once_done(count: u64) -> Duration {
    let once = OnceCell::new();
    let begin = Instant::now();
    for _ in 0..count {
        black_box(once.get_or_init(|| async { 1 }).await);
    }
    begin.elapsed()
}

const CONTENDERS: u64 = 8;
const TURNS: u64 = 10_000;
/// The time of one turn is that of all, divided in main().
pub const ALL_TURNS: u64 = CONTENDERS * TURNS;

/// 8 tasks, each of which `contender` makes, again and again.
async fn contend<F>(count: u64, contender: impl Fn() -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let begin = Instant::now();
    for _ in 0..count {
        let tasks: Vec<_> = (0..CONTENDERS).map(|_| tokio::spawn(contender())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    begin.elapsed()
}

pub async fn mutex_by_8(count: u64) -> Duration {
    let mutex = Arc::new(Mutex::new(0_u64));
    let elapsed = contend(count, || {
        let mutex = mutex.clone();
        async move {
            for _ in 0..TURNS {
                *mutex.lock().await += 1;
            }
        }
    })
    .await;
    assert_eq!(*mutex.lock().await, count * ALL_TURNS, "every turn counts once");
    elapsed
}

pub async fn read_lock_by_8(count: u64) -> Duration {
    let lock = Arc::new(RwLock::new(0_u64));
    contend(count, || {
        let lock = lock.clone();
        async move {
            for _ in 0..TURNS {
                black_box(&*lock.read().await);
            }
        }
    })
    .await
}
