//! Intervals for shares and means whose rows are not independent.
//!
//! Rows of one orbit share their answer's unit (`cluster`). A share has Wilson's interval with the effective number of
//! clusters in place of the number of rows: rows of one cluster count as one, whatever their answers. It is the same at every
//! share, so it is never of zero width, and for one seed more right answers never lower a bound.
//!
//! Of means, differences and indices whole clusters are drawn, never single rows. Seeds and clusters are crossed, not nested:
//! every seed answers the same rows. Over seeds both are drawn at once, seeds with replacement and the same clusters for each
//! of them (the pigeonhole bootstrap, Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)).

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use stream::RngCore;

/// What a 95 % interval leaves out on both sides together.
pub(crate) const ALPHA: f64 = 0.05;

/// Fewer effective clusters than this bear little: it is said wherever a number rests on them.
pub(crate) const FEW: f64 = 20.0;

/// Fewer effective clusters than this say nothing of a difference between seeds.
const PAIRED: f64 = 10.0;

/// An interval.
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

/// The clusters that some rows are in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Clusters {
    /// How many of them hold any.
    pub(crate) held: u64,
    /// How many of equal size they count as: (sum n)^2 / sum n^2 (Kish 1965, "Survey Sampling"); 0 without rows.
    pub(crate) effective: f64,
}

impl Clusters {
    /// Counts clusters of these sizes.
    pub(crate) fn of(sizes: impl Iterator<Item = f64>) -> Clusters {
        let (mut held, mut sum, mut squares) = (0, 0.0, 0.0);
        for size in sizes.filter(|size| *size > 0.0) {
            held += 1;
            sum += size;
            squares += size * size;
        }
        Clusters { held, effective: if held > 0 { sum * sum / squares } else { 0.0 } }
    }
}

/// Returns the Wilson score interval (Wilson 1927) of a share of so many independent answers; nothing when there are none.
/// `alpha` is what it leaves out on both sides together.
pub(crate) fn wilson(share: f64, n: f64, alpha: f64) -> Option<Interval> {
    if n <= 0.0 || !share.is_finite() {
        return None;
    }
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
pub(crate) fn difference(one: (f64, Interval), other: (f64, Interval)) -> Interval {
    let ((a, of_a), (b, of_b)) = (one, other);
    let low = a - b - (a - of_a.low).hypot(of_b.high - b);
    let high = a - b + (of_a.high - a).hypot(b - of_b.low);
    Interval { low: low.max(-1.0), high: high.min(1.0) }
}

/// Returns the quantile of the standard normal distribution that leaves out half of `alpha` above it.
fn normal(alpha: f64) -> f64 {
    Normal::standard().inverse_cdf(1.0 - alpha / 2.0)
}

/// A difference with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    pub(crate) value: f64,
    pub(crate) interval: Interval,
}

/// Returns the difference of two shares of the same rows, with an interval that holds for `comparisons` of them at once
/// (Bonferroni); nothing below 10 effective clusters. Each cluster is given by both counts and the number of its rows.
///
/// The interval is Student's of the ratio of two sums over clusters, linearised (Cochran 1977, "Sampling Techniques", 6.3),
/// with one degree of freedom less than there are effective clusters: a bootstrap does not reach so far into the tails. Where
/// every cluster differs alike, which does not make all others differ so, it is Newcombe's of two independent shares.
pub(crate) fn paired(clusters: &[[f64; 3]], comparisons: usize) -> Option<Difference> {
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
        return Some(Difference { value, interval: difference(of(one / rows)?, of(other / rows)?) });
    }
    let student = StudentsT::new(0.0, 1.0, counted.effective - 1.0).ok()?;
    let reach = error * student.inverse_cdf(1.0 - alpha / 2.0);
    let interval = Interval { low: (value - reach).max(-1.0), high: (value + reach).min(1.0) };
    Some(Difference { value, interval })
}

/// Returns how large a share of new seeds may differ from seeds that are all alike, at 95 %: 1 - 0.05^(1/seeds).
pub(crate) fn may_differ(seeds: usize) -> f64 {
    1.0 - ALPHA.powf(1.0 / seeds.max(1) as f64)
}

/// Column sums over the rows of one bootstrap draw.
pub(crate) type Draws<const W: usize> = Vec<[f64; W]>;

/// Returns, for each draw, the column sums over as many clusters as there are, drawn with replacement.
///
/// `clusters` holds the column sums of each cluster. The same `stream` draws the same clusters, so that results on
/// the same rows are paired draw by draw.
pub(crate) fn draw_clusters<const W: usize>(clusters: &[[f64; W]], draws: u32, stream: u64) -> Draws<W> {
    let mut random = stream::generator("evaluator/bootstrap/clusters", &[stream]);
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
    let mut random = stream::generator("evaluator/bootstrap/seeds", &[]);
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

/// Returns the quantiles (linear between order statistics) of the statistic over the draws in which it is defined that leave
/// out half of `alpha` on either side; nothing when it is not defined in more than one draw of a hundred, since those that are
/// left would be chosen by what is asked.
pub(crate) fn percentile(values: impl IntoIterator<Item = Option<f64>>, alpha: f64) -> Option<Interval> {
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

/// Returns `(accuracy - memory) / (1 - memory)`; nothing ("not measurable") where memory alone is above [`MEASURABLE`].
pub(crate) fn rule_index(accuracy: f64, memory: f64) -> Option<f64> {
    (memory <= MEASURABLE).then(|| (accuracy - memory) / (1.0 - memory))
}

/// Above this share of a look-up table no rule can be told from memory.
pub(crate) const MEASURABLE: f64 = 0.95;

/// Adds `weight` times the one to the other, column by column.
pub(crate) fn add<const W: usize>(sums: &mut [f64; W], more: &[f64; W], weight: f64) {
    for (sum, value) in sums.iter_mut().zip(more) {
        *sum += weight * value;
    }
}

/// Draws a number below `n`.
fn below(random: &mut impl RngCore, n: usize) -> usize {
    stream::below(random.next_u64(), n as u64) as usize
}

#[cfg(test)]
mod tests;
