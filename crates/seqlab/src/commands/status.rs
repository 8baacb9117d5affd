use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pipeline::State;

use super::run::{Device, describe, layout, plan};
use crate::failure::Failure;
use crate::say;

/// Say for every stage whether its result stands
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The definition
    file: PathBuf,
    /// Change a value of the definition first
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Where it would be trained
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn status(arguments: &Status) -> Result<ExitCode, Failure> {
    let plan = plan(&arguments.file, &arguments.sets)?;
    let states = pipeline::status(&plan, &layout(Some(&arguments.file))?, arguments.device.name())?;
    let width = plan.jobs.iter().map(|job| job.title().len()).max().unwrap_or(0);
    for (job, state) in plan.jobs.iter().zip(&states) {
        let folder = match state {
            State::UpToDate(_) => Some(job.shown()),
            _ => None,
        };
        if arguments.json {
            let line = serde_json::json!({
                "stage": job.stage, "point": job.point, "verb": job.verb,
                "up_to_date": folder.is_some(), "state": describe(&plan, state), "folder": folder,
            });
            say::json(&line)?;
        } else {
            say::line(format_args!("{:width$}  {}", job.title(), describe(&plan, state)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
