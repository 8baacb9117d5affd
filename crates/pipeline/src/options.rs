use std::path::Path;

use crate::{Job, Selection, State, Stream};

/// How to run a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which stages.
    pub selection: Selection,
    /// Run the named stages (all, without names) though they are done.
    pub force: bool,
    /// How many independent jobs run at once; at least 1.
    pub jobs: usize,
    /// How many threads each of them is told to use.
    pub threads: usize,
    /// Which device they are told to use.
    pub device: String,
    /// Program and arguments that do one job; the path of its [`crate::Spec`] is added. Empty: external commands are started
    /// as they are, and there are no other jobs.
    pub child: Vec<String>,
    /// Name and version of the tool, for the records.
    pub tool: String,
    /// The command that the person gave, for the records and for whoever finds the lock taken.
    pub command: String,
}

/// What happens while a plan runs. With several jobs at once, events of several threads interleave.
#[derive(Debug)]
pub enum Event<'a> {
    /// A job is taken as it is linked now, though it does not fit the definition any more.
    StaleInput {
        /// The job that would have to run again.
        job: &'a Job,
    },
    /// A job is already done.
    Skipped {
        /// The job.
        job: &'a Job,
        /// Its finished folder.
        folder: &'a Path,
        /// Whether its link showed another folder until now.
        relinked: bool,
    },
    /// A job starts.
    Started {
        /// The job.
        job: &'a Job,
        /// Why: [`State::Stale`] or [`State::NeverRun`].
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
        /// Its folder.
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
