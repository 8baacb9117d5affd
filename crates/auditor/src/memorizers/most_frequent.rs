use super::estimator::{Estimator, Targets};
use super::memorizer::{Class, Memorizer, Method};

/// The most frequent symbol of all answers.
pub(crate) const MOST_FREQUENT: Memorizer = Memorizer {
    name: "most_frequent",
    class: Class::Memory,
    method: Method::Counted(Estimator::Backoff { longest: 0, targets: Targets::Answers }),
    #[cfg(test)]
    definition: |train, _| super::tests::most_frequent_answer(train),
};
