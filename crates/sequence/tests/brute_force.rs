//! Every family against a walk over all tuples of values, which asks a predicate that shares no code with it.

use std::collections::{BTreeMap, BTreeSet};

use sequence::*;

/// Says whether the terms are a row under a parameter.
type Predicate = fn(i64, &[i64]) -> bool;

/// A family, the parameters it should have, and what its rows are.
fn cases() -> Vec<(Family, Vec<i64>, Predicate)> {
    fn steps(terms: &[i64], step: impl Fn(i64, i64) -> bool) -> bool {
        terms.windows(2).all(|pair| step(pair[0], pair[1]))
    }
    fn within(terms: &[i64], min: i64, max: i64) -> bool {
        terms.iter().all(|&term| min <= term && term <= max)
    }
    fn sorted(terms: &[i64], repeats: bool) -> bool {
        if terms.len() < 4 || terms.len() % 2 == 1 {
            return false;
        }
        let (list, answer) = terms.split_at(terms.len() / 2);
        let count = |list: &[i64], term: i64| list.iter().filter(|&&other| other == term).count();
        steps(answer, |a, b| a <= b)
            && terms.iter().all(|&term| count(list, term) == count(answer, term))
            && (repeats || list.iter().all(|&term| count(list, term) == 1))
    }
    let cases: Vec<(&str, Vec<i64>, Predicate)> = vec![
        (r#"{"addition":{"digits":1}}"#, vec![NONE], |_, row| {
            row.len() == 3 && within(&row[..2], 0, 9) && row[0] + row[1] == row[2]
        }),
        (r#"{"arithmetic":{"steps":[1,-3]}}"#, vec![1, -3], |k, row| steps(row, |a, b| b - a == k)),
        (r#"{"cyclic":{"cycle":"days","steps":[1,-2]}}"#, vec![1, 5], |k, row| {
            within(row, 1, 7) && steps(row, |a, b| (b - a - k) % 7 == 0)
        }),
        (r#"{"cyclic":{"cycle":6,"step":3}}"#, vec![3], |k, row| {
            within(row, 1, 6) && steps(row, |a, b| (b - a - k) % 6 == 0)
        }),
        (r#"{"cyclic":{"cycle":6,"steps":[1,-2],"wrap":false}}"#, vec![1, -2], |k, row| {
            within(row, 1, 6) && steps(row, |a, b| b - a == k)
        }),
        (r#""fibonacci""#, vec![NONE], |_, row| {
            row.len() > 2 && row.windows(3).all(|w| w[0] + w[1] == w[2]) && row.iter().all(|&term| term >= 0)
        }),
        (r#"{"geometric":{"ratios":[2,-3]}}"#, vec![2, -3], |r, row| steps(row, |a, b| a * r == b)),
        (r#"{"modular":{"modulus":10,"steps":[3,-1,15]}}"#, vec![3, 9, 5], |k, row| {
            within(row, 0, 9) && steps(row, |a, b| (b - a - k) % 10 == 0)
        }),
        (r#"{"modular":{"modulus":9,"ratios":[2,5,-1,4]}}"#, vec![2, 5, 8, 4], |r, row| {
            within(row, 0, 8) && steps(row, |a, b| (b - a * r) % 9 == 0)
        }),
        (r#"{"modular_addition":{"modulus":5}}"#, vec![NONE], |_, row| {
            row.len() == 3 && within(row, 0, 4) && (row[0] + row[1] - row[2]) % 5 == 0
        }),
        (r#"{"sort":{"repeats":true}}"#, vec![NONE], |_, row| sorted(row, true)),
        (r#""sort""#, vec![NONE], |_, row| sorted(row, false)),
        (r#""successor_pairs""#, vec![NONE], |_, row| row.len() == 2 && row[0] + 1 == row[1]),
    ];
    cases.into_iter().map(|(json, p, is)| (serde_json::from_str(json).expect("valid"), p, is)).collect()
}

fn worlds() -> Vec<Bounds> {
    let range = |min, max| Range { min, max };
    vec![
        Bounds { start: Range::ALL, values: range(0, 9), terms: (2, 4), block: 2 },
        Bounds { start: range(2, 5), values: range(0, 9), terms: (3, 3), block: 1 },
        Bounds { start: range(-2, 1), values: range(-4, 3), terms: (2, 5), block: 3 },
        Bounds { start: Range::ALL, values: range(1, 4), terms: (4, 6), block: 1 },
        Bounds { start: range(3, 3), values: range(1, 6), terms: (2, 4), block: 100 },
        Bounds { start: range(7, 9), values: range(0, 5), terms: (2, 4), block: 3 },
    ]
}

/// Calls the check with every tuple of `length` values.
fn tuples(values: Range, length: usize, check: &mut dyn FnMut(&[i64])) {
    let mut tuple = vec![values.min; length];
    loop {
        check(&tuple);
        let Some(place) = tuple.iter().rposition(|&term| term < values.max) else { return };
        tuple[place] += 1;
        tuple[place + 1..].fill(values.min);
    }
}

/// The rows that the walk finds, with their parameters.
fn walk(bounds: &Bounds, parameters: &[i64], is_row: Predicate) -> BTreeSet<(i64, Vec<i64>)> {
    let mut rows = BTreeSet::new();
    for terms in bounds.lengths() {
        tuples(bounds.values, terms, &mut |row| {
            for &parameter in parameters.iter().filter(|_| bounds.start.contains(row[0])) {
                if is_row(parameter, row) {
                    rows.insert((parameter, row.to_vec()));
                }
            }
        });
    }
    rows
}

/// Calls the check with every family within every world, and the rows that the walk finds.
fn every(check: impl Fn(&Space, &BTreeSet<(i64, Vec<i64>)>)) {
    for (family, parameters, is_row) in cases() {
        family.check().expect("valid");
        assert_eq!(family.parameters(), parameters);
        for bounds in worlds() {
            let mut rows = walk(&bounds, &parameters, is_row);
            // Both operands of a sum, and both first terms of a Fibonacci row, come from `start`.
            if ["addition", "fibonacci", "modular_addition"].contains(&family.name()) {
                rows.retain(|(_, row)| bounds.start.contains(row[1]));
            }
            check(&Space::new(&family, bounds).expect("few rows"), &rows);
        }
    }
}

#[test]
fn every_family_is_compared() {
    // The order of an ordering and the answers of `random` have no other definition; they have tests of their own.
    let compared = cases().into_iter().map(|(family, ..)| family.name()).chain(["ordering", "random"]);
    let all: BTreeSet<&str> = FAMILIES.iter().map(|entry| entry.name).collect();
    assert_eq!(compared.collect::<BTreeSet<_>>(), all);
}

#[test]
fn the_rows_are_exactly_those_that_the_walk_finds() {
    every(|space, expected| {
        let found: Vec<(i64, Vec<i64>)> = (0..space.capacity())
            .filter_map(|index| space.row(index).map(|row| (row.parameter, row.terms)))
            .collect();
        let context = format!("{:?} {:?}", space.family, space.bounds);
        assert_eq!(found.len(), expected.len(), "{context}: a row twice, or missing");
        assert_eq!(&found.into_iter().collect::<BTreeSet<_>>(), expected, "{context}");
        assert_eq!(space.is_empty(), expected.is_empty(), "{context}");
        let exact = ["arithmetic", "geometric", "successor_pairs"].contains(&space.family.name());
        assert!(!exact || space.capacity() == expected.len() as u64, "{context}");
        match space.reach() {
            None => assert!(expected.is_empty(), "{context}"),
            Some(reach) => assert!(expected.iter().all(|(_, row)| row.iter().all(|&v| reach.contains(v)))),
        }
    });
}

#[test]
fn a_row_is_found_and_a_tuple_that_is_none_is_not() {
    every(|space, expected| {
        let first = |row: &[i64]| {
            let mut parameters = space.family.parameters().into_iter();
            parameters.find(|&parameter| expected.contains(&(parameter, row.to_vec())))
        };
        for terms in space.bounds.lengths() {
            tuples(space.bounds.values, terms, &mut |row| {
                let found = space.locate(row);
                assert_eq!(found.map(|(_, parameter)| parameter), first(row), "{:?} {row:?}", space.family);
                if let Some((index, _)) = found {
                    assert_eq!(space.row(index).unwrap().terms, row);
                }
            });
        }
    });
}

#[test]
fn the_answers_to_a_context_are_those_of_the_rows_that_begin_with_it() {
    every(|space, expected| {
        for terms in space.bounds.lengths().filter(|&terms| space.family.context(terms) > 0) {
            let context = space.family.context(terms);
            let mut answers: BTreeMap<&[i64], BTreeSet<&[i64]>> = BTreeMap::new();
            for (_, row) in expected.iter().filter(|(_, row)| row.len() == terms) {
                answers.entry(&row[..context]).or_default().insert(&row[context..]);
            }
            tuples(space.bounds.values, context, &mut |begin| {
                let found: BTreeSet<Vec<i64>> = space.answers(begin, terms).collect();
                let expected = answers.get(begin).into_iter().flatten();
                assert!(found.iter().eq(expected), "{:?} {begin:?} {found:?}", space.family);
            });
        }
    });
}

#[test]
fn a_unit_has_a_key_under_a_parameter_exactly_if_a_row_has_the_unit() {
    every(|space, expected| {
        let kind = space.family.unit();
        let mut units = BTreeSet::new();
        for (parameter, row) in expected {
            for unit in kind.units(row, space.family.context(row.len())) {
                units.insert((*parameter, kind.canonical(unit).into_owned()));
            }
        }
        let widths: BTreeSet<usize> = units.iter().map(|(_, unit)| unit.len()).chain([2]).collect();
        let mut found = BTreeSet::new();
        let mut population: BTreeMap<i64, BTreeSet<Key>> = BTreeMap::new();
        let around = Range { min: space.bounds.values.min - 2, max: space.bounds.values.max + 2 };
        for width in widths {
            tuples(around, width, &mut |unit| {
                if kind.canonical(unit) == unit {
                    space.keys(unit, &mut |parameter, key| {
                        assert!(found.insert((parameter, unit.to_vec())), "two keys");
                        population.entry(parameter).or_default().insert(key);
                    });
                }
            });
        }
        assert_eq!(found, units, "{:?} {:?}", space.family, space.bounds);
        for parameter in space.family.parameters() {
            let keys: Vec<Key> = space.population(parameter).collect();
            let expected = population.remove(&parameter).unwrap_or_default();
            assert_eq!(keys.len(), expected.len(), "{:?} {:?}", space.family, space.bounds);
            assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    });
}

#[test]
fn an_ordering_is_one_path_through_all_symbols_and_seeds_differ() {
    let pairs = |seed: u64| {
        let json = format!(r#"{{"ordering":{{"symbols":40,"seed":{seed}}}}}"#);
        let family: Family = serde_json::from_str(&json).unwrap();
        let bounds = Bounds { start: Range::ALL, values: family.natural().unwrap(), terms: (2, 2), block: 1 };
        let space = Space::new(&family, bounds).unwrap();
        let pairs = (0..space.capacity()).filter_map(|index| space.row(index));
        (family, pairs.map(|row| (row.terms[0], row.terms[1])).collect::<BTreeMap<i64, i64>>())
    };
    let (family, after) = pairs(7);
    let seconds: BTreeSet<i64> = after.values().copied().collect();
    assert_eq!((after.len(), seconds.len()), (39, 39));
    let first = (0..40).find(|symbol| !seconds.contains(symbol)).unwrap();
    let path: Vec<i64> = std::iter::successors(Some(first), |symbol| after.get(symbol).copied()).collect();
    assert_eq!(path.len(), 40);
    let bounds = Bounds { start: Range::ALL, values: Range { min: 3, max: 30 }, terms: (3, 5), block: 1 };
    let space = Space::new(&family, bounds).unwrap();
    let found: BTreeSet<Vec<i64>> =
        (0..space.capacity()).filter_map(|i| space.row(i)).map(|row| row.terms).collect();
    let inside = |row: &&[i64]| row.iter().all(|&symbol| (3..=30).contains(&symbol));
    let expected: BTreeSet<Vec<i64>> =
        (3..=5).flat_map(|n| path.windows(n)).filter(inside).map(<[i64]>::to_vec).collect();
    assert_eq!(found, expected);
    let steps = path.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
    assert!(steps < 10 && pairs(8).1 != after);
}

#[test]
fn overflow_ends_an_orbit_and_foreign_units_are_no_surprise() {
    let end = Range { min: i64::MAX - 5, max: i64::MAX };
    let border = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX / 2, i64::MAX - 1, i64::MAX];
    for (family, parameters, _) in cases() {
        for (start, values) in [(end, Range::ALL), (Range::ALL, end), (Range { min: -3, max: 3 }, Range::ALL)]
        {
            // Too many rows to number is an answer too.
            let Ok(space) = Space::new(&family, Bounds { start, values, terms: (2, 4), block: 2 }) else {
                continue;
            };
            (0..space.capacity().min(100_000)).for_each(|index| drop(space.row(index)));
            for (one, other) in border.iter().flat_map(|one| border.iter().map(move |other| (*one, *other))) {
                space.keys(&[one, other], &mut |_, _| {});
                space.locate(&[one, other, one]);
                assert!(space.answers(&[one, other], 3).count() <= parameters.len());
                for parameter in parameters.iter().chain(&border) {
                    for terms in [2, 3, 4, 9] {
                        space.oracle(*parameter, &[one, other], terms);
                        space.oracle(*parameter, &[], terms);
                    }
                }
            }
        }
    }
    let fibonacci: Family = serde_json::from_str(r#""fibonacci""#).unwrap();
    let start = Range { min: 1, max: 3 };
    let rows = |terms| {
        let space =
            Space::new(&fibonacci, Bounds { start, values: Range::ALL, terms: (terms, terms), block: 2 })
                .unwrap();
        (0..space.capacity()).filter(|&index| space.row(index).is_some()).count()
    };
    // F(92) is the last Fibonacci number below 2^63.
    assert_eq!([rows(5), rows(92), rows(93), rows(200)], [9, 1, 0, 0]);
}
