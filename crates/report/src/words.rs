//! Says config values and rows as people read them.

use serde_json::Value;

/// Writes a config value in one line: `geometric (ratio 2)`, `min 1, max 4999`, `5`.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(map) => match map.iter().next() {
            Some((name, inner @ Value::Object(fields))) if map.len() == 1 => {
                if fields.is_empty() {
                    name.clone()
                } else {
                    format!("{name} ({})", brief(inner))
                }
            }
            _ => map
                .iter()
                .map(|(name, inner)| format!("{name} {}", brief(inner)))
                .collect::<Vec<_>>()
                .join(", "),
        },
        other => other.to_string(),
    }
}

/// Splits a row's text into what is shown and the answer: behind `MID` all terms of a sorted list, else the last term.
/// Number words, which have spaces of their own, are divided by semicolons.
pub(crate) fn halves(text: &str) -> (String, String) {
    if let Some((list, sorted)) = text.split_once(" MID ") {
        return (format!("{list} MID"), sorted.to_owned());
    }
    let cut = text.rsplit_once("; ").or_else(|| text.rsplit_once(' '));
    let (context, answer) = cut.unwrap_or(("", text));
    (context.to_owned(), answer.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configs_are_written_in_one_line() {
        assert_eq!(brief(&json!({"geometric": {"ratio": 2}})), "geometric (ratio 2)");
        assert_eq!(
            brief(&json!({"digits": {"width": 5, "order": "least_first"}})),
            "digits (width 5, order least_first)"
        );
        assert_eq!(brief(&json!({"min": 1, "max": 4999})), "min 1, max 4999");
        assert_eq!(brief(&json!([1, 2])), "1, 2");
        assert_eq!(brief(&json!({"numeral": {}})), "numeral");
        assert_eq!(brief(&json!({})), "");
    }

    #[test]
    fn the_answer_is_what_the_row_ends_with() {
        let halves = |text: &str| {
            let (context, answer) = halves(text);
            format!("{context}|{answer}")
        };
        assert_eq!(halves("2 4 6 8"), "2 4 6|8");
        assert_eq!(halves("twenty-one; twenty-two; twenty-three"), "twenty-one; twenty-two|twenty-three");
        let large = "one thousand, one hundred";
        assert_eq!(halves(&format!("{large}; {large} and two")), format!("{large}|{large} and two"));
        assert_eq!(halves("7 PLUS 99 EQUALS 106"), "7 PLUS 99 EQUALS|106");
        assert_eq!(halves("3 1 2 MID 1 2 3"), "3 1 2 MID|1 2 3");
        assert_eq!(halves("8"), "|8");
        assert_eq!(halves(""), "|");
    }
}
