//! The list of families: one file and one line each.

use crate::{rule::Rule, tagged::tagged};

mod addition;
mod arithmetic;
mod cyclic;
mod fibonacci;
mod geometric;
mod modular;
mod modular_addition;
mod ordering;
mod random;
mod sort;
mod successor_pairs;

tagged! {
    /// A rule with its parameters, as a definition names it.
    Family, FAMILIES, "family", Rule;
    "addition" Addition(addition::Addition) r#"{"digits":2}"# "Adds two operands.";
    "arithmetic" Arithmetic(arithmetic::Arithmetic) r#"{"steps":[1,-3]}"# "Adds the same step again and again.";
    "cyclic" Cyclic(cyclic::Cyclic) r#"{"cycle":"days","steps":[1,-2]}"# "Steps round a cycle of months, days, letters or so many values.";
    "fibonacci" Fibonacci(fibonacci::Fibonacci) "{}" "Adds the two terms before.";
    "geometric" Geometric(geometric::Geometric) r#"{"ratios":[2,-3]}"# "Multiplies by the same ratio again and again.";
    "modular" Modular(modular::Modular) r#"{"modulus":10,"steps":[3,-1]}"# "Adds the same step, or multiplies by the same ratio, modulo a number.";
    "modular_addition" ModularAddition(modular_addition::ModularAddition) r#"{"modulus":7}"# "Adds two operands modulo a number.";
    "ordering" Ordering(ordering::Ordering) r#"{"symbols":9,"seed":7}"# "Goes on with the next symbol of a hidden order.";
    "random" Random(random::Random) "{}" "Goes on with an answer that only memory can give: the control.";
    "sort" Sort(sort::Sort) r#"{"repeats":true}"# "Sorts a list; the answer is the whole sorted list.";
    "successor_pairs" SuccessorPairs(successor_pairs::SuccessorPairs) "{}" "Goes on with the next number, in rows of two terms.";
}
