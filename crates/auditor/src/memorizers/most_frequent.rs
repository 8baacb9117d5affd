use super::{Class, Memorizer, Method, Targets};

/// The most frequent symbol of all answers.
pub(super) const MOST_FREQUENT: Memorizer = Memorizer {
    name: "most_frequent",
    class: Class::Memory,
    method: Method::Suffix { longest: 0, targets: Targets::Answers },
};
