//! Timers and sleeping, as runtime/timer_bench.cpp and primitives_bench.cpp have them: see main.rs,
//! which runs them. A timer of tokio is in the timer wheel once it has been polled.

use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::{self, sleep, Sleep};

use crate::Figures;

async fn arm(mut timer: Pin<&mut Sleep>) {
    poll_fn(|context| {
        assert!(timer.as_mut().poll(context).is_pending(), "it is set for later");
        Poll::Ready(())
    })
    .await;
}

const LATER: Duration = Duration::from_secs(10);

pub async fn alarm_set_and_stop(count: u64) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        arm(pin!(sleep(LATER))).await;
    }
    begin.elapsed()
}

/// tokio stops a timer by dropping it only, so this sets one that is set already.
pub async fn alarm_reset_and_stop(count: u64) -> Duration {
    let mut timer = pin!(sleep(LATER));
    let begin = Instant::now();
    for _ in 0..count {
        timer.as_mut().reset(time::Instant::now() + LATER);
        arm(timer.as_mut()).await;
    }
    begin.elapsed()
}

fn quantile_us(sorted: &[Duration], q: f64) -> f64 {
    sorted[(q * (sorted.len() - 1) as f64) as usize].as_nanos() as f64 / 1e3
}

pub async fn sleep_of_a_millisecond() -> Figures {
    const LENGTH: Duration = Duration::from_millis(1);
    let mut late = Vec::with_capacity(500);
    for _ in 0..500 {
        let begin = Instant::now();
        sleep(LENGTH).await;
        late.push(begin.elapsed().saturating_sub(LENGTH));
    }
    late.sort();
    vec![("late_p50_us", quantile_us(&late, 0.5)), ("late_p99_us", quantile_us(&late, 0.99))]
}
