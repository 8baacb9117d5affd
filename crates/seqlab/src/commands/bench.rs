use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// Measure this machine
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Train(Train),
}

/// Train on made-up tokens and print the rate as one JSON line
#[derive(Debug, Args)]
pub(crate) struct Train {}

pub(crate) fn train(_: &Train) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
