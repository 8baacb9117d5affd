//! What a level promises of the held-out rows, in words: the one place where sentences about it are made.

use serde_json::Value;

/// Returns what a reader of a dataset may rely on, and what not.
///
/// `level` is as a definition has it: a name, or a mapping from the name to its parameters. `units` are the units of the
/// tasks (`pair`, `unordered_pair`, `multiset`, `row`, `none`): what a row of each may not share at level `transition`.
#[must_use]
pub fn guarantee<'a>(level: &Value, units: impl IntoIterator<Item = &'a str>) -> String {
    let (name, parameters) = named(level);
    let test = || list(&parameters["test"]);
    let held = match name {
        "random" => {
            return "no row stands in two splits, but its pieces do. A look-up table may score well."
                .to_owned();
        }
        "window" => {
            let terms = match parameters["m"].as_u64() {
                Some(m) => format!("last {m} terms"),
                None => "last terms, as many as the shortest row has,".to_owned(),
            };
            return format!(
                "the {terms} of a test row do not stand side by side in any train or validation row, nor those of a \
                 validation row in any train row. Shorter pieces do."
            );
        }
        "transition" => return transition(units),
        "step" => format!("rows with the parameter {} are test rows", test()),
        "range" => format!("rows with a value of {} or more are test rows", test()),
        "length" => format!("rows of length {} or more are test rows", test()),
        "notation" => format!("rows of more than two terms written in {} are test rows", test()),
        "family" => format!("rows of the family {} are test rows", test()),
        _ => return "a level that is not known here".to_owned(),
    };
    let validation = if parameters["validation"].is_null() {
        "the validation rows are of the trained kinds, and only differ from the train rows as rows"
    } else {
        "the validation rows are held out in the same way, between train and test"
    };
    format!("{held}, and no others; {validation}. Pieces of rows are shared between the splits by design.")
}

/// Returns what has to be known beside a score at this level, where its rows share more with train than their units would
/// allow.
#[must_use]
pub fn caveat(level: &Value) -> Option<String> {
    match named(level).0 {
        "window" => Some(
            "At level window only the last terms of a row are held out together; single pieces of it may stand in training."
                .to_owned(),
        ),
        name @ ("step" | "range" | "length" | "notation" | "family") => Some(format!(
            "At level {name} pieces of rows are shared with training by design: the score is about extrapolation, not about \
             pieces never seen."
        )),
        _ => None,
    }
}

/// Returns the name of a level, and its parameters.
#[must_use]
pub fn named(level: &Value) -> (&str, &Value) {
    match level {
        Value::String(name) => (name, &Value::Null),
        Value::Object(form) => form.iter().next().map_or(("", &Value::Null), |(name, of)| (name, of)),
        _ => ("", &Value::Null),
    }
}

/// What may not be shared, unit by unit.
fn transition<'a>(units: impl IntoIterator<Item = &'a str>) -> String {
    let mut words = Vec::new();
    for unit in units {
        let word = match unit {
            "pair" => "adjacent pair of terms",
            "unordered_pair" => "pair of operands, in either order,",
            "multiset" => "list of values, in any order,",
            "row" => "whole row",
            _ => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let no = match words.split_last() {
        None => "nothing is held out: no task has a unit".to_owned(),
        Some((last, [])) => format!("no {last}"),
        Some((last, before)) => format!("no {} and no {last}", before.join(", no ")),
    };
    if words.is_empty() {
        return no;
    }
    format!(
        "{no} of a test row stands in the train or validation rows, and none of a validation row in the train rows."
    )
}

/// Returns `5`, or `5, 7`.
fn list(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(list).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_promised_is_what_the_unit_is() {
        let of = |units: &[&str]| guarantee(&json!("transition"), units.iter().copied());
        let tail = " of a test row stands in the train or validation rows, and none of a validation row in the train rows.";
        assert_eq!(of(&["pair"]), format!("no adjacent pair of terms{tail}"));
        assert_eq!(of(&["multiset"]), format!("no list of values, in any order,{tail}"));
        assert_eq!(of(&["unordered_pair"]), format!("no pair of operands, in either order,{tail}"));
        assert_eq!(of(&["row"]), format!("no whole row{tail}"));
        assert_eq!(
            of(&["pair", "pair", "multiset"]),
            format!("no adjacent pair of terms and no list of values, in any order,{tail}")
        );
        assert_eq!(of(&["none"]), "nothing is held out: no task has a unit");
        assert!(["multiset", "unordered_pair", "row"].iter().all(|unit| !of(&[unit]).contains("adjacent")));
    }

    #[test]
    fn levels_with_parameters_name_them() {
        let of = |level| guarantee(&level, ["pair"]);
        assert!(of(json!({ "window": { "m": 3 } })).starts_with("the last 3 terms"));
        assert!(of(json!({ "window": {} })).starts_with("the last terms, as many as the shortest row has,"));
        assert!(
            of(json!({ "step": { "test": [5, 7] } }))
                .starts_with("rows with the parameter 5, 7 are test rows")
        );
        assert!(of(json!({ "notation": { "test": ["words"] } })).contains("written in words"));
        let held = of(json!({ "range": { "validation": 800, "test": 900 } }));
        assert!(held.contains("900 or more") && held.contains("held out in the same way"), "{held}");
        assert!(of(json!("random")).starts_with("no row stands in two splits"));
    }

    #[test]
    fn only_levels_that_share_pieces_have_a_caveat() {
        assert_eq!(caveat(&json!("transition")), None);
        assert_eq!(caveat(&json!("random")), None);
        assert!(caveat(&json!({ "step": { "test": [5] } })).is_some_and(|text| text.contains("level step")));
    }
}
