//! What the person asks to be shown.

use clap::{Args, ValueEnum};

/// What to show, for every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// Show results and errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Show more of what happens
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// How the log on standard error is written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
    /// For the runner that started a stage
    #[value(hide = true)]
    Wire,
}

impl LogFormat {
    /// Whether events are for the process that started this one.
    pub(crate) fn is_wire(self) -> bool {
        self == Self::Wire
    }
}
