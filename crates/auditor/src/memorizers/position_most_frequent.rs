use super::{Class, Memorizer, Method, Targets};

/// The most frequent symbol at this place of the answer.
pub(super) const POSITION_MOST_FREQUENT: Memorizer = Memorizer {
    name: "position_most_frequent",
    class: Class::Memory,
    method: Method::Suffix { longest: 0, targets: Targets::Places },
};
