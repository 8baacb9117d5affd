//! Writes numbers the way a reader wants them; what is no finite number becomes nothing, never `NaN`.

pub(crate) use artifact::number::{NOTHING, count, counted, maybe_share, share, with_interval};

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
