//! What the auditor proved: its checks, and how long a piece of each held-out row stands in train.

use std::collections::BTreeMap;

use artifact::tables::{Certificate, Leakage};
use serde::Serialize;

use crate::Error;
use crate::folder::Source;
use crate::number::count;

/// One line of the certificate.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    pair: String,
    view: String,
    gate: bool,
    compared: String,
    violations: String,
    violated: bool,
    /// The held-out row with the most violations; empty for none.
    worst: String,
    passed: bool,
}

/// How many held-out rows have their longest known suffix of this many terms.
#[derive(Debug, Serialize)]
struct Longest {
    terms: i32,
    rows: String,
    /// Share of the split's rows in percent, for the bar.
    width: f64,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    pub passed: bool,
    gates: usize,
    gates_passed: usize,
    reports: usize,
    compared: String,
    checks: Vec<Check>,
    longest: Vec<(String, Vec<Longest>)>,
    /// Rows of the worst case: split, example, train row and offset.
    witness: Option<String>,
}

/// Builds the section; `None` without a certificate.
pub(crate) fn build(source: &Source) -> Result<Option<Section>, Error> {
    let Some(mut rows) = source.read::<Certificate>("certificate")? else { return Ok(None) };
    // Gates first, and among them what failed.
    rows.sort_by_key(|row| (!row.gate, row.passed));
    let gates = rows.iter().filter(|row| row.gate).count();
    let gates_passed = rows.iter().filter(|row| row.gate && row.passed).count();
    let compared =
        rows.iter().filter(|row| row.gate).fold(0_i64, |sum, row| sum.saturating_add(row.compared));
    let (longest, witness) = longest(source)?;
    let reports = rows.len() - gates;
    let checks = rows.into_iter().map(|row| Check {
        name: row.check.replace('_', " "),
        pair: if row.right.is_empty() { row.left } else { format!("{} against {}", row.left, row.right) },
        view: row.view,
        gate: row.gate,
        compared: count(row.compared),
        violations: count(row.violations),
        violated: row.violations > 0,
        worst: if row.worst < 0 { String::new() } else { format!("row {}", row.worst) },
        passed: row.passed,
    });
    Ok(Some(Section {
        passed: gates_passed == gates,
        gates,
        gates_passed,
        reports,
        compared: count(compared),
        checks: checks.collect(),
        longest,
        witness,
    }))
}

type LongestBySplit = Vec<(String, Vec<Longest>)>;

/// Counts the held-out rows by the longest suffix that stands in train, and names the witness of a leak.
fn longest(source: &Source) -> Result<(LongestBySplit, Option<String>), Error> {
    let mut counts = BTreeMap::<String, BTreeMap<i32, i64>>::new();
    let mut worst: Option<Leakage> = None;
    source.each("leakage", |row: Leakage| {
        *counts.entry(row.split.clone()).or_default().entry(row.longest_match_terms).or_default() += 1;
        if row.leaked_units > worst.as_ref().map_or(0, |row| row.leaked_units) {
            worst = Some(row);
        }
    })?;
    let bars = |counts: BTreeMap<i32, i64>| {
        let all = counts.values().sum::<i64>().max(1) as f64;
        let bar = |(terms, rows)| Longest {
            terms,
            rows: count(rows),
            width: (1e4 * rows as f64 / all).round() / 1e2,
        };
        counts.into_iter().map(bar).collect()
    };
    let witness = worst.map(|row| {
        format!(
            "Worst case: {} row {} shares {} unit(s) with training; witness: row {} at offset {}.",
            row.split, row.example_id, row.leaked_units, row.witness_example_id, row.witness_offset
        )
    });
    Ok((counts.into_iter().map(|(split, counts)| (split, bars(counts))).collect(), witness))
}
