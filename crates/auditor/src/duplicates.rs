//! Rows that stand in one split more than once.

use std::sync::Mutex;

use rayon::prelude::*;

use crate::Result;
use crate::rows::Wanted;
use crate::split::Split;

/// What repeats inside a split.
pub(crate) struct Duplicates {
    /// Number of rows that repeat an earlier one.
    pub(crate) rows: u64,
    /// Index of the first row that repeats an earlier one, and of the one it repeats.
    pub(crate) first: Option<(u64, u64)>,
}

/// Counts repeated rows (notation, domain, terms; tokens where there are no terms) by their BLAKE3, 24 bytes a row.
pub(crate) fn duplicates(split: &Split, wanted: &Wanted) -> Result<Duplicates> {
    let all: Mutex<Vec<(u128, u64)>> = Mutex::default();
    split.scan(wanted, |rows| {
        let mut prints = Vec::with_capacity(rows.len());
        let mut bytes = Vec::new();
        for row in 0..rows.len() {
            bytes.clear();
            bytes.extend(rows.notation[row].to_le_bytes());
            bytes.extend(rows.domain[row].to_le_bytes());
            if rows.has_terms {
                bytes.extend(rows.terms.row(row).iter().flat_map(|term| term.to_le_bytes()));
            } else {
                bytes.extend(rows.tokens.row(row).iter().flat_map(|token| token.to_le_bytes()));
            }
            let hash = *blake3::hash(&bytes).as_bytes();
            let print = u128::from_le_bytes(hash[..16].try_into().expect("a BLAKE3 hash has 32 bytes"));
            prints.push((print, rows.first + row as u64));
        }
        all.lock().expect("no thread panics while it holds this lock").extend(prints);
        Ok(())
    })?;
    let mut all = all.into_inner().expect("no thread panics while it holds this lock");
    all.par_sort_unstable();
    let mut found = Duplicates { rows: 0, first: None };
    let mut original = None;
    for (print, row) in all {
        match original {
            Some((known, earlier)) if known == print => {
                found.rows += 1;
                found.first = found.first.into_iter().chain([(row, earlier)]).min();
            }
            _ => original = Some((print, row)),
        }
    }
    Ok(found)
}
