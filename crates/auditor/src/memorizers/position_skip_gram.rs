use super::estimator::{Estimator, Targets};
use super::memorizer::{Class, Memorizer, Method};

/// The vote of skip-grams, counted for each place of the answer by itself: digits of one place vote together.
pub(crate) const POSITION_SKIP_GRAM: Memorizer = Memorizer {
    name: "position_skip_gram",
    class: Class::Shallow,
    method: Method::Counted(Estimator::NaiveBayes { targets: Targets::Places }),
    #[cfg(test)]
    definition: |train, context| super::tests::vote(&super::tests::targets(train, true), context),
};
