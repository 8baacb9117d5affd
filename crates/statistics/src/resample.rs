use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::interval::{ALPHA, Interval, percentile};

/// Column sums over the rows of each bootstrap draw.
pub type Draws<const W: usize> = Vec<[f64; W]>;

/// Returns, for each draw, the column sums over as many clusters as there are, drawn with replacement.
///
/// `clusters` holds the column sums of each cluster. The same `key` draws the same clusters, so that results on the same rows
/// are paired draw by draw.
#[must_use]
pub fn draw_clusters<const W: usize>(clusters: &[[f64; W]], draws: u32, key: [u8; 32]) -> Draws<W> {
    let mut random = ChaCha8Rng::from_seed(key);
    let places = 0..clusters.len();
    (0..draws).map(|_| sums(places.clone().map(|_| &clusters[below(&mut random, places.len())]))).collect()
}

/// Returns the draws over seeds: in each, as many seeds as there are, drawn with replacement, every one of them with the clusters
/// of that draw.
#[must_use]
pub fn draw_seeds<const W: usize>(seeds: &[&[[f64; W]]], key: [u8; 32]) -> Draws<W> {
    let mut random = ChaCha8Rng::from_seed(key);
    let draws = seeds.first().map_or(0, |draws| draws.len());
    (0..draws).map(|draw| sums(seeds.iter().map(|_| &seeds[below(&mut random, seeds.len())][draw]))).collect()
}

/// The draws of [`draw_clusters`], kept: for many statistics of few clusters, which are then drawn once.
pub struct Resamples {
    clusters: usize,
    /// Which clusters each draw takes; [draw * clusters + place].
    taken: Vec<u32>,
}

impl Resamples {
    /// Draws as many of the clusters as there are, with replacement, `draws` times.
    #[must_use]
    pub fn new(clusters: usize, draws: u32, key: [u8; 32]) -> Resamples {
        let mut random = ChaCha8Rng::from_seed(key);
        let taken = (0..clusters * draws as usize).map(|_| below(&mut random, clusters) as u32).collect();
        Resamples { clusters, taken }
    }

    /// Returns the 95 % interval of a statistic of column sums, as [`percentile`], where it has a width; `columns` holds each
    /// column's sum in each cluster.
    pub fn interval<const W: usize>(
        &self,
        columns: &[[f64; W]],
        statistic: impl Fn(&[f64; W]) -> Option<f64>,
    ) -> Option<Interval> {
        assert_eq!(columns.len(), self.clusters, "every cluster has its sums");
        let draws = self.taken.chunks(self.clusters.max(1));
        let values = draws.map(|draw| statistic(&sums(draw.iter().map(|&place| &columns[place as usize]))));
        percentile(values, ALPHA).and_then(Interval::spread)
    }
}

/// Returns the first column over the second.
#[must_use]
pub fn mean(sums: &[f64; 2]) -> Option<f64> {
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

/// Adds the one to the other, column by column.
pub fn add<const W: usize>(sums: &mut [f64; W], more: &[f64; W]) {
    for (sum, value) in sums.iter_mut().zip(more) {
        *sum += value;
    }
}

/// Adds up, column by column.
pub fn sums<'a, const W: usize>(rows: impl IntoIterator<Item = &'a [f64; W]>) -> [f64; W] {
    let mut sums = [0.0; W];
    rows.into_iter().for_each(|columns| add(&mut sums, columns));
    sums
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

    fn share(sums: &[f64; 2]) -> Option<f64> {
        Some(sums[0] / sums[1])
    }

    /// 1.96 standard errors of 400 independent rows of which 30 % are right: sqrt(0.3 * 0.7 / 400) = 0.0229.
    const REACH: f64 = 1.96 * 0.0229;

    #[test]
    fn drawing_is_the_same_every_time_and_differs_by_key() {
        let clusters: Vec<[f64; 2]> = (0..40).map(|i| [f64::from(i % 3), 1.0]).collect();
        assert_eq!(draw_clusters(&clusters, 50, [1; 32]), draw_clusters(&clusters, 50, [1; 32]));
        assert_ne!(draw_clusters(&clusters, 50, [1; 32]), draw_clusters(&clusters, 50, [2; 32]));
        assert!(draw_clusters(&clusters, 50, [1; 32]).iter().all(|sums| close(sums[1], 40.0)));
    }

    #[test]
    fn draws_that_are_kept_are_those_that_are_not() {
        let clusters: Vec<[f64; 2]> = (0..30).map(|i| [f64::from(i * i % 7) / 3.0, 1.0]).collect();
        let drawn = draw_clusters(&clusters, 400, [5; 32]);
        let expected = percentile(drawn.iter().map(mean), ALPHA);
        assert_eq!(Resamples::new(30, 400, [5; 32]).interval(&clusters, mean), expected);
        assert!(expected.is_some());
    }

    #[test]
    fn two_clusters_are_drawn_with_binomial_shares() {
        // Of two clusters, one right and one wrong, the accuracy of a draw is 0, 1/2, 1 with shares 1/4, 1/2, 1/4.
        let draws = draw_clusters(&[[1.0, 1.0], [0.0, 1.0]], 20_000, [0; 32]);
        for (accuracy, share) in [(0.0, 0.25), (0.5, 0.5), (1.0, 0.25)] {
            let found = draws.iter().filter(|s| close(s[0] / s[1], accuracy)).count() as f64 / 20_000.0;
            assert!((found - share).abs() < 0.015, "{accuracy}: {found}");
        }
    }

    #[test]
    fn the_interval_of_independent_rows_is_the_normal_one() {
        let clusters: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 10 < 3), 1.0]).collect();
        let draws = draw_clusters(&clusters, 4000, [0; 32]);
        let kept = Resamples::new(400, 4000, [1; 32]).interval(&clusters, mean);
        for found in [percentile(draws.iter().map(share), ALPHA), kept] {
            let found = found.expect("there are rows");
            assert!((found.low - (0.3 - REACH)).abs() < 0.006, "{found:?}");
            assert!((found.high - (0.3 + REACH)).abs() < 0.006, "{found:?}");
        }
    }

    #[test]
    fn clusters_widen_the_interval() {
        // The same 400 rows in 20 clusters that are all right or all wrong: about sqrt(20) times as wide.
        let rows: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 10 < 5), 1.0]).collect();
        let clusters: Vec<[f64; 2]> = (0..20).map(|i| [f64::from(i % 2) * 20.0, 20.0]).collect();
        let width = |clusters: &[[f64; 2]]| {
            let draws = draw_clusters(clusters, 2000, [0; 32]);
            let found = percentile(draws.iter().map(share), ALPHA).expect("there are rows");
            found.high - found.low
        };
        let ratio = width(&clusters) / width(&rows);
        assert!((ratio - 20_f64.sqrt()).abs() < 0.7, "{ratio}");
    }

    #[test]
    fn seeds_are_drawn_as_a_whole() {
        // Two seeds, one always right and one always wrong: over seeds 0, 1/2 and 1 with shares 1/4, 1/2, 1/4.
        let right = draw_clusters(&[[1.0, 1.0]; 30], 8000, [0; 32]);
        let wrong = draw_clusters(&[[0.0, 1.0]; 30], 8000, [0; 32]);
        let both = draw_seeds(&[&right, &wrong], [3; 32]);
        let half = both.iter().filter(|s| close(s[0] / s[1], 0.5)).count() as f64 / 8000.0;
        assert!((half - 0.5).abs() < 0.02, "{half}");
        assert_eq!(draw_seeds(&[&right], [3; 32]), right);
    }

    #[test]
    fn one_cluster_says_nothing_of_its_spread() {
        let resamples = |clusters| Resamples::new(clusters, 50, [0; 32]);
        assert_eq!(resamples(1).interval(&[[30.0, 100.0]], mean), None);
        assert_eq!(resamples(3).interval(&[[1.0, 1.0]; 3], mean), None);
        assert!(resamples(3).interval(&[[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]], mean).is_some());
    }

    #[test]
    fn what_is_not_defined_has_no_interval() {
        assert_eq!(Resamples::new(3, 100, [0; 32]).interval(&[[1.0, 0.0]; 3], mean), None);
        assert_eq!(Resamples::new(0, 100, [0; 32]).interval(&[], mean), None);
    }
}
