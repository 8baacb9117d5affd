//! Writes numbers the way a reader wants them; what is no finite number becomes nothing, never `NaN`.

/// What stands where a table has null.
pub(crate) const NOTHING: &str = "–";

/// Returns a share or an index with three decimals; a value that only rounds to 0 or 1 says so.
pub(crate) fn share(value: f64) -> String {
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
pub(crate) fn maybe_share(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), share)
}

/// Returns `0.998 [0.995, 0.999]`, without the brackets where there is no interval.
pub(crate) fn with_interval(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> String {
    match (value, low, high) {
        (Some(value), Some(low), Some(high)) => format!("{} [{}, {}]", share(value), share(low), share(high)),
        _ => maybe_share(value),
    }
}

/// Returns an integer with thin groups of three: `1,102`.
pub(crate) fn count(value: i64) -> String {
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
pub(crate) fn counted(value: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// Returns a number of steps, which as a median may be half a one: `9,800`, `150.5`.
pub(crate) fn steps(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let whole = count(value.trunc() as i64);
    let tenths = (value.fract().abs() * 10.0).round();
    if tenths == 0.0 { whole } else { format!("{whole}.{tenths}") }
}

/// Returns a ratio: `8.1×`.
pub(crate) fn times(value: f64) -> String {
    let rounded = significant(value, if value.abs() < 100.0 { 2 } else { 3 });
    rounded.map_or_else(|| NOTHING.to_owned(), |value| format!("{value}×"))
}

/// Returns `value` rounded to `digits` significant digits, for the embedded JSON; `None` for what is not finite.
pub(crate) fn significant(value: f64, digits: usize) -> Option<f64> {
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Returns where on an axis from 0 to 1 a value lies, in percent, kept inside.
pub(crate) fn position(value: f64) -> f64 {
    if value.is_finite() { (value.clamp(0.0, 1.0) * 1e4).round() / 1e2 } else { 0.0 }
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

    #[test]
    fn steps_and_ratios() {
        let cases = [0.0, 9800.0, 150.5, -40.0, f64::NAN].map(steps);
        assert_eq!(cases, ["0", "9,800", "150.5", "−40", "–"]);
        assert_eq!([8.125, 33.3, 1.0, 123.4, f64::INFINITY].map(times), ["8.1×", "33×", "1×", "123×", "–"]);
    }

    #[test]
    fn significant_digits_and_positions_stay_finite() {
        assert_eq!(significant(0.123_456, 3), Some(0.123));
        assert_eq!(significant(98_765.0, 2), Some(99_000.0));
        assert_eq!(significant(f64::NAN, 3), None);
        assert_eq!(significant(f64::NEG_INFINITY, 3), None);
        assert_eq!(
            (position(f64::NAN), position(-3.0), position(0.12345), position(7.0)),
            (0.0, 0.0, 12.35, 100.0)
        );
    }
}
