use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::say;

/// Print the completions of a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints those of `program`.
pub(crate) fn completions(arguments: &Completions, mut program: Command) -> Result<ExitCode, Failure> {
    // A buffer takes everything: clap_complete panics where a file does not.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "seqlab", &mut script);
    say::text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
