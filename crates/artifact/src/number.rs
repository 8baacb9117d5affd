//! Writes shares and counts the way a reader wants them; what is no finite number becomes nothing, never `NaN`.

/// What stands where a table has null.
pub const NOTHING: &str = "–";

/// Returns a share or an index with three decimals; a value that only rounds to 0 or 1 says so.
#[must_use]
pub fn share(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    // What is left of a subtraction in floating point is 0.
    let value = if value.abs() < 1e-9 { 0.0 } else { value };
    let rounded = format!("{:.3}", value.abs());
    let sign = if value < 0.0 && rounded != "0.000" { "−" } else { "" };
    match rounded.as_str() {
        "0.000" if value > 0.0 => "<0.001".to_owned(),
        "0.000" if value < 0.0 => ">−0.001".to_owned(),
        "1.000" if value.abs() < 1.0 => if value > 0.0 { ">0.999" } else { "<−0.999" }.to_owned(),
        _ => format!("{sign}{rounded}"),
    }
}

/// As [`share`], with [`NOTHING`] for null.
#[must_use]
pub fn maybe_share(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), share)
}

/// Returns `0.998 [0.995, 0.999]`, without the brackets where there is no interval.
#[must_use]
pub fn with_interval(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> String {
    match (value, low, high) {
        (Some(value), Some(low), Some(high)) => format!("{} [{}, {}]", share(value), share(low), share(high)),
        _ => maybe_share(value),
    }
}

/// Returns an integer with thin groups of three: `1,102`.
#[must_use]
pub fn count(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0 { format!("−{text}") } else { text }
}

/// Returns `1 row`, `2 rows`.
#[must_use]
pub fn counted(value: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_claim_what_rounding_made() {
        let cases = [
            (1.0, "1.000"),
            (0.9999, ">0.999"),
            (0.0, "0.000"),
            (-0.0, "0.000"),
            (-1e-17, "0.000"),
            (0.0001, "<0.001"),
            (-0.0001, ">−0.001"),
            (-0.0123, "−0.012"),
            (-1.5, "−1.500"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1000, -1234567].map(count), ["0", "999", "1,000", "−1,234,567"]);
        assert_eq!(count(i64::MIN), "−9,223,372,036,854,775,808");
        assert_eq!((counted(1, "row"), counted(2, "seed")), ("1 row".into(), "2 seeds".into()));
    }
}
