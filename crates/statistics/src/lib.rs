//! Intervals, resampling and corrections for many tests, of rows that are not independent.
//!
//! Rows of one orbit share their answer's unit (`cluster`). A share has Wilson's interval with the effective number of
//! clusters in place of the number of rows: rows of one cluster count as one, whatever their answers. It is the same at every
//! share, so it is never of zero width, and for one seed more right answers never lower a bound.
//!
//! Of means, differences and indices whole clusters are drawn, never single rows. Seeds and clusters are crossed, not nested:
//! every seed answers the same rows. Over seeds both are drawn at once, seeds with replacement and the same clusters for each
//! of them (the pigeonhole bootstrap, Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)).
//!
//! * [`Interval`]: [`wilson`], [`newcombe`], [`percentile`]; [`may_differ`].
//! * [`Clusters`]: how many rows there are in effect; [`paired`]: a difference on the same clusters.
//! * [`draw_clusters`], [`draw_seeds`], [`Resamples`]: the bootstrap, from a key that the caller names.
//! * [`holm`]: many tests at once.
//!
//! Everything here is a pure function of numbers; nothing knows a file or a model.

mod cluster;
mod holm;
mod interval;
mod resample;

pub use cluster::{Clusters, Difference, PAIRED, paired};
pub use holm::holm;
pub use interval::{ALPHA, Interval, may_differ, newcombe, percentile, wilson};
pub use resample::{Draws, Resamples, add, draw_clusters, draw_seeds, mean, sums};
