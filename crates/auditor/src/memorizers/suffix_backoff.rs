use super::{Class, Memorizer, Method, Targets};

/// What most often follows the longest suffix of the prefix that train knows.
pub(super) const SUFFIX_BACKOFF: Memorizer = Memorizer {
    name: "suffix_backoff",
    class: Class::Memory,
    method: Method::Suffix { longest: usize::MAX, targets: Targets::All },
};
