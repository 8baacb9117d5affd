use std::ffi::OsString;

use crate::Selection;

/// How to run a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which stages.
    pub selection: Selection,
    /// Run the named stages (all, without names) though they are done.
    pub force: bool,
    /// Go on with what does not need it after a job has failed.
    pub keep_going: bool,
    /// How many independent jobs run at once; at least 1.
    pub jobs: usize,
    /// How many threads each of them is told to use.
    pub threads: usize,
    /// Which device they are told to use.
    pub device: String,
    /// Program and arguments that do one job; the path of its [`crate::Spec`] is added. Empty: external commands are started
    /// as they are, and there are no other jobs.
    pub child: Vec<OsString>,
    /// Variables that it finds in its environment, beside those of this process.
    pub environment: Vec<(String, String)>,
    /// Name and version of the tool, for the records.
    pub tool: String,
    /// The command that the person gave, for the records and for whoever finds the lock taken.
    pub command: String,
}
