use super::estimator::{Estimator, Targets};
use super::memorizer::{Class, Memorizer, Method};

/// The most frequent symbol at this place of the answer.
pub(crate) const POSITION_MOST_FREQUENT: Memorizer = Memorizer {
    name: "position_most_frequent",
    class: Class::Memory,
    method: Method::Counted(Estimator::Backoff { longest: 0, targets: Targets::Places }),
    #[cfg(test)]
    definition: |train, _| super::tests::most_frequent_answer(train),
};
