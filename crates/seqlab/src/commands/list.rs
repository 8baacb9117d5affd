use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;

/// List the families, notations and levels that a task may have
#[derive(Debug, Args)]
pub(crate) struct Tasks {}

/// List the analyses
#[derive(Debug, Args)]
pub(crate) struct Analyses {}

pub(crate) fn tasks() -> Result<ExitCode, Failure> {
    println!("families");
    for entry in sequence::FAMILIES {
        println!("  {:<16} {}", entry.name, entry.summary);
    }
    println!("notations");
    for entry in sequence::NOTATIONS {
        println!("  {:<16} {}", entry.name, entry.summary);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn analyses() -> Result<ExitCode, Failure> {
    for analysis in analyzer::ANALYSES {
        println!("  {:<12} {}", analysis.name, analysis.summary);
    }
    Ok(ExitCode::SUCCESS)
}
