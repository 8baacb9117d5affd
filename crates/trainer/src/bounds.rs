//! Which numbers of a definition can be computed with.

/// What is computed with in 32 bits, with room for a product: nothing becomes 0 or infinite by being read.
pub(crate) const COMPUTABLE: (f64, f64) = (1e-30, 1e30);

/// Returns what is expected of a number that is not between two bounds above 0, both included; nothing of one that is.
pub(crate) fn expected(value: f64, (least, most): (f64, f64)) -> Option<String> {
    match value > 0.0 {
        true if (least..=most).contains(&value) => None,
        true => Some(format!("from {} to {}", number(least), number(most))),
        false => Some("a positive number".to_owned()),
    }
}

/// Returns a number as text that stays short.
pub(crate) fn number(value: f64) -> String {
    let plain = value == 0.0 || (1e-4..1e9).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}
