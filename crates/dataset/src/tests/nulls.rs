use super::*;

#[test]
fn what_has_no_number_is_null_and_never_a_number_that_stands_for_none() {
    let sums = json!({ "family": { "addition": { "digits": 2 } }, "notation": { "digits": { "width": 3 } }, "terms": 3 });
    let mut definition = json!({ "tasks": { "sums": sums }, "holdout": { "level": "random" } });
    definition["rows"] = json!({ "train": 500, "validation": 50, "test": 50 });
    for (definition, given) in [(definition, false), (mixed(), true)] {
        let built = build(definition).unwrap();
        assert!(built.splits.iter().flatten().all(|row| row.parameter.is_some() == given));
        assert!(built.vocabulary.iter().all(|token| {
            let counts = ["value", "digit"].contains(&token.kind.as_str());
            token.value == counts.then(|| token.token.parse().unwrap())
        }));
        let swapped = |row: &Counterfactual| ["step_swap", "start_shift"].contains(&row.kind.as_str());
        assert!(!built.counterfactuals.is_empty() || !given);
        assert!(built.counterfactuals.iter().all(|row| row.parameter.is_some() == (given && swapped(row))));
    }
}
