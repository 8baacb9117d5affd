//! 95 % intervals by drawing whole clusters of rows, or whole seeds, with replacement.

use stream::RngCore;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Which clusters each bootstrap draw takes, the same for everything measured on the same rows.
pub(crate) struct Resamples {
    clusters: usize,
    /// How often each cluster is in each draw; [draw * clusters + cluster].
    times: Vec<f64>,
}

impl Resamples {
    /// Draws as many of the clusters as there are, with replacement, `draws` times.
    pub(crate) fn new(clusters: usize, draws: u32) -> Resamples {
        let mut random = stream::generator("analyzer/bootstrap", &[]);
        let mut times = vec![0.0; clusters * draws as usize];
        for draw in times.chunks_mut(clusters.max(1)) {
            for _ in 0..clusters {
                draw[stream::below(random.next_u64(), clusters as u64) as usize] += 1.0;
            }
        }
        Resamples { clusters, times }
    }

    /// Returns the interval of a statistic of column sums; `columns` holds each column's sum in each cluster.
    pub(crate) fn interval<const W: usize>(
        &self,
        columns: &[[f64; W]],
        statistic: impl Fn(&[f64; W]) -> Option<f64>,
    ) -> Option<Interval> {
        assert_eq!(columns.len(), self.clusters, "every cluster has its sums");
        let values = self.times.chunks(self.clusters.max(1)).map(|times| {
            let mut sums = [0.0; W];
            for (columns, times) in columns.iter().zip(times) {
                sums.iter_mut().zip(columns).for_each(|(sum, value)| *sum += times * value);
            }
            statistic(&sums)
        });
        percentile(values)
    }
}

/// Returns the 2.5 % and 97.5 % quantiles (linear between order statistics) of the values that are defined; nothing
/// when fewer than half of them are, or when all are alike: then nothing is known of their spread, which is not the same as
/// that there is none.
fn percentile(values: impl Iterator<Item = Option<f64>>) -> Option<Interval> {
    let mut total = 0;
    let mut defined: Vec<f64> =
        values.inspect(|_| total += 1).flatten().filter(|value| value.is_finite()).collect();
    if defined.is_empty() || 2 * defined.len() < total {
        return None;
    }
    defined.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (defined.len() - 1) as f64;
        let (below, above) = (defined[place.floor() as usize], defined[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some(Interval { low: at(0.025), high: at(0.975) }).filter(|interval| interval.high > interval.low)
}

/// Returns the first column over the second.
pub(crate) fn mean(sums: &[f64; 2]) -> Option<f64> {
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_is_the_same_every_time() {
        let (one, other) = (Resamples::new(7, 20), Resamples::new(7, 20));
        assert_eq!(one.times, other.times);
        assert!(one.times.chunks(7).all(|draw| draw.iter().sum::<f64>() == 7.0));
    }

    #[test]
    fn one_cluster_says_nothing_of_its_spread() {
        assert_eq!(Resamples::new(1, 50).interval(&[[30.0, 100.0]], mean), None);
        assert_eq!(Resamples::new(3, 50).interval(&[[1.0, 1.0]; 3], mean), None);
        assert!(Resamples::new(3, 50).interval(&[[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]], mean).is_some());
    }

    #[test]
    fn the_interval_of_independent_rows_is_the_normal_one() {
        // 400 rows, 30 % ones: 0.3 +- 1.96 sqrt(0.3 * 0.7 / 400) = 0.3 +- 0.0449.
        let columns: Vec<[f64; 2]> = (0..400).map(|row| [f64::from(row % 10 < 3), 1.0]).collect();
        let found = Resamples::new(400, 4000).interval(&columns, mean).expect("there are rows");
        assert!((found.low - 0.2551).abs() < 0.006 && (found.high - 0.3449).abs() < 0.006, "{found:?}");
    }

    #[test]
    fn what_is_not_defined_has_no_interval() {
        assert_eq!(Resamples::new(3, 100).interval(&[[1.0, 0.0]; 3], mean), None);
        assert_eq!(Resamples::new(0, 100).interval(&[], mean), None);
    }
}
