use super::{Class, Memorizer, Method, Targets};

/// The vote of skip-grams, counted for each place of the answer by itself: digits of one place vote together.
pub(super) const POSITION_SKIP_GRAM: Memorizer = Memorizer {
    name: "position_skip_gram",
    class: Class::Shallow,
    method: Method::Distances { targets: Targets::Places },
};
