//! What holds for every definition that is not refused, and that none panics.

use proptest::prelude::*;

use super::*;

/// One of the chains, with small bounds: rows of a few hundred.
fn task() -> impl Strategy<Value = Value> {
    let parameters = prop::collection::btree_set(1_i64..8, 1..4);
    let family = (0..4, parameters, 5_i64..24).prop_map(|(family, parameters, modulus)| {
        let above = |least: i64| parameters.iter().map(|&p| p + least - 1).collect::<Vec<_>>();
        match family {
            0 => json!({ "arithmetic": { "steps": above(1) } }),
            1 => json!({ "geometric": { "ratios": above(2) } }),
            2 => json!({ "modular": { "modulus": modulus, "steps": parameters.iter().filter(|&&p| p < modulus).collect::<Vec<_>>() } }),
            _ => json!("fibonacci"),
        }
    });
    (family, 0_i64..4, 10_i64..60, 3_usize..5, 0_usize..3, prop::bool::ANY, prop::bool::weighted(0.25)).prop_map(
        |(family, min, count, least, more, digits, train_only)| {
            let natural = family.get("modular").is_some();
            let notation = if digits { json!("digits") } else { json!("numeral") };
            let mut task = json!({ "family": family, "notation": notation, "terms": { "min": least, "max": least + more }, "train_only": train_only });
            if !natural {
                task["values"] = json!({ "min": min, "max": min + count });
            }
            task
        },
    )
}

fn definition() -> impl Strategy<Value = Value> {
    let shares = (0.02_f64..0.5, 0.02_f64..0.4);
    (prop::collection::vec(task(), 1..4), 1_u64..8, shares, 0_u64..3, any::<u64>()).prop_map(
        |(tasks, block, (test, validation), min_seen, seed)| {
            let tasks: serde_json::Map<String, Value> =
                tasks.into_iter().enumerate().map(|(i, task)| (format!("t{i}"), task)).collect();
            json!({
                "seed": seed, "tasks": tasks, "counterfactuals": { "kinds": [] },
                "holdout": { "block": block, "test": test, "validation": validation, "min_seen": min_seen,
                             "min_rows": { "test": 0, "validation": 0 } },
            })
        },
    )
}

/// The windows of each split.
fn windows(rows: &[Example], m: usize) -> BTreeSet<Vec<i64>> {
    rows.iter().flat_map(|row| row.terms.windows(m).map(<[i64]>::to_vec).collect::<Vec<_>>()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_unit_stands_in_two_splits(definition in definition()) {
        let Ok(built) = build(definition) else { return Ok(()) };
        let [train, validation, test] = built.splits.each_ref().map(|rows| windows(rows, 2));
        prop_assert!(test.is_disjoint(&train) && test.is_disjoint(&validation) && validation.is_disjoint(&train));
    }

    #[test]
    fn the_last_terms_of_a_held_out_row_stand_nowhere_else(mut definition in definition(), m in 2_usize..4) {
        definition["holdout"]["level"] = json!({ "window": { "m": m } });
        let Ok(built) = build(definition) else { return Ok(()) };
        let [train, validation, _] = built.splits.each_ref().map(|rows| windows(rows, m));
        for (held, others) in [(&built.splits[2], vec![&train, &validation]), (&built.splits[1], vec![&train])] {
            let last = |row: &Example| row.terms[row.terms.len() - m..].to_vec();
            prop_assert!(held.iter().all(|row| others.iter().all(|other| !other.contains(&last(row)))));
        }
    }

    #[test]
    fn a_pin_that_is_not_refused_stands_in_its_split(mut definition in definition(), pick in any::<prop::sample::Index>(), split in 0_usize..3) {
        let Ok(built) = build(definition.clone()) else { return Ok(()) };
        let rows: Vec<&Example> = built.splits.iter().flatten().collect();
        prop_assume!(!rows.is_empty());
        let row = rows[pick.index(rows.len())];
        let list = ["train", "validation", "test"][split];
        definition["pins"] = json!({ list: [{ "task": row.task, "terms": row.terms }] });
        if let Ok(built) = build(definition) {
            prop_assert_eq!((&built.splits[split][0].task, &built.splits[split][0].terms), (&row.task, &row.terms));
            let [train, validation, test] = built.splits.each_ref().map(|rows| windows(rows, 2));
            prop_assert!(test.is_disjoint(&train) && test.is_disjoint(&validation) && validation.is_disjoint(&train));
        }
    }
}

#[test]
fn most_of_the_random_definitions_are_not_refused() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let built =
        (0..100).filter(|_| build(definition().new_tree(&mut runner).unwrap().current()).is_ok()).count();
    assert!(built > 30, "only {built} of 100 were built");
}
