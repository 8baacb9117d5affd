use super::estimator::{Estimator, Targets};
use super::memorizer::{Class, Memorizer, Method};

/// A naive-Bayes vote of the symbols at every fixed distance: it combines single features, so it can learn a local rule.
pub(crate) const SKIP_GRAM: Memorizer = Memorizer {
    name: "skip_gram",
    class: Class::Shallow,
    method: Method::Counted(Estimator::NaiveBayes { targets: Targets::All }),
    #[cfg(test)]
    definition: |train, context| super::tests::vote(&super::tests::targets(train, false), context),
};
