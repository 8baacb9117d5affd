use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::run::{Device, describe, layout, plan};
use crate::failure::Failure;
use crate::say;

/// Say what changed since a stage last ran
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The definition
    file: PathBuf,
    /// The stage
    stage: String,
    /// Change a value of the definition first
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Where it would be trained
    #[arg(long, value_enum, default_value_t)]
    device: Device,
}

pub(crate) fn why(arguments: &Why) -> Result<ExitCode, Failure> {
    let plan = plan(&arguments.file, &arguments.sets)?;
    for why in
        pipeline::why(&plan, &layout(Some(&arguments.file))?, &arguments.stage, arguments.device.name())?
    {
        say::line(format_args!("{}: {}", plan.jobs[why.job].title(), describe(&plan, &why.state)))?;
        for change in &why.changes {
            say::line(format_args!("  {change}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
