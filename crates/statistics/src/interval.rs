use statrs::distribution::{ContinuousCDF, Normal};

/// What a 95 % interval leaves out on both sides together.
pub const ALPHA: f64 = 0.05;

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Returns the smallest interval that contains both.
    #[must_use]
    pub fn hull(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Returns the interval where it has a width. Where all that was drawn is alike, or all of it is one cluster, nothing is known
    /// of its spread, which is not the same as that there is none.
    #[must_use]
    pub fn spread(self) -> Option<Interval> {
        (self.high > self.low).then_some(self)
    }
}

/// Returns the Wilson score interval (Wilson 1927) of a share of so many independent answers, which rounding may have pushed
/// past 0 or 1; nothing when there are none.
/// `alpha` is what it leaves out on both sides together.
#[must_use]
pub fn wilson(share: f64, n: f64, alpha: f64) -> Option<Interval> {
    if n <= 0.0 || !share.is_finite() {
        return None;
    }
    let share = share.clamp(0.0, 1.0);
    let z = normal(alpha);
    let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let (centre, scale) = (share + z * z / (2.0 * n), 1.0 + z * z / n);
    // At a share of 0 or 1 the border is exact; rounding must not push it past the share itself.
    let low = ((centre - spread) / scale).clamp(0.0, share);
    let high = ((centre + spread) / scale).clamp(share, 1.0);
    Some(Interval { low, high })
}

/// Returns the interval of the difference of two independent shares from their own intervals (Newcombe 1998, "Interval
/// estimation for the difference between independent proportions", method 10).
#[must_use]
pub fn newcombe(one: (f64, Interval), other: (f64, Interval)) -> Interval {
    let ((a, of_a), (b, of_b)) = (one, other);
    let low = a - b - (a - of_a.low).hypot(of_b.high - b);
    let high = a - b + (of_a.high - a).hypot(b - of_b.low);
    Interval { low: low.max(-1.0), high: high.min(1.0) }
}

/// Returns how large a share of new seeds may differ from seeds that are all alike, at 95 %: 1 - 0.05^(1/seeds), the upper end of
/// Clopper and Pearson's one-sided interval (1934) of no such seed among them.
#[must_use]
pub fn may_differ(seeds: usize) -> f64 {
    1.0 - ALPHA.powf(1.0 / seeds.max(1) as f64)
}

/// Returns the quantiles (linear between order statistics, Hyndman and Fan 1996, type 7) of the statistic over the draws in which
/// it is defined that leave out half of `alpha` on either side; nothing when it is not defined in more than one draw of a
/// hundred, since those that are left would be chosen by what is asked.
#[must_use]
pub fn percentile(values: impl IntoIterator<Item = Option<f64>>, alpha: f64) -> Option<Interval> {
    let mut total = 0;
    let mut defined: Vec<f64> =
        values.into_iter().inspect(|_| total += 1).flatten().filter(|v| v.is_finite()).collect();
    if defined.is_empty() || 100 * (total - defined.len()) > total {
        return None;
    }
    defined.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (defined.len() - 1) as f64;
        let (below, above) = (defined[place.floor() as usize], defined[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some(Interval { low: at(alpha / 2.0), high: at(1.0 - alpha / 2.0) })
}

/// Returns the quantile of the standard normal distribution that leaves out half of `alpha` above it.
fn normal(alpha: f64) -> f64 {
    Normal::standard().inverse_cdf(1.0 - alpha / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Clusters;

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81/263, 15/148, 0/20, 1/29.
        for (x, n, low, high) in [
            (81.0, 263, 0.2553, 0.3662),
            (15.0, 148, 0.0624, 0.1605),
            (0.0, 20, 0.0, 0.1611),
            (1.0, 29, 0.0061, 0.1718),
        ] {
            let found = wilson(x / f64::from(n), f64::from(n), ALPHA).expect("there are rows");
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{x}/{n}: {found:?}");
        }
        assert_eq!(wilson(0.5, 0.0, ALPHA), None);
        assert_eq!(wilson(1.0, 7.0, ALPHA).map(|i| i.high), Some(1.0));
    }

    #[test]
    fn wilson_solves_its_own_equation() {
        // The borders are the p with |share - p| = z sqrt(p (1 - p) / n).
        for (share, n) in [(0.1, 10.0), (0.5, 33.0), (0.97, 1102.0)] {
            let found = wilson(share, n, ALPHA).expect("there are rows");
            for p in [found.low, found.high] {
                let reach = normal(ALPHA) * (p * (1.0 - p) / n).sqrt();
                assert!(((share - p).abs() - reach).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn few_clusters_make_a_wide_interval_of_any_share() {
        // 0 of 101 rows in one cluster of 100 and one of 1: up to 0.79 may be right elsewhere, not 0.000 nor 0.037.
        let found = wilson(0.0, 101.0 * 101.0 / 10_001.0, ALPHA).expect("there are rows");
        assert!(found.low.abs() < 1e-9 && (found.high - 0.7902).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn a_difference_of_shares_agrees_with_published_values() {
        // Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20.
        for (a, n, b, m, low, high) in [
            (56.0, 70.0, 48.0, 80.0, 0.0524, 0.3339),
            (9.0, 10.0, 3.0, 10.0, 0.1705, 0.8090),
            (10.0, 10.0, 0.0, 20.0, 0.6791, 1.0),
        ] {
            let of = |x: f64, n: f64| (x / n, wilson(x / n, n, ALPHA).expect("there are rows"));
            let found = newcombe(of(a, n), of(b, m));
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{a}/{n}: {found:?}");
        }
    }

    #[test]
    fn alike_seeds_leave_room_for_others() {
        assert!((may_differ(8) - 0.3124).abs() < 1e-4);
        assert!((may_differ(1) - 0.95).abs() < 1e-12);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let values = (0..=1000).rev().map(|v| Some(f64::from(v)));
        assert_eq!(percentile(values, ALPHA), Some(Interval { low: 25.0, high: 975.0 }));
        // numpy.quantile([1, 2, 4, 8, 16], [0.1, 0.9]) = [1.4, 12.8]
        let found = percentile([16.0, 1.0, 8.0, 2.0, 4.0].map(Some), 0.2).expect("all are defined");
        assert!((found.low - 1.4).abs() < 1e-12 && (found.high - 12.8).abs() < 1e-12, "{found:?}");
        assert_eq!(percentile([None, None, Some(1.0)], ALPHA), None);
        assert_eq!(percentile([], ALPHA), None);
        assert_eq!(percentile([Some(1.0), Some(1.0)], ALPHA).and_then(Interval::spread), None);
    }

    proptest! {
        /// For one seed more right answers never lower a bound, no share has an interval of zero width, and it holds the share.
        #[test]
        fn more_right_answers_never_lower_a_bound(sizes in prop::collection::vec(1_u32..60, 1..40), alpha in 0.0005..0.5) {
            let total: u32 = sizes.iter().sum();
            let effective = Clusters::of(sizes.iter().map(|&size| f64::from(size))).effective;
            let mut before = Interval { low: 0.0, high: 0.0 };
            for right in 0..=total {
                let share = f64::from(right) / f64::from(total);
                let found = wilson(share, effective, alpha).expect("there are rows");
                prop_assert!(found.low >= before.low && found.high >= before.high, "{right} of {total}: {before:?} {found:?}");
                prop_assert!(found.low <= share && share <= found.high && found.high - found.low > 1e-6);
                before = found;
            }
        }
    }
}
