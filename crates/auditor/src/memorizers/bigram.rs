use super::{Class, Memorizer, Method, Targets};

/// What most often follows the last symbol.
pub(super) const BIGRAM: Memorizer = Memorizer {
    name: "bigram",
    class: Class::Memory,
    method: Method::Suffix { longest: 1, targets: Targets::All },
};
