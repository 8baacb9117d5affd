//! How memorisers guess the next symbol from counts.

/// What of a prefix is counted in train, and how the counts are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Estimator {
    /// What most often follows the longest suffix of the prefix that train knows, up to this length; of equals the least.
    Backoff { longest: usize, targets: Targets },
    /// A naive-Bayes vote of the symbols at every distance before the target; targets are of [`VOTED`].
    NaiveBayes { targets: Targets },
}

/// Which symbols of train rows count as following a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Targets {
    /// All but the first.
    All,
    /// Those of the answer, each place of it by itself.
    Places,
    /// Those of the answer.
    Answers,
}

/// All kinds of targets, in order.
pub(crate) const TARGETS: [Targets; 3] = [Targets::All, Targets::Places, Targets::Answers];
/// The first ones, which are counted feature by feature.
pub(crate) const VOTED: [Targets; 2] = [Targets::All, Targets::Places];
