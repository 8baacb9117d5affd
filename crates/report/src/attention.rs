//! Attention patterns of every head, packed for the head chooser.

use std::collections::BTreeMap;

use artifact::tables::AttentionPattern;
use serde::Serialize;

use crate::Error;
use crate::folder::Source;

/// The digits of a packed weight, base 64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// A weight of 1 as a packed number: two digits.
const ONE: f32 = 4095.0;

/// All heads of one seed on one task, for one example or for the mean over rows.
#[derive(Debug, Serialize)]
struct Pattern {
    seed: i32,
    task: String,
    /// -1 for the mean.
    example: i64,
    /// Rows in the mean.
    n: i64,
    tokens: Vec<String>,
    /// Number of positions.
    size: usize,
    /// `layer.head`, and the lower triangle row by row, two base-64 digits a weight.
    heads: Vec<(String, String)>,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    patterns: Vec<Pattern>,
    /// Patterns that the table has beside those.
    #[serde(skip)]
    pub left_out: usize,
}

/// Query, key, weight.
type Weight = (i32, i32, f32);

#[derive(Default)]
struct Collected {
    n: i64,
    tokens: String,
    size: i32,
    /// By layer and head.
    weights: BTreeMap<(i32, i32), Vec<Weight>>,
}

/// Builds the section with about `bytes` bytes of patterns, means first; `None` without the table.
pub(crate) fn build(source: &Source, bytes: usize) -> Result<Option<Section>, Error> {
    // Means sort before examples, so that they are kept first; examples of all seeds before further examples.
    let mut found = BTreeMap::<(bool, String, i64, i32), Collected>::new();
    let any = source.each("attention", |row: AttentionPattern| {
        let mean = row.example_id < 0;
        let pattern = found.entry((!mean, row.task, row.example_id, row.seed)).or_default();
        pattern.n = row.n;
        pattern.size = pattern.size.max(row.query + 1).max(row.key + 1);
        if pattern.tokens.is_empty() {
            pattern.tokens = row.tokens;
        }
        pattern.weights.entry((row.layer, row.head)).or_default().push((row.query, row.key, row.weight));
    })?;
    if !any || found.is_empty() {
        return Ok(None);
    }
    let mut patterns = Vec::new();
    let (mut spent, mut left_out) = (0, 0);
    for ((_, task, example, seed), collected) in found {
        let size = usize::try_from(collected.size).unwrap_or(0);
        let cost = collected.weights.len() * (size * (size + 1) + 16) + collected.tokens.len() * 2 + 80;
        if spent + cost > bytes {
            left_out += 1;
            continue;
        }
        spent += cost;
        let heads = collected.weights.iter();
        let heads =
            heads.map(|((layer, head), weights)| (format!("{layer}.{head}"), pack(size, weights))).collect();
        let tokens = collected.tokens.split_whitespace().map(str::to_owned).collect();
        patterns.push(Pattern { seed, task, example, n: collected.n, tokens, size, heads });
    }
    Ok(Some(Section { patterns, left_out }))
}

/// Packs the lower triangle; a weight that is not in the table is 0.
fn pack(size: usize, weights: &[Weight]) -> String {
    let mut packed = vec![0_u16; size * (size + 1) / 2];
    for &(query, key, weight) in weights {
        let (Ok(query), Ok(key)) = (usize::try_from(query), usize::try_from(key)) else { continue };
        if let Some(cell) = packed.get_mut(query * (query + 1) / 2 + key).filter(|_| key <= query) {
            // Not a number becomes 0: `as` saturates.
            *cell = (weight.clamp(0.0, 1.0) * ONE).round() as u16;
        }
    }
    let digits = packed.iter().flat_map(|cell| [usize::from(cell / 64), usize::from(cell % 64)]);
    digits.map(|digit| char::from(DIGITS[digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_packed_in_two_digits() {
        assert_eq!(pack(2, &[(0, 0, 1.0), (1, 0, 0.5), (1, 1, 0.0)]), "__gAAA");
        assert_eq!(pack(2, &[(0, 0, f32::NAN), (0, 1, 1.0), (7, 0, 1.0), (-1, 0, 1.0)]), "AAAAAA");
    }
}
