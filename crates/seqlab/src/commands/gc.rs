use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pipeline::Layout;

use super::run::{Device, layout, plan};
use crate::failure::Failure;
use crate::say;

/// List folders that no definition names any more
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// The definitions that still count; by default all of pipelines/
    files: Vec<PathBuf>,
    /// Delete what is listed, except runs of the last 30 days
    #[arg(long)]
    delete: bool,
}

pub(crate) fn gc(arguments: &Gc) -> Result<ExitCode, Failure> {
    let layout = layout(None)?;
    let files = if arguments.files.is_empty() { definitions(&layout)? } else { arguments.files.clone() };
    let plans = files.iter().map(|file| plan(file, &[])).collect::<Result<Vec<_>, _>>()?;
    let device = Device::default().name();
    let (garbage, deleted) = match arguments.delete {
        true => pipeline::delete(&plans, &layout, device, "seqlab gc --delete")?,
        false => (pipeline::garbage(&plans, &layout, device)?, 0),
    };
    for entry in &garbage {
        let days = entry.age.as_secs() / 86_400;
        let spared = if entry.spared { ", kept for 30 days" } else { "" };
        let path = entry.path.strip_prefix(layout.base()).unwrap_or(&entry.path).display();
        say::line(format_args!(
            "{path}  {} KiB, {days} days old: {}{spared}",
            entry.bytes.div_ceil(1024),
            entry.reason
        ))?;
    }
    if arguments.delete {
        say::line(format_args!("deleted {} KiB", deleted.div_ceil(1024)))?;
    } else if garbage.is_empty() {
        say::line("nothing: every folder belongs to a definition")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns every definition of pipelines/.
fn definitions(layout: &Layout) -> Result<Vec<PathBuf>, Failure> {
    let folder = layout.base().join("pipelines");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Failure::io("list", &folder))? {
        let path = entry.map_err(Failure::io("list", &folder))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
