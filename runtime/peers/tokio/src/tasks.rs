//! Spawning, joining and cancelling, as runtime/primitives_bench.cpp and scope_bench.cpp do: see
//! main.rs, which runs them.

use std::array;
use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{yield_now, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{BoxFuture, Figures};

pub async fn spawn_and_join(count: u64) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        tokio::spawn(async {}).await.unwrap();
    }
    begin.elapsed()
}

/// The time of one is that of a batch, divided in main().
pub const BATCH: u64 = 10_000;

pub async fn spawn_many_and_join(count: u64) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        let tasks: Vec<_> = (0..BATCH).map(|_| tokio::spawn(async {})).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    begin.elapsed()
}

pub async fn yield_among_two_a_processor(count: u64) -> Duration {
    let done = Arc::new(AtomicBool::new(false));
    let others = TaskTracker::new();
    for _ in 1..2 * Handle::current().metrics().num_workers() {
        let done = done.clone();
        others.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                yield_now().await;
            }
        });
    }
    let begin = Instant::now();
    for _ in 0..count {
        yield_now().await;
    }
    let elapsed = begin.elapsed();
    done.store(true, Ordering::Relaxed);
    others.close();
    others.wait().await;
    elapsed
}

pub async fn join_a_value(count: u64) -> Duration {
    let mut sum = 0_i64;
    let begin = Instant::now();
    for _ in 0..count {
        sum = tokio::spawn(async move { sum + 1 }).await.unwrap();
    }
    let elapsed = begin.elapsed();
    black_box(sum);
    elapsed
}

/// As with a batch, the time of one is divided in main().
pub const CHILDREN: u64 = 1000;

#[inline(never)]
async fn succeed() -> Result<(), ()> {
    black_box(Ok(()))
}

pub async fn group_of_a_thousand(count: u64) -> Duration {
    let parent = CancellationToken::new();
    let begin = Instant::now();
    for _ in 0..count {
        let token = parent.child_token();
        let mut group = JoinSet::new();
        for _ in 0..CHILDREN {
            group.spawn(succeed());
        }
        while let Some(ended) = group.join_next().await {
            if ended.unwrap().is_err() {
                token.cancel();
            }
        }
        token.cancel();
    }
    begin.elapsed()
}

pub async fn context_cancel(count: u64) -> Duration {
    let parent = CancellationToken::new();
    let begin = Instant::now();
    for _ in 0..count {
        parent.child_token().cancel();
    }
    begin.elapsed()
}

pub async fn context_cancel_of_a_thousand(count: u64) -> Duration {
    let mut elapsed = Duration::ZERO;
    for _ in 0..count {
        let parent = CancellationToken::new();
        let waiting = Arc::new(AtomicU64::new(0));
        let tasks = TaskTracker::new();
        for _ in 0..CHILDREN {
            let (parent, waiting) = (parent.clone(), waiting.clone());
            tasks.spawn(async move {
                let child = parent.child_token();
                waiting.fetch_add(1, Ordering::Relaxed);
                child.cancelled().await;
            });
        }
        tasks.close();
        while waiting.load(Ordering::Relaxed) < CHILDREN {
            yield_now().await;
        }
        for _ in 0..3 {
            yield_now().await;
        }
        let begin = Instant::now();
        parent.cancel();
        tasks.wait().await;
        elapsed += begin.elapsed();
    }
    elapsed
}

// On the heap, because a future that contains itself has no size.
fn skynet(number: i64, size: i64) -> BoxFuture<i64> {
    Box::pin(async move {
        if size == 1 {
            return number;
        }
        let below = size / 10;
        let children: [_; 10] =
            array::from_fn(|i| tokio::spawn(skynet(number + i as i64 * below, below)));
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

pub async fn skynet_of_a_million(count: u64) -> Duration {
    const LEAVES: i64 = 1_000_000;
    let begin = Instant::now();
    for _ in 0..count {
        let sum = skynet(0, LEAVES).await;
        assert_eq!(sum, LEAVES * (LEAVES - 1) / 2, "every leaf counts once");
    }
    begin.elapsed()
}

/// Resident memory and page tables of this process.
fn memory_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is there");
    let kib: f64 = status
        .lines()
        .filter(|line| line.starts_with("VmRSS:") || line.starts_with("VmPTE:"))
        .map(|line| line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap())
        .sum();
    assert!(kib > 0.0, "/proc/self/status has VmRSS");
    kib * 1024.0
}

pub async fn park_a_million() -> Figures {
    const TASKS: u64 = 1_000_000;
    let before = memory_bytes();
    let gate = Arc::new((AtomicU64::new(0), Notify::new()));
    let tasks = TaskTracker::new();
    let begin = Instant::now();
    for i in 0..TASKS {
        let gate = gate.clone();
        tasks.spawn(async move {
            let (begun, opened) = &*gate;
            let opened = opened.notified();
            begun.fetch_add(1, Ordering::Relaxed);
            opened.await;
        });
        if i % 64 == 63 {
            yield_now().await;
        }
    }
    while gate.0.load(Ordering::Relaxed) < TASKS {
        yield_now().await;
    }
    let creation = begin.elapsed();
    let grown = memory_bytes() - before;
    gate.1.notify_waiters();
    tasks.close();
    tasks.wait().await;
    vec![
        ("creation_ns", creation.as_nanos() as f64 / TASKS as f64),
        ("bytes_each", grown / TASKS as f64),
    ]
}
