//! Channels and select, as runtime/channel_bench.cpp has them: see main.rs, which runs them. tokio
//! has no channel without room, so where the others hand over from hand to hand there is room for
//! one value here.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;

const ROOM: usize = 128;

pub async fn channel_ping_pong(count: u64) -> Duration {
    let (there, mut from_there) = mpsc::channel::<i32>(1);
    let (back, mut from_back) = mpsc::channel::<i32>(1);
    let ended = tokio::spawn(async move {
        while let Some(value) = from_there.recv().await {
            back.send(value).await.unwrap();
        }
    });
    let begin = Instant::now();
    for _ in 0..count {
        there.send(1).await.unwrap();
        black_box(from_back.recv().await);
    }
    let elapsed = begin.elapsed();
    drop(there);
    ended.await.unwrap();
    elapsed
}

pub async fn channel_ping_pong_with_limits(count: u64) -> Duration {
    const LIMIT: Duration = Duration::from_secs(10);
    let (there, mut from_there) = mpsc::channel::<i32>(1);
    let (back, mut from_back) = mpsc::channel::<i32>(1);
    let ended = tokio::spawn(async move {
        while let Some(value) = timeout(LIMIT, from_there.recv()).await.unwrap() {
            back.send(value).await.unwrap();
        }
    });
    let begin = Instant::now();
    for _ in 0..count {
        there.send(1).await.unwrap();
        black_box(timeout(LIMIT, from_back.recv()).await.unwrap());
    }
    let elapsed = begin.elapsed();
    drop(there);
    ended.await.unwrap();
    elapsed
}

pub async fn channel_buffered(count: u64) -> Duration {
    let (sender, mut receiver) = mpsc::channel::<i32>(ROOM);
    let ended = tokio::spawn(async move {
        while let Some(value) = receiver.recv().await {
            black_box(value);
        }
    });
    let begin = Instant::now();
    for _ in 0..count {
        sender.send(1).await.unwrap();
    }
    let elapsed = begin.elapsed();
    drop(sender);
    ended.await.unwrap();
    elapsed
}

pub async fn select_ready(count: u64) -> Duration {
    let (full, mut from_full) = mpsc::channel::<i32>(1);
    let (_empty, mut from_empty) = mpsc::channel::<i32>(1);
    let begin = Instant::now();
    for _ in 0..count {
        full.send(1).await.unwrap();
        tokio::select! {
            value = from_full.recv() => { black_box(value); }
            value = from_empty.recv() => { black_box(value); }
        }
    }
    begin.elapsed()
}

pub async fn select_waiting(count: u64) -> Duration {
    let (one, mut from_one) = mpsc::channel::<i32>(1);
    let (two, mut from_two) = mpsc::channel::<i32>(1);
    let (stop, mut from_stop) = mpsc::channel::<i32>(1);
    let ended = tokio::spawn(async move {
        loop {
            tokio::select! {
                sent = one.send(1) => sent.unwrap(),
                _ = from_stop.recv() => return,
            }
            tokio::select! {
                sent = two.send(1) => sent.unwrap(),
                _ = from_stop.recv() => return,
            }
        }
    });
    let begin = Instant::now();
    for _ in 0..count {
        tokio::select! {
            value = from_one.recv() => { black_box(value); }
            value = from_two.recv() => { black_box(value); }
        }
    }
    let elapsed = begin.elapsed();
    drop(stop);
    ended.await.unwrap();
    elapsed
}
