use std::path::Path;

use crate::{Job, State, Stream};

/// What happens while a plan runs. With several jobs at once, events of several threads interleave.
#[derive(Debug)]
pub enum Event<'a> {
    /// A job is taken as it is shown now, though it does not fit the definition any more.
    StaleInput {
        /// The job that would have to run again.
        job: &'a Job,
    },
    /// Another process is at a job.
    Busy {
        /// The job, which is waited for.
        job: &'a Job,
        /// The process.
        holder: &'a str,
    },
    /// Something that is not ours stood where a job's result is shown, and was kept.
    Kept {
        /// The job.
        job: &'a Job,
        /// Where it lies now.
        place: &'a Path,
    },
    /// What a job's folder showed was made from other inputs than those that are shown now, and is not shown any more.
    Hidden {
        /// The job.
        job: &'a Job,
    },
    /// A job is already done.
    Skipped {
        /// The job.
        job: &'a Job,
        /// The folder that people see.
        folder: &'a Path,
        /// Whether it showed something else until now.
        relinked: bool,
    },
    /// A job starts.
    Started {
        /// The job.
        job: &'a Job,
        /// Why.
        state: &'a State,
    },
    /// The job's child wrote a line.
    Line {
        /// The job.
        job: &'a Job,
        /// Where to.
        stream: Stream,
        /// The line, without its end.
        line: &'a str,
    },
    /// A job is done and its folder committed.
    Finished {
        /// The job.
        job: &'a Job,
        /// The folder that people see.
        folder: &'a Path,
        /// How long it took.
        seconds: f64,
        /// The most memory its child was seen to hold, in bytes.
        peak_bytes: Option<u64>,
    },
    /// A job failed.
    Failed {
        /// The job.
        job: &'a Job,
        /// What happened.
        reason: &'a str,
    },
}
