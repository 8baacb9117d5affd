use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::interval::{ALPHA, Interval, newcombe, wilson};

/// Fewer effective clusters than this say nothing of a difference on the same clusters.
pub const PAIRED: f64 = 10.0;

/// The clusters that some rows are in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clusters {
    /// How many of them hold any.
    pub held: u64,
    /// How many of equal size they count as: (sum n)^2 / sum n^2 (Kish 1965, "Survey Sampling"); 0 without rows.
    pub effective: f64,
}

impl Clusters {
    /// Counts clusters of these sizes.
    pub fn of(sizes: impl Iterator<Item = f64>) -> Clusters {
        let (mut held, mut sum, mut squares) = (0, 0.0, 0.0);
        for size in sizes.filter(|size| *size > 0.0) {
            held += 1;
            sum += size;
            squares += size * size;
        }
        Clusters { held, effective: if held > 0 { sum * sum / squares } else { 0.0 } }
    }
}

/// A difference with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// One minus the other.
    pub value: f64,
    /// Where it lies.
    pub interval: Interval,
}

impl Difference {
    /// Returns the other minus the one.
    #[must_use]
    pub fn negative(self) -> Difference {
        let Interval { low, high } = self.interval;
        Difference { value: -self.value, interval: Interval { low: -high, high: -low } }
    }
}

/// Returns the difference of two shares of the same rows, with an interval that holds for `comparisons` of them at once
/// (Bonferroni); nothing below 10 effective clusters. Each cluster is given by both counts and the number of its rows.
///
/// The interval is Student's of the ratio of two sums over clusters, linearised (Cochran 1977, "Sampling Techniques", 6.3),
/// with one degree of freedom less than there are effective clusters: a bootstrap does not reach so far into the tails. Where
/// every cluster differs alike, which does not make all others differ so, it is Newcombe's of two independent shares.
#[must_use]
pub fn paired(clusters: &[[f64; 3]], comparisons: usize) -> Option<Difference> {
    let counted = Clusters::of(clusters.iter().map(|[.., rows]| *rows));
    if counted.effective < PAIRED {
        return None;
    }
    let sum = |column: usize| clusters.iter().map(|cluster| cluster[column]).sum::<f64>();
    let (one, other, rows, held) = (sum(0), sum(1), sum(2), counted.held as f64);
    let (value, alpha) = ((one - other) / rows, ALPHA / comparisons.max(1) as f64);
    let residuals: f64 = clusters.iter().map(|[one, other, n]| (one - other - value * n).powi(2)).sum();
    let error = (residuals * held / (held - 1.0)).sqrt() / rows;
    if error < 1e-12 {
        let of = |share: f64| Some((share, wilson(share, counted.effective, alpha)?));
        return Some(Difference { value, interval: newcombe(of(one / rows)?, of(other / rows)?) });
    }
    let student = StudentsT::new(0.0, 1.0, counted.effective - 1.0).ok()?;
    let reach = error * student.inverse_cdf(1.0 - alpha / 2.0);
    let interval = Interval { low: (value - reach).max(-1.0), high: (value + reach).min(1.0) };
    Some(Difference { value, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn clusters_count_as_many_of_equal_size() {
        let of = |sizes: &[f64]| Clusters::of(sizes.iter().copied());
        assert_eq!(of(&[]), Clusters { held: 0, effective: 0.0 });
        assert_eq!(of(&[1.0; 30]), Clusters { held: 30, effective: 30.0 });
        assert_eq!(of(&[5.0; 4]), Clusters { held: 4, effective: 4.0 });
        // 101 rows in two clusters, one of which holds 100: hardly more than one.
        let found = of(&[100.0, 1.0, 0.0]);
        assert_eq!(found.held, 2);
        assert!(close(found.effective, 101.0 * 101.0 / 10_001.0), "{found:?}");
    }

    #[test]
    fn a_paired_difference_is_that_of_a_paired_t_test() {
        // Twelve clusters of one row. scipy.stats.ttest_rel(x, [0] * 12).confidence_interval() of the same differences:
        // mean 0.25, standard error 0.17944, t(11) at 0.975 = 2.20099.
        let differences = [1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        let clusters: Vec<[f64; 3]> =
            differences.iter().map(|d: &f64| [d.max(0.0), (-d).max(0.0), 1.0]).collect();
        let found = paired(&clusters, 1).expect("twelve clusters are enough");
        assert!(close(found.value, 0.25));
        assert!((found.interval.high - (0.25 + 2.200_985 * 0.179_435)).abs() < 1e-5, "{found:?}");
        assert_eq!(found.negative().negative(), found);
        assert!(found.negative().interval.low < 0.0 && found.negative().value < 0.0);
        // Many comparisons at once ask for more, and too few clusters say nothing.
        let of_many = paired(&clusters, 28).expect("twelve clusters are enough");
        assert!(of_many.interval.low < found.interval.low && of_many.interval.high > found.interval.high);
        assert_eq!(paired(&clusters[..9], 1), None);
        let lopsided: Vec<[f64; 3]> = (0..12).map(|c| [0.0, 0.0, if c == 0 { 500.0 } else { 1.0 }]).collect();
        assert_eq!(paired(&lopsided, 1), None);
        // One all right, the other all wrong, cluster by cluster: that is no certainty about others.
        let opposite = paired(&[[3.0, 0.0, 3.0]; 12], 28).expect("twelve clusters are enough");
        assert_eq!(opposite.value, 1.0);
        assert!(opposite.interval.low > 0.0 && opposite.interval.low < 0.6, "{opposite:?}");
    }
}
