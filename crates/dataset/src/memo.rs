//! Remembers the splits of pairs, for all threads and in bounded memory.

use std::sync::{
    OnceLock,
    atomic::{AtomicU16, Ordering},
};

use sequence::Range;

use crate::split::Split;

/// The most pairs remembered at once, in 2 bytes each, over all domains.
const MOST: u64 = 1 << 23;
/// The fewest cells of a domain.
const FEWEST: u64 = 1 << 18;
/// Domains with more values remember nothing.
const MOST_VALUES: u128 = 1 << 31;

/// Remembers the split of pairs of values of one domain.
///
/// Pairs are numbered, those that differ alike in a row. A cell holds one of the pairs whose numbers end alike, with the
/// rest of its number: a look-up cannot mistake one for another. As the split of a pair is a pure function of it, what is
/// found does not hang on which thread came first.
pub(crate) struct Memo {
    least: i64,
    values: u64,
    /// The number of cells is 2 to this power.
    bits: u32,
    cells: OnceLock<Vec<AtomicU16>>,
}

impl Memo {
    /// Returns the memo of pairs of these values, of which there are about so many, beside those of other domains.
    pub(crate) fn new(values: Range, pairs: u64, domains: u64) -> Memo {
        let most = (MOST / domains.max(1)).max(FEWEST);
        let bits = pairs.clamp(FEWEST, most).ilog2();
        let values_or_none = Some(values.count()).filter(|&count| count <= MOST_VALUES).unwrap_or(0);
        Memo { least: values.min, values: values_or_none as u64, bits, cells: OnceLock::new() }
    }

    /// Returns the split of the pair, which `judge` works out where it is not remembered.
    pub(crate) fn split(&self, pair: &[i64], judge: impl FnOnce() -> Split) -> Split {
        let Some(number) = self.number(pair) else { return judge() };
        // 14 bits for the rest of the number and two for the split: 0 where nothing is remembered yet.
        let Ok(rest @ ..0x4000) = u16::try_from(number >> self.bits) else { return judge() };
        let cells = self.cells.get_or_init(|| (0..1_u64 << self.bits).map(|_| AtomicU16::new(0)).collect());
        let cell = &cells[(number & ((1 << self.bits) - 1)) as usize];
        let known = cell.load(Ordering::Relaxed);
        if known >> 2 == rest && known & 3 != 0 {
            return Split::ALL[usize::from(known & 3) - 1];
        }
        let split = judge();
        cell.store(rest << 2 | (split as u16 + 1), Ordering::Relaxed);
        split
    }

    /// Returns the pair's number: by the sign of the difference, then by its size, then by the first value.
    fn number(&self, pair: &[i64]) -> Option<u64> {
        let place =
            |value: i64| Some(value.wrapping_sub(self.least) as u64).filter(|&place| place < self.values);
        let (first, second) = (place(pair[0])?, place(pair[1])?);
        let sign = u64::from(second < first);
        Some((sign * self.values + first.abs_diff(second)) * self.values + first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_remembered_is_what_was_judged(
            least in prop_oneof![Just(i64::MIN), -5_i64..5, Just(i64::MAX - 40)],
            pairs in prop::collection::vec((-3_i64..60, -3_i64..60), 1..200),
        ) {
            let values = Range { min: least, max: least.saturating_add(40) };
            // Fewer cells than pairs, so that they take turns.
            let memo = Memo { bits: 3, ..Memo::new(values, 0, 1) };
            let judge = |pair: &[i64]| Split::ALL[(pair[0].wrapping_mul(7) ^ pair[1]).rem_euclid(3) as usize];
            for (first, second) in pairs {
                let pair = [least.wrapping_add(first), least.wrapping_add(second)];
                prop_assert_eq!(memo.split(&pair, || judge(&pair)), judge(&pair));
                let known = [first, second].iter().all(|value| (0..=40).contains(value));
                prop_assert!(!known || memo.split(&pair, || unreachable!("it was just remembered")) == judge(&pair));
            }
        }
    }
}
