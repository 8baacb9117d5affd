//! What one attention pattern on one row says: scores of the kinds of heads that are known.

use artifact::tables::Token;

/// Returns the scores of one head's pattern (`[query, key]`, `size` tokens) on the tokens of one row, each the mean over the queries for which it is defined.
///
/// `offset=o`: weight on the token o before the query. `previous_token`: the same for o = 1. `duplicate_token`: on
/// earlier occurrences of the query's own token. `same_kind`: on earlier tokens of the query's kind. `to_<kind>`: on
/// tokens of a kind. `entropy`: of the pattern, in bits.
pub(crate) fn scores(weights: &[f32], size: usize, row: &[u16], vocabulary: &[Token]) -> Vec<(String, f64)> {
    let tokens = &row[..size];
    let kinds: Vec<&str> = tokens.iter().map(|&id| vocabulary[usize::from(id)].kind.as_str()).collect();
    let weight = |query: usize, key: usize| f64::from(weights[query * size + key]);
    // Each query's weight on the keys that `on` names; queries without any such key do not count.
    let score = |on: &dyn Fn(usize, usize) -> bool| {
        let of_query = |query: usize| {
            let mut keys = (0..=query).filter(|&key| on(query, key)).peekable();
            keys.peek().is_some().then(|| keys.map(|key| weight(query, key)).sum::<f64>())
        };
        let values: Vec<f64> = (0..size).filter_map(of_query).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let mut scores: Vec<(String, Option<f64>)> = (0..size)
        .map(|offset| (format!("offset={offset}"), score(&|query, key| key + offset == query)))
        .collect();
    scores.push(("previous_token".to_owned(), score(&|query, key| key + 1 == query)));
    scores.push((
        "duplicate_token".to_owned(),
        score(&|query, key| key < query && tokens[key] == tokens[query]),
    ));
    scores.push(("same_kind".to_owned(), score(&|query, key| key < query && kinds[key] == kinds[query])));
    let mut known = kinds.clone();
    known.sort_unstable();
    known.dedup();
    scores.extend(known.into_iter().map(|kind| (format!("to_{kind}"), score(&|_, key| kinds[key] == kind))));
    let bits = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    let entropy =
        (0..size).map(|query| (0..=query).map(|key| bits(weight(query, key))).sum::<f64>()).sum::<f64>();
    scores.push(("entropy".to_owned(), (size > 0).then(|| entropy / size as f64)));
    scores.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens `B 5 7 5`, three digits after BEGIN.
    fn scores_by_name(weights: &[f32]) -> std::collections::BTreeMap<String, f64> {
        let kinds = ["begin", "end", "digit", "digit"];
        let token = |(id, kind): (usize, &&str)| Token {
            token_id: id as i32,
            token: id.to_string(),
            kind: (*kind).to_owned(),
            value: None,
        };
        let vocabulary: Vec<Token> = kinds.iter().enumerate().map(token).collect();
        scores(weights, 4, &[0, 2, 3, 2, 1], &vocabulary).into_iter().collect()
    }

    #[test]
    fn scores_by_hand() {
        let found = scores_by_name(&[
            1.0, 0.0, 0.0, 0.0, //
            0.5, 0.5, 0.0, 0.0, //
            0.25, 0.75, 0.0, 0.0, //
            0.1, 0.2, 0.3, 0.4,
        ]);
        let expected = [
            ("offset=0", (1.0 + 0.5 + 0.0 + 0.4) / 4.0),
            ("offset=1", (0.5 + 0.75 + 0.3) / 3.0),
            ("offset=2", (0.25 + 0.2) / 2.0),
            ("offset=3", 0.1),
            ("previous_token", (0.5 + 0.75 + 0.3) / 3.0),
            // Only the last token stands before, at position 1.
            ("duplicate_token", 0.2),
            // Positions 2 and 3 have earlier digits.
            ("same_kind", (0.75 + 0.5) / 2.0),
            ("to_begin", (1.0 + 0.5 + 0.25 + 0.1) / 4.0),
            ("to_digit", (0.5 + 0.75 + 0.9) / 3.0),
        ];
        for (name, value) in expected {
            assert!((found[name] - value).abs() < 1e-6, "{name}: {} is not {value}", found[name]);
        }
        let bits = |p: f64| -p * p.log2();
        let entropy = (1.0 + bits(0.25) + bits(0.75) + bits(0.1) + bits(0.2) + bits(0.3) + bits(0.4)) / 4.0;
        assert!((found["entropy"] - entropy).abs() < 1e-6);
        assert!(!found.contains_key("to_end"));
    }
}
