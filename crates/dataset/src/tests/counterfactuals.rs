//! Corrupted rows, checked by an oracle that has the written files alone.

use super::*;

/// The values that a row's tokens write, by the vocabulary of the dataset.
fn read(built: &Built, tokens: &[u16], notation: &Value) -> Vec<i64> {
    let least_first = notation["digits"]["order"] == json!("least_first");
    let of = |id: u16| &built.vocabulary[usize::from(id)];
    let written = |id: &u16| matches!(of(*id).kind.as_str(), "value" | "digit");
    let groups: Vec<&[u16]> = match notation.get("digits") {
        None if notation == "numeral" => tokens.chunks(1).filter(|group| written(&group[0])).collect(),
        _ => tokens
            .chunk_by(|one, other| written(one) == written(other))
            .filter(|group| written(&group[0]))
            .collect(),
    };
    let value = |group: &[u16]| {
        let mut digits: Vec<i64> = group.iter().map(|&id| of(id).value.unwrap()).collect();
        if least_first {
            digits.reverse();
        }
        digits.into_iter().reduce(|value, digit| value * 10 + digit).unwrap()
    };
    groups.into_iter().map(value).collect()
}

/// What is wrong with a corrupted row; `pairs` are the transitions of all written rows whose units are pairs.
fn violations(
    built: &Built,
    definition: &Value,
    pairs: &BTreeSet<(i64, i64)>,
    clean: &Example,
    row: &Counterfactual,
) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: &'static str| {
        if !holds {
            wrong.push(what);
        }
    };
    let (start, place, terms) = (clean.answer_start as usize, row.position as usize, &row.terms);
    let context = clean.terms.len() - 1;
    let kinds = |tokens: &[u16]| {
        tokens.iter().map(|&id| built.vocabulary[usize::from(id)].kind.clone()).collect::<Vec<_>>()
    };
    expect(kinds(&row.tokens) == kinds(&clean.tokens), "its tokens do not stand where the clean row's do");
    let notation = &definition["tasks"][&clean.task]["notation"];
    expect(read(built, &row.tokens, notation) == *terms, "tokens and terms differ");
    let edited: Vec<i64> =
        (0..context as i64).filter(|&i| terms[i as usize] != clean.terms[i as usize]).collect();
    expect(row.edited == edited && !edited.is_empty(), "the edit is recorded wrongly");
    expect(terms[context] != clean.terms[context], "it has the right answer");
    expect(
        place >= start && row.tokens[start..place] == clean.tokens[start..place],
        "the answers differ before",
    );
    expect(i32::from(clean.tokens[place]) == row.answer_token, "another token is right");
    expect(i32::from(row.tokens[place]) == row.counterfactual_token, "another token is its own");
    expect(row.answer_token != row.counterfactual_token, "both tokens are one");
    let right = clean.terms[context];
    for last in [terms[context - 1], terms[context]] {
        expect(!pairs.contains(&(last, right)), "its last term is followed by the right answer in some row");
        expect(
            clean.family == "random" || !steps(definition, last, right),
            "a rule goes on with the right answer",
        );
    }
    let follows = |parameter: Option<i64>| {
        parameter.is_some_and(|parameter| {
            terms.windows(2).all(|pair| match clean.family.as_str() {
                "arithmetic" => pair[0] + parameter == pair[1],
                _ => pair[0] * parameter == pair[1],
            })
        })
    };
    let sorted = |terms: &[i64]| {
        let mut terms = terms[..context].to_vec();
        terms.sort_unstable();
        terms
    };
    match row.kind.as_str() {
        "step_swap" => {
            expect(
                row.parameter != clean.parameter && follows(row.parameter),
                "it does not go by its parameter",
            );
            expect(terms[0] == clean.terms[0], "it begins elsewhere");
        }
        "start_shift" => {
            // A row of the random family has no rule to go by.
            expect(clean.family == "random" || follows(row.parameter), "it does not go by its parameter");
            expect(row.parameter == clean.parameter, "its parameter is another");
        }
        copied => {
            expect(row.parameter.is_none() && terms[context - 1] == terms[context], "it is not copied");
            expect(copied != "shuffle" || sorted(terms) == sorted(&clean.terms), "it has other terms");
            expect(
                copied != "repeat_last" || terms.iter().all(|term| *term == terms[0]),
                "it does not repeat",
            );
            expect(copied != "one_edit" || edited.len() == 1, "more than one term was edited");
        }
    }
    wrong
}

/// Says whether a rule of the definition goes from one value to the other, by arithmetic.
fn steps(definition: &Value, from: i64, to: i64) -> bool {
    definition["tasks"].as_object().unwrap().values().any(|task| {
        let family: sequence::Family = serde_json::from_value(task["family"].clone()).unwrap();
        let inside = |word: &str| {
            task.get(word).is_none_or(|range| {
                (range["min"].as_i64().unwrap()..=range["max"].as_i64().unwrap()).contains(&from)
            })
        };
        family.parameters().into_iter().any(|parameter| match family.name() {
            "arithmetic" => from + parameter == to && inside("values") && inside("start"),
            "geometric" => from * parameter == to && inside("values") && inside("start"),
            _ => false,
        })
    })
}

#[test]
fn every_corrupted_row_keeps_what_it_has_to() {
    let all = ["one_edit", "random_members", "repeat_last", "shuffle", "start_shift", "step_swap"];
    // One ratio cannot be swapped; wider rows of one rule hardly ever can be shuffled away from its transitions.
    let without = |kind: &str| all.into_iter().filter(|other| *other != kind).collect::<Vec<_>>();
    for (definition, kinds) in [
        (x2(), without("step_swap")),
        (plus2(2), all.to_vec()),
        (plus2(20), all.to_vec()),
        (random(), without("step_swap")),
        (mixed(), all.to_vec()),
    ] {
        let built = build(definition.clone()).unwrap();
        let rows: HashMap<i64, &Example> =
            built.splits[1..].iter().flatten().map(|row| (row.example_id, row)).collect();
        let with_pairs = built.splits.iter().flatten().filter(|row| row.unit == "pair");
        let pairs: BTreeSet<(i64, i64)> = with_pairs
            .flat_map(|row| row.terms.windows(2).map(|w| (w[0], w[1])).collect::<Vec<_>>())
            .collect();
        let mut made: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &built.counterfactuals {
            let clean = rows[&row.example_id];
            let wrong = violations(&built, &definition, &pairs, clean, row);
            assert!(wrong.is_empty(), "{:?} as {:?} ({}): {wrong:?}", clean.terms, row.terms, row.kind);
            *made.entry(&row.kind).or_default() += 1;
        }
        assert_eq!(made.keys().copied().collect::<Vec<_>>(), kinds, "{made:?}");
        assert!(made.values().all(|&n| n * 4 > rows.len()), "{made:?} of {} rows", rows.len());
        // A pure function of seed, row, kind and copy: fewer kinds or fewer rows change nothing about the others.
        let mut fewer = definition.clone();
        fewer["counterfactuals"] = json!({ "kinds": ["one_edit", "random_members"] });
        let mut kept: Vec<Counterfactual> = built
            .counterfactuals
            .into_iter()
            .filter(|row| ["one_edit", "random_members"].contains(&row.kind.as_str()))
            .collect();
        let mut again = build(fewer).unwrap().counterfactuals;
        again.sort_by(|one, other| other.kind.cmp(&one.kind));
        kept.sort_by(|one, other| other.kind.cmp(&one.kind));
        assert_eq!(again, kept);
    }
}

#[test]
fn sums_and_sorted_lists_go_on_by_their_rule() {
    let task = |family: Value, more: Value| {
        let mut task = json!({ "family": family });
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "tasks": { "a": task }, "rows": { "train": 2000, "validation": 60, "test": 120 }, "holdout": { "min_seen": 0 } })
    };
    let list = json!({ "values": { "min": 0, "max": 20 }, "terms": 8, "notation": "numeral" });
    for definition in [
        task(json!({ "addition": { "digits": 2 } }), json!({ "notation": { "digits": { "width": 3 } } })),
        task(json!({ "modular_addition": { "modulus": 97 } }), json!({ "notation": "numeral" })),
        task(json!({ "sort": { "repeats": false } }), list),
    ] {
        let built = build(definition.clone()).unwrap();
        let rows: HashMap<i64, &Example> =
            built.splits[1..].iter().flatten().map(|row| (row.example_id, row)).collect();
        let mut made: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &built.counterfactuals {
            let clean = rows[&row.example_id];
            let context = if clean.family == "sort" { clean.terms.len() / 2 } else { 2 };
            let (shown, answer) = row.terms.split_at(context);
            let right = match clean.family.as_str() {
                "addition" => vec![shown[0] + shown[1]],
                "modular_addition" => vec![(shown[0] + shown[1]) % 97],
                _ => {
                    let mut sorted = shown.to_vec();
                    sorted.sort_unstable();
                    sorted.dedup();
                    sorted
                }
            };
            assert_eq!(answer, right, "{:?}", row.terms);
            assert_ne!(answer, &clean.terms[context..]);
            assert_eq!(read(&built, &row.tokens, &definition["tasks"]["a"]["notation"]), row.terms);
            assert_eq!(row.tokens.len(), clean.tokens.len());
            let differ = (0..context as i64).filter(|&i| shown[i as usize] != clean.terms[i as usize]);
            assert_eq!(row.edited, differ.collect::<Vec<_>>());
            assert!(row.kind != "one_edit" || row.edited.len() == 1);
            let (start, place) = (clean.answer_start as usize, row.position as usize);
            assert_eq!(row.tokens[start..place], clean.tokens[start..place]);
            let tokens = [row.answer_token, row.counterfactual_token];
            assert_eq!([clean.tokens[place], row.tokens[place]].map(i32::from), tokens);
            assert_ne!(tokens[0], tokens[1]);
            *made.entry(&row.kind).or_default() += 1;
        }
        // Neither hangs on the order of its terms, and there is no other parameter.
        let kinds: Vec<_> = made.keys().copied().collect();
        assert_eq!(kinds, ["one_edit", "random_members", "start_shift"], "{made:?}");
        assert!(made.values().all(|&n| n == rows.len()), "{made:?} of {}", rows.len());
    }
}
