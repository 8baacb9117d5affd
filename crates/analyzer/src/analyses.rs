//! The list of analyses: one file and one line each, in alphabetical order.

use std::path::Path;

use artifact::Provenance;
use artifact::tables::Measurement;

use crate::Error;
use crate::context::Context;

mod ablation;
mod attention;

/// One analysis: what it is called, what it says, and how it is done.
pub struct Analysis {
    /// The name in a definition and in the column `analysis`.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// The table that it writes beside `measurements`, without `.parquet`.
    pub table: &'static str,
    /// Writes the table into the folder and returns every scalar.
    pub(crate) run: fn(&Context, &Path, &Provenance) -> Result<Vec<Measurement>, Error>,
}

/// Every analysis, in alphabetical order.
pub const ANALYSES: &[Analysis] = &[ablation::ANALYSIS, attention::ANALYSIS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_alphabetical_and_says_what_it_does() {
        assert!(ANALYSES.is_sorted_by_key(|analysis| analysis.name));
        for analysis in ANALYSES {
            assert!(analysis.summary.ends_with('.') && analysis.summary.len() < 120, "{}", analysis.name);
        }
    }
}
