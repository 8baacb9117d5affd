use super::estimator::{Estimator, Targets};
use super::memorizer::{Class, Memorizer, Method};

/// What most often follows the last symbol.
pub(crate) const BIGRAM: Memorizer = Memorizer {
    name: "bigram",
    class: Class::Memory,
    method: Method::Counted(Estimator::Backoff { longest: 1, targets: Targets::All }),
    #[cfg(test)]
    definition: |train, context| {
        let last = &context[context.len().saturating_sub(1)..];
        super::tests::after(train, last).or(super::tests::after(train, &[]))
    },
};
