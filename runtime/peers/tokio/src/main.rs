//! The operations of ../go on tokio: the same work in the same form, where tokio has what it needs;
//! what it lacks is listed, with the reason, in scripts/c1m/runtime_peers.py. `tokio-primitives
//! NAME PROCESSORS` prints one JSON object. The runtime is the multi-threaded one with PROCESSORS
//! workers, also for one, and what measures is a task on a worker; the allocator is the system's.
//! Not here: comparing; `./c1m compare-runtimes` does.

mod channels;
mod locks;
mod tasks;
mod timers;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

/// What an operation reports: a name and a figure each.
type Figures = Vec<(&'static str, f64)>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Operation {
    /// Repeated until the time is long enough. `run` takes how often, and returns how long that took;
    /// the time of one is that of a repetition by `batch`.
    Timed {
        run: Box<dyn Fn(u64) -> BoxFuture<Duration> + Send>,
        batch: u64,
    },
    Once(BoxFuture<Figures>),
}

fn timed<F>(run: fn(u64) -> F) -> Operation
where
    F: Future<Output = Duration> + Send + 'static,
{
    timed_in_batches(run, 1)
}

fn timed_in_batches<F>(run: fn(u64) -> F, batch: u64) -> Operation
where
    F: Future<Output = Duration> + Send + 'static,
{
    Operation::Timed { run: Box::new(move |count| Box::pin(run(count))), batch }
}

fn once<F>(future: F) -> Operation
where
    F: Future<Output = Figures> + Send + 'static,
{
    Operation::Once(Box::pin(future))
}

fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        "spawn_and_join" => timed(tasks::spawn_and_join),
        "spawn_many_and_join" => timed_in_batches(tasks::spawn_many_and_join, tasks::BATCH),
        "yield_among_two_a_processor" => timed(tasks::yield_among_two_a_processor),
        "join_a_value" => timed(tasks::join_a_value),
        "group_of_a_thousand" => timed_in_batches(tasks::group_of_a_thousand, tasks::CHILDREN),
        "context_cancel" => timed(tasks::context_cancel),
        "context_cancel_of_a_thousand" => {
            timed_in_batches(tasks::context_cancel_of_a_thousand, tasks::CHILDREN)
        }
        "skynet_of_a_million" => timed(tasks::skynet_of_a_million),
        // tokio has one kind of task.
        "park_a_million_dedicated" | "park_a_million_compact" => once(tasks::park_a_million()),
        "channel_ping_pong" => timed(channels::channel_ping_pong),
        "channel_ping_pong_with_limits" => timed(channels::channel_ping_pong_with_limits),
        "channel_buffered" => timed(channels::channel_buffered),
        "select_ready" => timed(channels::select_ready),
        "select_waiting" => timed(channels::select_waiting),
        "mutex_alone" => timed(locks::mutex_alone),
        "mutex_by_8" => timed_in_batches(locks::mutex_by_8, locks::ALL_TURNS),
        "read_lock_alone" => timed(locks::read_lock_alone),
        "read_lock_by_8" => timed_in_batches(locks::read_lock_by_8, locks::ALL_TURNS),
        "write_lock_alone" => timed(locks::write_lock_alone),
        "once_done" => timed(locks::once_done),
        "alarm_set_and_stop" => timed(timers::alarm_set_and_stop),
        "alarm_reset_and_stop" => timed(timers::alarm_reset_and_stop),
        "sleep_of_a_millisecond" => once(timers::sleep_of_a_millisecond()),
        _ => return None,
    })
}

/// Ever more repetitions, as Go's testing.Benchmark does, until they take half a second.
async fn measure(operation: Operation) -> Figures {
    const LONG_ENOUGH: Duration = Duration::from_millis(500);
    let (run, batch) = match operation {
        Operation::Once(figures) => return figures.await,
        Operation::Timed { run, batch } => (run, batch),
    };
    let mut count = 1;
    loop {
        let elapsed = run(count).await;
        if elapsed >= LONG_ENOUGH {
            return vec![("ns", elapsed.as_nanos() as f64 / count as f64 / batch as f64)];
        }
        let wanted =
            1.2 * count as f64 * LONG_ENOUGH.as_nanos() as f64 / elapsed.as_nanos().max(1) as f64;
        count = (wanted as u64).clamp(count + 1, 100 * count);
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, processors] = arguments.as_slice() else {
        eprintln!("usage: tokio-primitives OPERATION PROCESSORS");
        return ExitCode::from(2);
    };
    let Some(workers) = processors.parse().ok().filter(|count| (1..=1024).contains(count)) else {
        eprintln!("tokio-primitives: {processors:?} is not a number of processors from 1 to 1024");
        return ExitCode::from(2);
    };
    let Some(operation) = operation(name) else {
        eprintln!("tokio-primitives: unknown operation {name:?}");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .expect("the machine has what a runtime needs");
    let figures = runtime.block_on(runtime.spawn(measure(operation))).expect("no operation panics");
    let members: Vec<String> =
        figures.iter().map(|(name, figure)| format!("\"{name}\": {figure}")).collect();
    println!("{{{}}}", members.join(", "));
    ExitCode::SUCCESS
}
