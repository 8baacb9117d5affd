//! What the auditor proved: its checks, and how long a piece of each held-out row stands in train.

use std::collections::BTreeMap;

use artifact::tables::{Certificate, Leakage};
use maud::{Markup, html};

use crate::Error;
use crate::number::{count, counted};
use crate::plot::bar;
use crate::point::Point;
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "certificate",
    title: "Certificate",
    table: "certificate",
    limit: Limit::NONE,
    build,
    script: "",
};

fn build(point: &Point<'_>, _: usize) -> Result<Option<Markup>, Error> {
    let Some(mut rows) = point.source.read::<Certificate>("certificate")? else { return Ok(None) };
    // Gates first, and among them what failed.
    rows.sort_by_key(|row| (!row.gate, row.passed));
    let gates = rows.iter().filter(|row| row.gate).count();
    let passed = rows.iter().filter(|row| row.gate && row.passed).count();
    let compared =
        rows.iter().filter(|row| row.gate).fold(0_i64, |sum, row| sum.saturating_add(row.compared));
    let (longest, worst) = longest(point)?;
    Ok(Some(html! {
        p {
            (tag(passed == gates)) " An auditor that shares with the builder only what reads the files compared the splits: " (passed) " of " (gates)
            " gates passed over " (count(compared)) " comparisons; " (counted((rows.len() - gates) as i64, "further check")) " may find something by design."
        }
        @if let Some(row) = worst { p.note {
            "Worst case: " (row.split) " row " (row.example_id) " shares " (row.leaked_units) " unit(s) with training; witness: row " (row.witness_example_id) " at offset " (row.witness_offset) "."
        } }
        details { summary { "Every check" }
            div.scroll { table {
                thead { tr { @for name in ["Check", "Result", "Splits", "View", "Kind"] { th scope="col" { (name) } } th.n scope="col" { "Compared" } th.n scope="col" { "Violations" } th scope="col" { "Worst" } } }
                tbody { @for row in &rows { tr class=(if row.gate { "gate" } else { "report" }) {
                    th scope="row" { (row.check.replace('_', " ")) }
                    td { @if row.gate { (tag(row.passed)) } @else { span.tag.none { (if row.violations > 0 { "found" } else { "none found" }) } } }
                    td { (row.left) @if !row.right.is_empty() { " against " (row.right) } } td { (row.view) } td { (if row.gate { "gate" } else { "report" }) }
                    td.n { (count(row.compared)) } td.n { (count(row.violations)) } td { @if row.worst >= 0 { "row " (row.worst) } }
                } } }
            } }
        }
        @if !longest.is_empty() { details { summary { "Longest ending of each held-out row that stands in training" }
            p { "0 terms: the answer was never trained; 1: only the answer itself; 2: the last transition leaked; as many as the row has: the whole row." }
            div.scroll { table {
                thead { tr { th scope="col" { "Split" } th.n scope="col" { "Terms" } th.plot scope="col" { "Share of rows" } th.n scope="col" { "Rows" } } }
                tbody { @for (split, counts) in &longest { @for (terms, rows) in counts { tr {
                    td { (split) } td.n { (terms) } td.plot { (bar(*rows as f64 / counts.values().sum::<i64>().max(1) as f64, "neutral")) } td.n { (count(*rows)) }
                } } } }
            } }
        } }
    }))
}

fn tag(passed: bool) -> Markup {
    html! { span class=(if passed { "tag rule" } else { "tag memory" }) { (if passed { "passed" } else { "violated" }) } }
}

/// Rows by split and length.
type Longest = BTreeMap<String, BTreeMap<i32, i64>>;

/// Counts the held-out rows by the longest suffix that stands in train, and finds the worst leak.
fn longest(point: &Point<'_>) -> Result<(Longest, Option<Leakage>), Error> {
    let mut counts = Longest::new();
    let mut worst: Option<Leakage> = None;
    point.source.each("leakage", |row: Leakage| {
        *counts.entry(row.split.clone()).or_default().entry(row.longest_match_terms).or_default() += 1;
        if row.leaked_units > worst.as_ref().map_or(0, |row| row.leaked_units) {
            worst = Some(row);
        }
    })?;
    Ok((counts, worst))
}
