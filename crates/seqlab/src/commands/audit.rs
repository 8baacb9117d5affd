use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use auditor::{Column, FolderAudit, Options, Shard};
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::output::Output;
use crate::say;
use crate::threads::threads;

/// Audit any folder of Parquet splits, ours or not: exit 0 clean, 1 leak or unreadable, 2 not all of it was read
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
    /// A value of that column that is no part of a row: padding. May be given several times
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    ignore_token: Vec<i64>,
    /// What files are a split, by a name or by a path from DIR, with * for any letters: test=heldout.parquet. May be
    /// given several times
    #[arg(long, value_name = "SPLIT=FILE")]
    split: Vec<SplitArgument>,
    /// The column that says of each row which split it is of
    #[arg(long, value_name = "COLUMN", conflicts_with = "split")]
    split_column: Option<String>,
    /// Files or folders to leave out, named as in --split; the verdict then says nothing of them
    #[arg(long, value_name = "FILE")]
    skip: Vec<String>,
    /// Take all folders in DIR as one dataset; by default each that holds splits of its own is audited by itself
    #[arg(long)]
    together: bool,
    /// Believe columns and tables that are called like seqlab's (unit, notation, vocabulary.parquet, ...) where no
    /// manifest.json of seqlab says that they are
    #[arg(long)]
    ours: bool,
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
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let parts = text.split_once('/').map(|(number, of)| (number.parse().ok(), of.parse().ok()));
        match parts {
            Some((Some(number), Some(of))) if (1..=of).contains(&number) => Ok(Self(Shard { number, of })),
            _ => Err("expected I/N with I from 1 to N, for instance 3/16"),
        }
    }
}

/// `test=heldout.parquet`.
#[derive(Debug, Clone)]
struct SplitArgument(String, String);

impl FromStr for SplitArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            Some((split, files)) if !split.is_empty() && !files.is_empty() => {
                Ok(Self(split.to_owned(), files.to_owned()))
            }
            _ => Err("expected SPLIT=FILE, for instance test=heldout.parquet"),
        }
    }
}

pub(crate) fn audit(arguments: &Audit, output: &Output) -> Result<ExitCode, Failure> {
    threads(arguments.threads.map_or(0, usize::from))?;
    let terms = arguments.terms.clone().map(Column::Terms);
    let options = Options {
        column: terms.or_else(|| arguments.tokens.clone().map(Column::Tokens)),
        ignored: arguments.ignore_token.clone(),
        level: arguments.level.clone(),
        only_windows: arguments.only == Some(Only::Windows),
        splits: arguments.split.iter().map(|given| (given.0.clone(), given.1.clone())).collect(),
        split_column: arguments.split_column.clone(),
        skip: arguments.skip.clone(),
        ours: arguments.ours,
        together: arguments.together,
        written: arguments.merge.iter().chain(&arguments.out).cloned().collect(),
    };
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
        [] => auditor::audit_points(folder, &options),
        parts => auditor::merge_shards(folder, &options, parts).map(|found| vec![found]),
    };
    let found = found.map_err(explain)?;
    for report in &found {
        show(report, arguments.out.as_deref(), output)?;
    }
    verdict(&found, &options)
}

fn explain(error: auditor::Error) -> Failure {
    match error {
        auditor::Error::Config { .. } | auditor::Error::Folder { .. } | auditor::Error::Column { .. } => {
            Failure::usage(error)
        }
        error => Failure::stage(error),
    }
}

fn show(found: &FolderAudit, out: Option<&Path>, output: &Output) -> Result<(), Failure> {
    if let Some(out) = out {
        let out = out.join(&found.point);
        std::fs::create_dir_all(&out).map_err(Failure::io("create", &out))?;
        found.write(&out).map_err(Failure::stage)?;
    }
    let point = match found.point.as_os_str().is_empty() {
        true => String::new(),
        false => format!("{}: ", found.point.display()),
    };
    if !output.quiet {
        let splits: Vec<_> = found.splits.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
        say::line(format_args!("{point}level {}; rows: {}", found.level, splits.join(", ")))?;
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
        if !found.unbelieved.is_empty() {
            say::line(format_args!(
                "{point}not believed, since no manifest of seqlab lists the files: {}; --ours believes them",
                found.unbelieved.join(", ")
            ))?;
        }
    }
    for leak in &found.leaks {
        say::line(format_args!("{point}leak: {leak}"))?;
    }
    Ok(())
}

fn verdict(found: &[FolderAudit], options: &Options) -> Result<ExitCode, Failure> {
    for path in found.first().map_or(&[][..], |report| &report.skipped) {
        say::line(format_args!("left out: {}", path.display()))?;
    }
    let leaking = found.iter().filter(|report| !report.is_clean()).count();
    let several = found.len() > 1;
    match leaking {
        0 if options.only_windows => say::line("clean: no pair is shared; nothing else was looked at")?,
        0 if several => {
            say::line(format_args!(
                "clean: nothing leaks at its level in any of {} datasets, each by itself",
                found.len()
            ))?;
        }
        0 => say::line("clean: nothing leaks at this level")?,
        _ if several => say::line(format_args!("leaks in {leaking} of {} datasets", found.len()))?,
        _ => say::line("leaks")?,
    }
    Ok(if leaking == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
