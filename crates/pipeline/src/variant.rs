//! What a run that changes values of its definition is called.

use std::collections::BTreeMap;

use serde_json::Value;

/// A longer name ends in a digest.
const LONGEST: usize = 80;

/// Returns `@train.seeds=4,train.steps=500` for the `sets` (full path and words of each) that changed `before` into `after`; empty where
/// they changed nothing.
pub(crate) fn variant(before: &Value, after: &Value, sets: &[(String, String)]) -> String {
    let mut parts = BTreeMap::new();
    for (path, words) in sets {
        let value = words.split_once('=').map_or("", |(_, value)| value).trim();
        if at(before, path) != at(after, path) && path != "name" {
            parts.insert(short(path), (value, at(after, path)));
        }
    }
    if parts.is_empty() {
        return String::new();
    }
    let words: Vec<String> = parts.iter().map(|(path, (value, _))| format!("{path}={value}")).collect();
    let words = words.join(",");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-' | '=' | ',');
    if words.chars().all(plain) && words.len() <= LONGEST {
        return format!("@{words}");
    }
    let start: String = words.chars().map(|c| if plain(c) { c } else { '_' }).take(LONGEST - 17).collect();
    let values = serde_json::to_vec(&parts).expect("text and values are JSON");
    format!("@{start}-{}", &blake3::hash(&values).to_hex()[..16])
}

/// Returns a path as it is typed: `train.steps` for `stages.train.train.steps`.
fn short(path: &str) -> String {
    let Some(rest) = path.strip_prefix("stages.") else { return path.to_owned() };
    let mut parts = rest.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(stage), Some(_), Some(inner)) => format!("{stage}.{inner}"),
        _ => rest.to_owned(),
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(sets: &[&str]) -> String {
        let before = json!({ "stages": { "train": { "fit": { "steps": 1, "l": [1, 2] } } } });
        let mut after = before.clone();
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let sets = crate::set::apply(&mut after, &sets).expect("it can be set");
        variant(&before, &after, &sets.sets)
    }

    #[test]
    fn a_variant_is_called_after_what_it_changes() {
        assert_eq!(named(&[]), "");
        assert_eq!(named(&["train.steps=1", "train.l[0]=1"]), "", "nothing is changed");
        assert_eq!(named(&["train.steps=4"]), "@train.steps=4");
        assert_eq!(
            named(&["stages.train.fit.steps=3", "train.l[1]=5", "train.steps=4"]),
            "@train.l.1=5,train.steps=4"
        );
        let odd = named(&["train.steps={ a: 1/2 }"]);
        assert!(odd.starts_with("@train.steps=__a__1_2__-") && odd.len() < 100, "{odd}");
        assert_ne!(odd, named(&["train.steps={ a: 1:2 }"]));
        let long = format!("train.steps={}", "9".repeat(300));
        assert!(named(&[&long]).len() <= LONGEST + 1);
    }
}
