//! The list of families: one file and one line each.

use crate::{rule::Rule, tagged::tagged};

pub(crate) mod arithmetic;
pub(crate) mod geometric;
pub(crate) mod random;

tagged! {
    /// A rule with its parameters, as a definition names it.
    Family, FAMILIES, "family", Rule;
    "arithmetic" Arithmetic(arithmetic::Arithmetic) r#"{"steps":[1,-3]}"# "Adds the same step again and again.";
    "geometric" Geometric(geometric::Geometric) r#"{"ratios":[2,-3]}"# "Multiplies by the same ratio again and again.";
    "random" Random(random::Random) "{}" "Goes on with an answer that only memory can give: the control.";
}
