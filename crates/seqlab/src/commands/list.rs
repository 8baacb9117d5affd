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
    say::line("families")?;
    for entry in sequence::FAMILIES {
        say::line(format_args!("  {:<16} {}", entry.name, entry.summary))?;
    }
    say::line("notations")?;
    for entry in sequence::NOTATIONS {
        say::line(format_args!("  {:<16} {}", entry.name, entry.summary))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn analyses() -> Result<ExitCode, Failure> {
    for analysis in analyzer::ANALYSES {
        say::line(format_args!("  {:<12} {}", analysis.name, analysis.summary))?;
    }
    Ok(ExitCode::SUCCESS)
}
