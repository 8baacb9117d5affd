//! How many threads a process works with.

use crate::failure::Failure;

/// The environment of a process that trains. Seeds run in parallel, each in one thread: candle's own pool would only
/// get in their way, and it reads its width when it starts.
pub(crate) const ONE_THREAD: [(&str, &str); 2] = [("CANDLE_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")];

/// Gives the pool that stages work on its width. Only now: the environment speaks to candle alone.
pub(crate) fn threads(count: usize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global()
        .map_err(|error| no_threads(count, &error))
}

/// Says that the system gives no more threads, and what to do.
pub(crate) fn no_threads(count: usize, error: &dyn std::error::Error) -> Failure {
    let count = if count == 0 { String::new() } else { format!("{count} ") };
    Failure::stage(format!(
        "cannot start {count}threads: {error}\n  help: fewer with --threads, or a higher limit on processes (ulimit -u)"
    ))
}
