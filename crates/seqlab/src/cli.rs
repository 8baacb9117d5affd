//! The command line as clap sees it. Each command's own file says what it does.

use clap::{Parser, Subcommand};

use crate::commands::{audit, bench, completions, gc, list, run, runs, schema, stage, status, tables, why};
use crate::output::Output;

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
