//! The command line as clap sees it. Each command's own file says what it does.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{audit, bench, completions, gc, list, run, runs, schema, stage, status, tables, why};

/// Sequence data without leaks, many tiny models, circuits: does a model know the rule, or has it memorised the pieces?
#[derive(Debug, Parser)]
#[command(
    name = "seqlab",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: Output,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Why(why::Why),
    Status(status::Status),
    Audit(audit::Audit),
    #[command(subcommand)]
    Bench(bench::Bench),
    Tasks(list::Tasks),
    Analyses(list::Analyses),
    Tables(tables::Tables),
    Schema(schema::PrintSchema),
    Runs(runs::Runs),
    Gc(gc::Gc),
    Completions(completions::Completions),
    #[command(hide = true)]
    Stage(stage::Stage),
}
