use super::estimator::{Estimator, Targets};
use super::memorizer::{Class, Memorizer, Method};

/// What most often follows the longest suffix of the prefix that train knows.
pub(crate) const SUFFIX_BACKOFF: Memorizer = Memorizer {
    name: "suffix_backoff",
    class: Class::Memory,
    method: Method::Counted(Estimator::Backoff { longest: usize::MAX, targets: Targets::All }),
    #[cfg(test)]
    definition: |train, context| {
        (0..=context.len()).find_map(|from| super::tests::after(train, &context[from..]))
    },
};
