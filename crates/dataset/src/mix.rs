//! The order in which the rows of several tasks are mixed.

/// The order in which the rows of several tasks are mixed: each task is spread evenly over the whole.
///
/// Row `j` of the `n` rows of a task lies at `(2 j + 1) / 2 n` of the whole, the middle of its share; of two at the same
/// place the one of the earlier task comes first. Compared as fractions, so that no rounding decides.
#[derive(Debug, Clone)]
pub(crate) struct Mix<'a> {
    counts: &'a [u64],
    taken: Vec<u64>,
}

impl<'a> Mix<'a> {
    /// Returns the mix of so many rows of each task, of which the first `rows` are gone; all counts are below 2^62.
    pub(crate) fn after(counts: &'a [u64], rows: u64) -> Mix<'a> {
        let total: u128 = counts.iter().copied().map(u128::from).sum();
        // Rows before the share `sure / total` are certainly gone: a task has at most n sure / total + 1/2 of them.
        let sure = u128::from(rows.saturating_sub(counts.len() as u64));
        let before = |&n: &u64| ((2 * u128::from(n) * sure).div_ceil(total.max(1)) / 2) as u64;
        let mut mix = Mix { counts, taken: counts.iter().map(before).collect() };
        for _ in mix.taken.iter().sum::<u64>()..rows {
            mix.next();
        }
        mix
    }

    /// Returns how many rows of each task are gone.
    pub(crate) fn taken(&self) -> &[u64] {
        &self.taken
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        let middle = |i: usize| (2 * u128::from(self.taken[i]) + 1, u128::from(self.counts[i]));
        let ((a, n), (b, m)) = (middle(one), middle(other));
        a * m < b * n
    }
}

/// The task of each row.
impl Iterator for Mix<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let open = (0..self.counts.len()).filter(|&i| self.taken[i] < self.counts[i]);
        let next = open.reduce(|best, i| if self.is_before(i, best) { i } else { best })?;
        self.taken[next] += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every row's place as a fraction, sorted.
    fn sorted(counts: &[u64]) -> Vec<usize> {
        let all: u64 = counts.iter().filter(|&&n| n > 0).product();
        let places = |(task, &n): (usize, &u64)| (0..n).map(move |j| ((2 * j + 1) * (all / n), task));
        let mut rows: Vec<(u64, usize)> = counts.iter().enumerate().flat_map(places).collect();
        rows.sort_unstable();
        rows.into_iter().map(|(_, task)| task).collect()
    }

    #[test]
    fn tasks_are_spread_evenly() {
        assert_eq!(Mix::after(&[2, 4], 0).collect::<Vec<_>>(), [1, 0, 1, 1, 0, 1]);
        assert_eq!(Mix::after(&[0, 0], 0).next(), None);
    }

    proptest! {
        #[test]
        fn the_mix_goes_on_from_any_row_as_if_all_were_sorted(
            counts in prop::collection::vec(0_u64..40, 1..7),
            share in 0.0..=1.0,
        ) {
            let all = sorted(&counts);
            let first = (share * all.len() as f64) as usize;
            let mix = Mix::after(&counts, first as u64);
            let gone = |task| all[..first].iter().filter(|&&other| other == task).count() as u64;
            prop_assert_eq!(mix.taken().to_vec(), (0..counts.len()).map(gone).collect::<Vec<_>>());
            prop_assert_eq!(mix.collect::<Vec<_>>(), &all[first..]);
        }
    }

    #[test]
    fn many_rows_are_reached_at_once() {
        let counts = [(1 << 61) - 1, 3, 1 << 60];
        let half = counts.iter().sum::<u64>() / 2;
        let mix = Mix::after(&counts, half);
        assert_eq!(mix.taken().iter().sum::<u64>(), half);
        assert_eq!(mix.taken()[1], 1, "one of three in the first half, the second lies in the middle");
    }
}
