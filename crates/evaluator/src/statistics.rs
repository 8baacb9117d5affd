//! Intervals for shares and means whose rows are not independent.
//!
//! Rows of one orbit share their answer's unit (`cluster`), so whole clusters are drawn, never single rows. Seeds
//! and clusters are crossed, not nested: every seed answers the same rows. Over seeds both are drawn at once, seeds
//! with replacement and the same clusters for each of them (the pigeonhole bootstrap, Owen 2007, "The pigeonhole
//! bootstrap", Annals of Applied Statistics 1(2)).

use artifact::stream_key;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The 0.975 quantile of the standard normal distribution: intervals are 95 % intervals.
const Z: f64 = 1.959_963_984_540_054;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// Returns the smallest interval that contains both.
    pub(crate) fn hull(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// Returns the Wilson score interval (Wilson 1927) of a share of `n` rows; nothing when there are no rows.
pub(crate) fn wilson(share: f64, n: u64) -> Option<Interval> {
    if n == 0 || !share.is_finite() {
        return None;
    }
    let n = n as f64;
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (centre, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    // At a share of 0 or 1 the border is exact; rounding must not push it past the share itself.
    let low = ((centre - spread) / scale).clamp(0.0, share);
    let high = ((centre + spread) / scale).clamp(share, 1.0);
    Some(Interval { low, high })
}

/// Column sums over the rows of one bootstrap draw.
pub(crate) type Draws<const W: usize> = Vec<[f64; W]>;

/// Returns, for each draw, the column sums over as many clusters as there are, drawn with replacement.
///
/// `clusters` holds the column sums of each cluster. The same `stream` draws the same clusters, so that results on
/// the same rows are paired draw by draw.
pub(crate) fn draw_clusters<const W: usize>(clusters: &[[f64; W]], draws: u32, stream: u64) -> Draws<W> {
    let mut random = ChaCha8Rng::from_seed(stream_key("evaluator/bootstrap/clusters", &[stream]));
    (0..draws)
        .map(|_| {
            let mut sums = [0.0; W];
            for _ in 0..clusters.len() {
                add(&mut sums, &clusters[below(&mut random, clusters.len())], 1.0);
            }
            sums
        })
        .collect()
}

/// Returns the draws over seeds: in each, as many seeds as there are, drawn with replacement, every one of them with
/// the clusters of that draw.
pub(crate) fn draw_seeds<const W: usize>(seeds: &[&[[f64; W]]]) -> Draws<W> {
    let mut random = ChaCha8Rng::from_seed(stream_key("evaluator/bootstrap/seeds", &[]));
    let draws = seeds.first().map_or(0, |draws| draws.len());
    (0..draws)
        .map(|draw| {
            let mut sums = [0.0; W];
            for _ in 0..seeds.len() {
                add(&mut sums, &seeds[below(&mut random, seeds.len())][draw], 1.0);
            }
            sums
        })
        .collect()
}

/// Returns the 2.5 % and 97.5 % quantiles (linear between order statistics) of the statistic over the draws in which
/// it is defined; nothing when it is defined in fewer than half of them.
pub(crate) fn percentile(values: impl IntoIterator<Item = Option<f64>>) -> Option<Interval> {
    let mut total = 0;
    let mut defined: Vec<f64> =
        values.into_iter().inspect(|_| total += 1).flatten().filter(|v| v.is_finite()).collect();
    if defined.is_empty() || 2 * defined.len() < total {
        return None;
    }
    defined.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (defined.len() - 1) as f64;
        let (below, above) = (defined[place.floor() as usize], defined[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some(Interval { low: at(0.025), high: at(0.975) })
}

/// Returns `(accuracy - memory) / (1 - memory)`; nothing ("not measurable") where memory alone is above 0.95.
pub(crate) fn rule_index(accuracy: f64, memory: f64) -> Option<f64> {
    (memory <= 0.95).then(|| (accuracy - memory) / (1.0 - memory))
}

/// Adds `weight` times the one to the other, column by column.
pub(crate) fn add<const W: usize>(sums: &mut [f64; W], more: &[f64; W], weight: f64) {
    for (sum, value) in sums.iter_mut().zip(more) {
        *sum += weight * value;
    }
}

/// Returns a number below `n`; the multiplication's bias, at most n / 2^64, is far below what draws can show.
fn below(random: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(random.next_u64()) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81/263, 15/148, 0/20, 1/29.
        for (x, n, low, high) in [
            (81.0, 263, 0.2553, 0.3662),
            (15.0, 148, 0.0624, 0.1605),
            (0.0, 20, 0.0, 0.1611),
            (1.0, 29, 0.0061, 0.1718),
        ] {
            let found = wilson(x / n as f64, n).expect("there are rows");
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{x}/{n}: {found:?}");
        }
        assert_eq!(wilson(0.5, 0), None);
        assert_eq!(wilson(1.0, 7).map(|i| i.high), Some(1.0));
    }

    #[test]
    fn wilson_solves_its_own_equation() {
        // The borders are the p with |share - p| = Z sqrt(p (1 - p) / n).
        for (share, n) in [(0.1, 10_u64), (0.5, 33), (0.97, 1102)] {
            let found = wilson(share, n).expect("there are rows");
            for p in [found.low, found.high] {
                assert!(close((share - p).abs(), Z * (p * (1.0 - p) / n as f64).sqrt()));
            }
        }
    }

    #[test]
    fn drawing_is_the_same_every_time_and_differs_by_stream() {
        let clusters: Vec<[f64; 2]> = (0..40).map(|i| [f64::from(i % 3), 1.0]).collect();
        assert_eq!(draw_clusters(&clusters, 50, 1), draw_clusters(&clusters, 50, 1));
        assert_ne!(draw_clusters(&clusters, 50, 1), draw_clusters(&clusters, 50, 2));
        assert!(draw_clusters(&clusters, 50, 1).iter().all(|sums| close(sums[1], 40.0)));
    }

    #[test]
    fn two_clusters_are_drawn_with_binomial_shares() {
        // Of two clusters, one right and one wrong, the accuracy of a draw is 0, 1/2, 1 with shares 1/4, 1/2, 1/4.
        let draws = draw_clusters(&[[1.0, 1.0], [0.0, 1.0]], 20_000, 0);
        for (accuracy, share) in [(0.0, 0.25), (0.5, 0.5), (1.0, 0.25)] {
            let found = draws.iter().filter(|s| close(s[0] / s[1], accuracy)).count() as f64 / 20_000.0;
            assert!((found - share).abs() < 0.015, "{accuracy}: {found}");
        }
    }

    #[test]
    fn the_interval_of_independent_rows_is_the_normal_one() {
        // 400 clusters of one row, 30 % right: standard error sqrt(0.3 * 0.7 / 400) = 0.0229.
        let clusters: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 10 < 3), 1.0]).collect();
        let draws = draw_clusters(&clusters, 4000, 0);
        let found = percentile(draws.iter().map(|s| Some(s[0] / s[1]))).expect("there are rows");
        assert!((found.low - (0.3 - Z * 0.0229)).abs() < 0.006, "{found:?}");
        assert!((found.high - (0.3 + Z * 0.0229)).abs() < 0.006, "{found:?}");
    }

    #[test]
    fn clusters_widen_the_interval() {
        // The same 400 rows in 20 clusters that are all right or all wrong: about sqrt(20) times as wide.
        let rows: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 10 < 5), 1.0]).collect();
        let clusters: Vec<[f64; 2]> = (0..20).map(|i| [f64::from(i % 2) * 20.0, 20.0]).collect();
        let width = |clusters: &[[f64; 2]]| {
            let draws = draw_clusters(clusters, 2000, 0);
            let found = percentile(draws.iter().map(|s| Some(s[0] / s[1]))).expect("there are rows");
            found.high - found.low
        };
        let ratio = width(&clusters) / width(&rows);
        assert!((ratio - 20_f64.sqrt()).abs() < 0.7, "{ratio}");
    }

    #[test]
    fn seeds_are_drawn_as_a_whole() {
        // Two seeds, one always right and one always wrong: over seeds 0, 1/2 and 1 with shares 1/4, 1/2, 1/4.
        let right = draw_clusters(&[[1.0, 1.0]; 30], 8000, 0);
        let wrong = draw_clusters(&[[0.0, 1.0]; 30], 8000, 0);
        let both = draw_seeds(&[&right, &wrong]);
        let half = both.iter().filter(|s| close(s[0] / s[1], 0.5)).count() as f64 / 8000.0;
        assert!((half - 0.5).abs() < 0.02, "{half}");
        assert_eq!(draw_seeds(&[&right]), right);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let values = (0..=1000).rev().map(|v| Some(f64::from(v)));
        assert_eq!(percentile(values), Some(Interval { low: 25.0, high: 975.0 }));
        assert_eq!(percentile([None, None, Some(1.0)]), None);
        assert_eq!(percentile([]), None);
    }

    #[test]
    fn rule_index_by_hand() {
        assert_eq!(rule_index(0.75, 0.5), Some(0.5));
        assert_eq!(rule_index(0.2, 0.5), Some(-0.6));
        assert_eq!(rule_index(1.0, 0.0), Some(1.0));
        assert_eq!(rule_index(0.99, 0.96), None);
    }
}
