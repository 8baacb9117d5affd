use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use auditor::{Column, FolderAudit, Options, Shard};
use clap::{Args, ValueEnum};

use super::stage::threads;
use crate::cli::Output;
use crate::failure::Failure;
use crate::say;

/// Audit any folder of Parquet splits, ours or not: exit 0 clean, 1 leak or unreadable, 2 nothing to audit
///
/// A train split too large for one machine is audited in shards, whole row groups each, by any machines in any order:
/// `seqlab audit DIR --shard 3/16 --out PART3`, and then `seqlab audit DIR --merge PART1 ... PART16` says, byte for byte,
/// what one audit would have said.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The folder: train.parquet, train-00000-of-00003.parquet, train/part.parquet, ... beside test and validation
    folder: PathBuf,
    /// The column that holds the values of a row, a list of integers
    #[arg(long, value_name = "COLUMN", conflicts_with = "tokens")]
    terms: Option<String>,
    /// The column that holds the tokens of a row, a list of integers
    #[arg(long, value_name = "COLUMN")]
    tokens: Option<String>,
    /// The guarantee to check, by name or as in a definition ('{"window": {"m": 3}}'); by default what
    /// definition.parquet in the folder says, else transition
    #[arg(long)]
    level: Option<String>,
    /// Make one check alone
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Audit one shard of train only, and leave its evidence in the folder --out
    #[arg(long, value_name = "I/N", requires = "out")]
    shard: Option<ShardArgument>,
    /// Put the evidence of all shards together
    #[arg(long, value_name = "PART", num_args = 1.., conflicts_with = "shard")]
    merge: Vec<PathBuf>,
    /// Write certificate.parquet and leakage.parquet into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads; by default the machine's cores
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
}

/// A check that can be made alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// The unit gate, reading one column
    Windows,
}

/// `3/16`.
#[derive(Debug, Clone, Copy)]
struct ShardArgument(Shard);

impl FromStr for ShardArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').map(|(number, of)| (number.parse().ok(), of.parse().ok()));
        match parts {
            Some((Some(number), Some(of))) if (1..=of).contains(&number) => Ok(Self(Shard { number, of })),
            _ => Err("expected I/N with I from 1 to N, for instance 3/16".to_owned()),
        }
    }
}

pub(crate) fn audit(arguments: &Audit, output: &Output) -> Result<ExitCode, Failure> {
    threads(arguments.threads.map_or(0, usize::from))?;
    let terms = arguments.terms.clone().map(Column::Terms);
    let options = Options {
        column: terms.or_else(|| arguments.tokens.clone().map(Column::Tokens)),
        level: arguments.level.clone(),
        only_windows: arguments.only == Some(Only::Windows),
    };
    if let Some(out) = &arguments.out {
        std::fs::create_dir_all(out).map_err(Failure::io("create", out))?;
    }
    let folder = &arguments.folder;
    if let (Some(ShardArgument(shard)), Some(out)) = (arguments.shard, &arguments.out) {
        let rows = auditor::audit_shard(folder, &options, shard, out).map_err(explain)?;
        say::line(format_args!(
            "evidence of {rows} train rows, shard {}/{}: no verdict before --merge",
            shard.number, shard.of
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = match arguments.merge.as_slice() {
        [] => auditor::audit_folder(folder, &options),
        parts => auditor::merge_shards(folder, &options, parts),
    };
    show(&found.map_err(explain)?, arguments.out.as_deref(), output)
}

fn explain(error: auditor::Error) -> Failure {
    match error {
        auditor::Error::Config { .. } | auditor::Error::Folder { .. } | auditor::Error::Column { .. } => {
            Failure::Usage(error.to_string())
        }
        error => Failure::Stage(error.to_string()),
    }
}

fn show(found: &FolderAudit, out: Option<&Path>, output: &Output) -> Result<ExitCode, Failure> {
    if let Some(out) = out {
        found.write(out).map_err(|error| Failure::Stage(error.to_string()))?;
    }
    if !output.quiet {
        let splits: Vec<_> = found.splits.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
        say::line(format_args!("level {}; rows: {}", found.level, splits.join(", ")))?;
        say::line(format_args!(
            "{:<24} {:<12} {:<12} {:<10} {:>12} {:>11}",
            "check", "split", "against", "view", "compared", "violations"
        ))?;
        for row in &found.certificates {
            let kind = match (row.gate, row.passed) {
                (false, _) => "  (report)",
                (true, true) => "",
                (true, false) => "  LEAK",
            };
            say::line(format_args!(
                "{:<24} {:<12} {:<12} {:<10} {:>12} {:>11}{kind}",
                row.check, row.left, row.right, row.view, row.compared, row.violations
            ))?;
        }
    }
    for leak in &found.leaks {
        say::line(format_args!("leak: {leak}"))?;
    }
    for path in &found.unread {
        say::line(format_args!("not audited, no split by its name: {}", path.display()))?;
    }
    say::line(if found.is_clean() { "clean: nothing leaks at this level" } else { "leaks" })?;
    Ok(if found.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
