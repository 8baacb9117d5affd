use std::path::PathBuf;
use std::process::ExitCode;

use auditor::{Column, Options};
use clap::{Args, ValueEnum};

use super::stage::threads;
use crate::cli::Output;
use crate::failure::Failure;

/// Audit any folder of Parquet splits, ours or not: exit 0 clean, 1 leak
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
    /// The guarantee to check; by default what the files claim, else transition
    #[arg(long)]
    level: Option<String>,
    /// Make one check alone
    #[arg(long, value_enum)]
    only: Option<Only>,
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

pub(crate) fn audit(arguments: &Audit, output: &Output) -> Result<ExitCode, Failure> {
    threads(arguments.threads.map_or(0, usize::from))?;
    let terms = arguments.terms.clone().map(Column::Terms);
    let options = Options {
        column: terms.or_else(|| arguments.tokens.clone().map(Column::Tokens)),
        level: arguments.level.clone(),
        only_windows: arguments.only == Some(Only::Windows),
    };
    let found = auditor::audit_folder(&arguments.folder, &options).map_err(|error| match error {
        auditor::Error::Config { .. } | auditor::Error::Folder { .. } | auditor::Error::Column { .. } => {
            Failure::Usage(error.to_string())
        }
        error => Failure::Stage(error.to_string()),
    })?;
    if let Some(out) = &arguments.out {
        std::fs::create_dir_all(out).map_err(Failure::io("create", out))?;
        found.write(out).map_err(|error| Failure::Stage(error.to_string()))?;
    }
    if !output.quiet {
        let splits: Vec<_> = found.splits.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
        println!("level {}; rows: {}", found.level, splits.join(", "));
        println!(
            "{:<24} {:<12} {:<12} {:<10} {:>12} {:>11}",
            "check", "split", "against", "view", "compared", "violations"
        );
        for row in &found.certificates {
            let kind = match (row.gate, row.passed) {
                (false, _) => "  (report)",
                (true, true) => "",
                (true, false) => "  LEAK",
            };
            println!(
                "{:<24} {:<12} {:<12} {:<10} {:>12} {:>11}{kind}",
                row.check, row.left, row.right, row.view, row.compared, row.violations
            );
        }
    }
    for leak in &found.leaks {
        println!("leak: {leak}");
    }
    println!("{}", if found.is_clean() { "clean: nothing leaks at this level" } else { "leaks" });
    Ok(if found.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
