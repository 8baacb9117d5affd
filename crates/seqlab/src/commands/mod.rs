//! One file per command; the doc comment of its arguments is its help.

use std::process::ExitCode;

use crate::cli::{Command, Output};
use crate::failure::Failure;

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod gc;
pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod stage;
pub(crate) mod status;
pub(crate) mod tables;
pub(crate) mod why;

/// Holds training to narrower vectors than the processor has: see `docs/training.md`.
const MAX_ISA: &str = "SEQLAB_MAX_ISA";

/// Does what `command` asks.
pub(crate) fn execute(command: Command, output: &Output) -> Result<ExitCode, Failure> {
    if let Some(isa) = std::env::var_os(MAX_ISA) {
        transformer::engine::hold_to(&isa.to_string_lossy())
            .map_err(|error| Failure::Usage(format!("{MAX_ISA}: {error}")))?;
    }
    match command {
        Command::Run(arguments) => run::run(&arguments, output),
        Command::Why(arguments) => why::why(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Audit(arguments) => audit::audit(&arguments, output),
        Command::Bench(bench::Bench::Train(arguments)) => bench::train(&arguments),
        Command::Bench(bench::Bench::Peak(arguments)) => bench::peak(&arguments),
        Command::Tasks(_) => list::tasks(),
        Command::Analyses(_) => list::analyses(),
        Command::Tables(arguments) => tables::tables(&arguments),
        Command::Schema(_) => schema::schema(),
        Command::Runs(arguments) => runs::runs(&arguments),
        Command::Gc(arguments) => gc::gc(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Stage(arguments) => stage::stage(&arguments),
    }
}
