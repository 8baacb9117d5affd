use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;
use crate::say;

/// List the families, notations and levels that a task may have
#[derive(Debug, Args)]
pub(crate) struct Tasks {}

/// List the analyses
#[derive(Debug, Args)]
pub(crate) struct Analyses {}

pub(crate) fn tasks() -> Result<ExitCode, Failure> {
    let lists =
        [("families", sequence::FAMILIES), ("notations", sequence::NOTATIONS), ("levels", dataset::LEVELS)];
    for (title, list) in lists {
        say::line(title)?;
        for entry in list {
            say::line(format_args!("  {:<16} {}", entry.name, entry.summary))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn analyses() -> Result<ExitCode, Failure> {
    for analysis in analyzer::Analysis::all() {
        say::line(format_args!("  {:<12} {}", analysis.name(), analysis.summary()))?;
    }
    Ok(ExitCode::SUCCESS)
}
