use super::{Class, Memorizer, Method, Targets};

/// A naive-Bayes vote of the symbols at every fixed distance: it combines single pieces, so it can learn a local rule.
pub(super) const SKIP_GRAM: Memorizer = Memorizer {
    name: "skip_gram",
    class: Class::Shallow,
    method: Method::Distances { targets: Targets::All },
};
