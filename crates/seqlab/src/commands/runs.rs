use std::process::ExitCode;

use clap::Args;
use pipeline::Outcome;

use super::run::layout;
use crate::failure::Failure;
use crate::say;

/// List every attempt to run a stage, the oldest first
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// One JSON object a line, with everything that was recorded
    #[arg(long)]
    json: bool,
    /// Only the last N
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<usize>,
}

pub(crate) fn runs(arguments: &Runs) -> Result<ExitCode, Failure> {
    let layout = layout(None)?;
    let records = pipeline::runs(&layout)?;
    let skipped = arguments.last.map_or(0, |last| records.len().saturating_sub(last));
    for record in &records[skipped..] {
        if arguments.json {
            say::json(record)?;
            continue;
        }
        let title = format!("{}{} {} {}", record.pipeline, record.variant, record.stage, record.point);
        let outcome = match record.outcome {
            Outcome::Running if pipeline::is_running(&layout, record)? => "running",
            Outcome::Running | Outcome::Cancelled => "interrupted",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
        };
        let seconds = record.seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.1} s"));
        let memory = record.peak_bytes.map_or("-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let key = record.key.get(..8).unwrap_or_default();
        say::line(format_args!(
            "{title:<32} {key}  {outcome:<11} {seconds:>9} {memory:>9}  {}",
            record.reason.as_deref().and_then(|reason| reason.lines().next()).unwrap_or("")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
