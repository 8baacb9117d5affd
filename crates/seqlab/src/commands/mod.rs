//! One file per command; the doc comment of its arguments is its help.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;

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

/// Allows a file to make its reader hold more, or less: see `docs/leakage.md`.
const MAX_HELD: &str = "SEQLAB_MAX_HELD";

/// Does what `command` asks.
pub(crate) fn execute(command: Command, output: &Output) -> Result<ExitCode, Failure> {
    if let Some(isa) = std::env::var_os(MAX_ISA) {
        transformer::engine::hold_to(&isa.to_string_lossy())
            .map_err(|error| Failure::usage(format!("{MAX_ISA}: {error}")))?;
    }
    if let Some(bytes) = std::env::var_os(MAX_HELD) {
        artifact::set_limit(bytes_of(&bytes.to_string_lossy())?);
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
        Command::Completions(arguments) => completions::completions(&arguments, Cli::command()),
        Command::Stage(arguments) => stage::stage(&arguments),
    }
}

/// Reads a number of bytes: `4294967296`, `4GiB`, `512 MiB`.
fn bytes_of(text: &str) -> Result<u64, Failure> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("", 0)];
    let found = units.into_iter().find_map(|(unit, shift)| Some((text.trim().strip_suffix(unit)?, shift)));
    let bytes = found.and_then(|(number, shift)| number.trim().parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        let found = artifact::printable(text);
        Failure::usage(format!(
            "{MAX_HELD}: expected a number of bytes such as 4GiB or 536870912, found `{found}`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_numbers_with_a_unit_or_without() {
        for (text, bytes) in [("1", 1), ("4GiB", 4 << 30), (" 512 MiB ", 512 << 20), ("7KiB", 7168)] {
            assert!(bytes_of(text).is_ok_and(|found| found == bytes), "{text}");
        }
        for wrong in ["", "0", "GiB", "-1", "1.5GiB", "4GB", "99999999999TiB", "\u{1b}"] {
            let error = bytes_of(wrong).expect_err(wrong).to_string();
            assert!(
                error.starts_with("SEQLAB_MAX_HELD: expected a number of bytes") && !error.contains('\u{1b}')
            );
        }
    }
}
