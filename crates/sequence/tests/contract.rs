//! What must hold for every family and every notation; the lists are the only place where they are named.

use std::collections::{BTreeMap, BTreeSet};

use sequence::*;

fn families() -> Vec<Family> {
    let json = |entry: &Entry| {
        serde_json::from_str(&format!(r#"{{"{}":{}}}"#, entry.name, entry.example)).expect("valid example")
    };
    FAMILIES.iter().map(json).collect()
}

fn notations() -> Vec<Notation> {
    let json = |entry: &Entry| {
        serde_json::from_str(&format!(r#"{{"{}":{}}}"#, entry.name, entry.example)).expect("valid example")
    };
    NOTATIONS.iter().map(json).collect()
}

fn bounds() -> Vec<Bounds> {
    let range = |min, max| Range { min, max };
    vec![
        Bounds { start: Range::ALL, values: range(0, 11), terms: (2, 4), block: 2 },
        Bounds { start: range(2, 5), values: range(-20, 20), terms: (4, 4), block: 1 },
        Bounds { start: range(-4, 3), values: range(-9, 5), terms: (3, 3), block: 5 },
        Bounds { start: range(-2, -1), values: range(-60, 40), terms: (3, 5), block: 3 },
        Bounds { start: range(9, 9), values: range(0, 5), terms: (3, 5), block: 3 },
    ]
}

/// Calls the check with every family, within every bounds, and all its rows by number.
fn every(check: impl Fn(&Space, &BTreeMap<u64, Row>)) {
    for family in families() {
        for bounds in bounds() {
            if matches!(family, Family::Random(_)) && bounds.values.count() > 30 {
                continue; // 100^4 rows
            }
            let space = Space::new(&family, bounds).expect("valid example");
            let rows = (0..space.capacity()).filter_map(|index| Some((index, space.row(index)?))).collect();
            check(&space, &rows);
        }
    }
}

#[test]
fn lists_are_in_alphabetical_order_and_say_what_their_entries_are() {
    for list in [FAMILIES, NOTATIONS] {
        assert!(list.is_sorted_by_key(|entry| entry.name));
        assert!(list.iter().all(|entry| entry.summary.ends_with('.')));
    }
}

#[test]
fn an_entry_is_written_and_read_back_and_refuses_what_it_does_not_know() {
    fn round<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        list: &[Entry],
        entries: &[T],
    ) {
        for (entry, value) in list.iter().zip(entries) {
            let json = serde_json::to_string(value).unwrap();
            assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value);
            let unknown = format!(r#"{{"{}":{{"colour":1}}}}"#, entry.name);
            let message = serde_json::from_str::<T>(&unknown).unwrap_err().to_string();
            assert!(message.contains("unknown field `colour`"), "{message}");
            let two = format!(r#"{{"{0}":{1},"other":{{}}}}"#, entry.name, entry.example);
            let message = serde_json::from_str::<T>(&two).unwrap_err().to_string();
            assert!(message.contains("and `other`"), "{message}");
        }
        let message = serde_json::from_str::<T>(r#""nothing""#).unwrap_err().to_string();
        assert!(list.iter().all(|entry| message.contains(&format!("`{}`", entry.name))), "{message}");
    }
    round(FAMILIES, &families());
    round(NOTATIONS, &notations());
    assert!(matches!(serde_json::from_str(r#""numeral""#).unwrap(), Notation::Numeral(_)));
    assert!(serde_json::from_str::<Family>(r#""random""#).is_ok());
    let step: Family = serde_json::from_str(r#"{"arithmetic":{"step":3}}"#).unwrap();
    assert_eq!(serde_json::to_string(&step).unwrap(), r#"{"arithmetic":{"steps":[3]}}"#);
}

#[test]
fn the_schema_knows_both_ways_of_writing_a_parameter() {
    let schema = serde_json::to_value(schemars::schema_for!(Family)).expect("a schema is JSON").to_string();
    assert!(schema.contains(r#""oneOf":[{"required":["steps"]},{"required":["step"]}]"#), "{schema}");
    assert!(schema.contains(r#""const":"random""#) && !schema.contains(r#""const":"arithmetic""#));
}

#[test]
fn examples_are_valid() {
    assert!(families().iter().all(|family| family.check().is_ok()));
    assert!(
        notations()
            .iter()
            .all(|notation| notation.check(Range { min: 0, max: 99_999 }).is_ok() || notation.one_token())
    );
}

#[test]
fn row_and_number_are_one_to_one_and_rows_keep_their_bounds_and_their_rule() {
    every(|space, rows| {
        let mut seen = BTreeMap::new();
        for (&index, row) in rows {
            assert!(row.terms.iter().all(|&term| space.bounds.values.contains(term)));
            assert!(space.bounds.start.contains(row.terms[0]));
            assert!(space.bounds.lengths().contains(&row.terms.len()));
            let context = space.family.context(row.terms.len());
            for place in context..row.terms.len() {
                assert_eq!(
                    space.oracle(row.parameter, &row.terms[..place], row.terms.len()),
                    Some(row.terms[place])
                );
            }
            let first = *seen.entry(row.terms.clone()).or_insert(index);
            assert_eq!(space.locate(&row.terms).unwrap().0, first);
            let (context, answer) = row.terms.split_at(context);
            assert!(space.answers(context, row.terms.len()).any(|found| found == answer));
        }
        assert_eq!(space.row(space.capacity()), None);
    });
}

#[test]
fn the_population_of_keys_is_exactly_that_of_the_units_of_all_rows() {
    every(|space, rows| {
        let kind = space.family.unit();
        for parameter in space.family.parameters() {
            let mut expected = BTreeSet::new();
            for row in rows.values().filter(|row| row.parameter == parameter) {
                for unit in kind.units(&row.terms, space.family.context(row.terms.len())) {
                    let mut keys = Vec::new();
                    space.keys(&kind.canonical(unit), &mut |p, key| keys.push((p, key)));
                    assert!(!keys.is_empty(), "{:?} has no key", row.terms);
                    keys.retain(|(p, _)| *p == parameter);
                    assert_eq!(keys.len(), 1);
                    expected.extend(keys.into_iter().map(|(_, key)| key));
                }
            }
            let population: Vec<Key> = space.population(parameter).collect();
            assert_eq!(
                population.len(),
                expected.len(),
                "{:?} {:?}: a key twice, or missing",
                space.family,
                space.bounds
            );
            assert_eq!(population.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    });
}

#[test]
fn a_unit_has_a_key_only_if_some_row_has_the_unit() {
    every(|space, rows| {
        if space.family.unit() != UnitKind::Pair {
            return;
        }
        let units: BTreeSet<&[i64]> = rows.values().flat_map(|row| row.terms.windows(2)).collect();
        for u in -70..70 {
            for w in -70..70 {
                let mut found = false;
                space.keys(&[u, w], &mut |_, _| found = true);
                assert_eq!(
                    found,
                    units.contains(&[u, w][..]),
                    "{:?} {:?} {u} {w}",
                    space.family,
                    space.bounds
                );
            }
        }
    });
}

#[test]
fn blocks_are_runs_of_an_orbit_in_its_order() {
    let family: Family = serde_json::from_str(r#"{"arithmetic":{"steps":[3]}}"#).unwrap();
    let bounds = Bounds { start: Range::ALL, values: Range { min: 1, max: 23 }, terms: (4, 4), block: 2 };
    let space = Space::new(&family, bounds).unwrap();
    let block = |u: i64| {
        let mut block = None;
        space.keys(&[u, u + 3], &mut |_, key| block = Some(key));
        match block.unwrap() {
            Key::Orbit { parameter: 3, root: [root, 0], block, .. } => (root, block),
            key => panic!("{key:?}"),
        }
    };
    // Orbit 1 4 7 10 13 16 19 22 has 7 units, so the third block has three.
    let orbit: Vec<_> = (0..7).map(|i| block(1 + 3 * i)).collect();
    assert_eq!(orbit, [(1, 0), (1, 0), (1, 1), (1, 1), (1, 2), (1, 2), (1, 2)]);
    // A step down has the key of the step up over the same values.
    let down: Family = serde_json::from_str(r#"{"arithmetic":{"steps":[-3]}}"#).unwrap();
    let (mut one, mut other) = (None, None);
    space.keys(&[10, 13], &mut |_, key| one = Some(key));
    Space::new(&down, bounds).unwrap().keys(&[13, 10], &mut |_, key| other = Some(key));
    assert_eq!(one, other);
}

#[test]
fn the_orbit_of_a_doubling_is_named_by_its_odd_root() {
    let family: Family = serde_json::from_str(r#"{"geometric":{"ratio":2}}"#).unwrap();
    let bounds = Bounds { start: Range { min: 1, max: 50 }, values: Range::ALL, terms: (5, 5), block: 15 };
    let space = Space::new(&family, bounds).unwrap();
    let mut found = None;
    space.keys(&[48, 96], &mut |_, key| found = Some(key));
    assert_eq!(found, Some(Key::Orbit { family: "geometric", parameter: 2, root: [3, 0], block: 0 }));
    assert_eq!(space.reach(), Some(Range { min: 1, max: 800 }));
    assert_eq!(space.population(2).count(), 25);
}

#[test]
fn an_arc_of_a_cycle_is_as_long_as_a_row_and_holds_both_directions() {
    let bounds = Bounds { start: Range::ALL, values: Range { min: 1, max: 12 }, terms: (4, 4), block: 12 };
    let key = |definition: &str, unit: [i64; 2]| {
        let family: Family = serde_json::from_str(definition).unwrap();
        let mut found = None;
        Space::new(&family, bounds).unwrap().keys(&unit, &mut |_, key| found = Some(key));
        found.unwrap()
    };
    let month = |month: i64| key(r#"{"cyclic":{"cycle":"months","step":1}}"#, [month, month % 12 + 1]);
    let arc = |block| Key::Orbit { family: "cyclic", parameter: 1, root: [1, 0], block };
    assert!((1..=12).all(|number| month(number) == arc((number as u64 - 1) / 3)));
    assert_eq!(key(r#"{"cyclic":{"cycle":"months","step":-1}}"#, [1, 12]), month(12));
    // Two months on there are two orbits of six units: arcs of three, the odd months first.
    let two = |unit| key(r#"{"cyclic":{"cycle":"months","step":2}}"#, unit);
    assert_eq!(two([1, 3]), two([5, 7]));
    assert_ne!(two([5, 7]), two([7, 9]));
    assert_eq!(two([11, 1]), Key::Orbit { family: "cyclic", parameter: 2, root: [1, 0], block: 1 });
    assert_eq!(two([12, 2]), Key::Orbit { family: "cyclic", parameter: 2, root: [2, 0], block: 1 });
    // 3 is 2 backwards modulo 5: both are walked as 2, from 1 over 2 4 3.
    let ratio = |ratio: i64, unit| key(&format!(r#"{{"modular":{{"modulus":5,"ratio":{ratio}}}}}"#), unit);
    let whole = Key::Orbit { family: "modular", parameter: 2, root: [1, 0], block: 0 };
    assert_eq!([ratio(2, [1, 2]), ratio(2, [3, 1]), ratio(3, [2, 1])], [whole.clone(), whole.clone(), whole]);
}

#[test]
fn the_orbit_of_a_fibonacci_row_is_named_by_the_pair_from_which_it_does_not_go_back() {
    let family: Family = serde_json::from_str(r#""fibonacci""#).unwrap();
    let bounds = Bounds { start: Range { min: 0, max: 9 }, values: Range::ALL, terms: (5, 5), block: 15 };
    let space = Space::new(&family, bounds).unwrap();
    let root = |unit: [i64; 2]| {
        let mut found = None;
        space.keys(&unit, &mut |_, key| found = Some(key));
        match found.unwrap() {
            Key::Orbit { root, .. } => root,
            key => panic!("{key:?}"),
        }
    };
    // 1 0 1 1 2 3, then 2 1 3 4, and the ends of going back: (0, b) comes from (b, 0), (0, 0) from itself.
    assert_eq!([root([1, 1]), root([2, 3]), root([3, 4])], [[1, 0], [1, 0], [2, 1]]);
    assert_eq!([root([0, 5]), root([5, 5]), root([0, 0])], [[5, 0], [5, 0], [0, 0]]);
}

#[test]
fn parameters_that_no_sequence_can_have_are_refused_by_name() {
    let refused = |definition: &str, path: &str, words: &str| {
        let family: Family = serde_json::from_str(definition).unwrap();
        let Error::Parameter { at, message, help } = family.check().unwrap_err();
        assert_eq!(at, path, "{definition}");
        assert!(message.contains(words) && !help.is_empty(), "{definition}: {message}");
    };
    let cases = [
        (r#"{"addition":{"digits":0}}"#, "family.addition.digits", "0 found"),
        (r#"{"addition":{"digits":19}}"#, "family.addition.digits", "19 found"),
        (r#"{"cyclic":{"cycle":1,"step":1}}"#, "family.cyclic.cycle", "1 found"),
        (r#"{"cyclic":{"cycle":"days","step":14}}"#, "family.cyclic.steps", "0 is among"),
        (r#"{"cyclic":{"cycle":"days","steps":[1,8]}}"#, "family.cyclic.steps", "1 is written twice"),
        (r#"{"cyclic":{"cycle":"days","step":0,"wrap":false}}"#, "family.cyclic.steps", "0 is among"),
        (r#"{"modular":{"modulus":9}}"#, "family.modular", "one of them"),
        (r#"{"modular":{"modulus":9,"step":1,"ratio":2}}"#, "family.modular", "one of them"),
        (r#"{"modular":{"modulus":0,"step":1}}"#, "family.modular.modulus", "0 found"),
        (r#"{"modular":{"modulus":9,"step":18}}"#, "family.modular.steps", "0 is among"),
        (r#"{"modular":{"modulus":9,"steps":[]}}"#, "family.modular.steps", "0 values"),
        (r#"{"modular":{"modulus":9,"ratios":[2,6]}}"#, "family.modular.ratios", "6 shares a factor"),
        (r#"{"modular":{"modulus":9,"ratio":10}}"#, "family.modular.ratios", "1 is among"),
        (r#"{"modular":{"modulus":1000000,"ratio":7}}"#, "family.modular.modulus", "1000000 found"),
        (r#"{"modular_addition":{"modulus":1}}"#, "family.modular_addition.modulus", "1 found"),
        (r#"{"ordering":{"symbols":1}}"#, "family.ordering.symbols", "1 found"),
    ];
    for (definition, path, words) in cases {
        refused(definition, path, words);
    }
    let terms = |definition: &str, terms| {
        let family: Family = serde_json::from_str(definition).unwrap();
        family.check_terms(terms).map_err(|Error::Parameter { at, .. }| assert_eq!(at, "terms"))
    };
    assert!(
        terms(r#""sort""#, 2).is_err() && terms(r#""sort""#, 5).is_err() && terms(r#""sort""#, 10).is_ok()
    );
    assert!(terms(r#""successor_pairs""#, 3).is_err() && terms(r#""successor_pairs""#, 2).is_ok());
    assert!(terms(r#"{"addition":{"digits":1}}"#, 4).is_err());
    assert!(terms(r#""fibonacci""#, 2).is_err() && terms(r#""fibonacci""#, 3).is_ok());
}

#[test]
fn keys_have_bytes_of_their_own() {
    let mut bytes = BTreeSet::new();
    let mut keys = BTreeSet::new();
    every(|space, _| assert!(space.capacity() < 1 << 40));
    for family in families() {
        for bounds in &bounds()[..1] {
            for parameter in family.parameters() {
                for key in Space::new(&family, *bounds).unwrap().population(parameter) {
                    bytes.insert(key.bytes());
                    keys.insert(key);
                }
            }
        }
    }
    assert_eq!(bytes.len(), keys.len());
}

#[test]
fn a_value_and_its_tokens_are_one_to_one_and_every_token_is_in_the_vocabulary() {
    let family = serde_json::from_str(r#"{"arithmetic":{"step":2}}"#).unwrap();
    for notation in notations() {
        let mut ranges =
            [(0, 1_200), (1, 26), (1, 12), (1, 7)].map(|(min, max)| Range { min, max }).into_iter();
        let values = ranges.find(|&values| notation.check(values).is_ok()).unwrap();
        let vocabulary = Vocabulary::new([(&family, &notation, values)]).unwrap();
        let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
        let mut seen = BTreeSet::new();
        for value in values.min..=values.max {
            let mut tokens = Vec::new();
            assert!(notation.write(value, &vocabulary, &mut tokens));
            assert!(notation.size(value) == tokens.len() && (tokens.len() == 1 || !notation.one_token()));
            assert_eq!(notation.read(&tokens, &vocabulary), Some(value));
            let text: String = tokens.iter().map(|&id| vocabulary.token(id).unwrap().token.clone()).collect();
            match notation.name() {
                "digits" => assert_eq!(notation.text(value), value.to_string()),
                _ => assert_eq!(letters(&text), letters(&notation.text(value))),
            }
            assert!(seen.insert(tokens));
        }
        assert_eq!(notation.read(&[0], &vocabulary), None);
        assert_eq!(notation.read(&[], &vocabulary), None);
    }
}

#[test]
fn a_row_is_laid_out_with_its_answer_last() {
    let family = &serde_json::from_str(r#"{"arithmetic":{"step":2}}"#).unwrap();
    let digits: Notation = serde_json::from_str(r#"{"digits":{"width":2,"order":"least_first"}}"#).unwrap();
    let numeral: Notation = serde_json::from_str(r#""numeral""#).unwrap();
    let values = Range { min: 0, max: 20 };
    let vocabulary = Vocabulary::new([(family, &numeral, values), (family, &digits, values)]).unwrap();
    let names = |row: &Written| {
        row.tokens.iter().map(|&id| vocabulary.token(id).unwrap().token.clone()).collect::<Vec<_>>().join(" ")
    };
    let row = write_row(family, &digits, &vocabulary, &[8, 10, 12]).unwrap();
    assert_eq!(names(&row), "BEGIN 8 0 SEP 0 1 SEP 2 1 END");
    assert_eq!((row.answer_start, row.answer_length, row.text.as_str()), (7, 3, "8 10 12"));
    assert_eq!(read_answer(&digits, &vocabulary, &row.tokens[7..]), Some(vec![12]));
    let row = write_row(family, &numeral, &vocabulary, &[8, 10, 12]).unwrap();
    assert_eq!(names(&row), "BEGIN 8 10 12 END");
    assert_eq!((row.answer_start, row.answer_length, row.text.as_str()), (3, 1, "8 10 12"));
    assert_eq!(read_answer(&numeral, &vocabulary, &row.tokens[3..]), Some(vec![12]));
    assert_eq!(write_row(family, &numeral, &vocabulary, &[21]), None);
    let kinds: Vec<Kind> = vocabulary.tokens().iter().map(|token| token.kind).collect();
    assert_eq!(kinds[..3], [Kind::Begin, Kind::End, Kind::Separator]);
    assert_eq!(vocabulary.tokens().len(), 3 + 10 + 21);
    assert_eq!(Vocabulary::from_tokens(vocabulary.tokens().to_vec()), vocabulary);
}

#[test]
fn random_answers_are_spread_evenly_and_change_with_every_term() {
    let family: Family = serde_json::from_str(r#""random""#).unwrap();
    let bounds = Bounds { start: Range::ALL, values: Range { min: 5, max: 14 }, terms: (4, 4), block: 1 };
    let space = Space::new(&family, bounds).unwrap();
    let mut counts = [0_u32; 10];
    (0..space.capacity()).for_each(|i| counts[(space.row(i).unwrap().terms[3] - 5) as usize] += 1);
    // 1000 contexts, 10 answers: 100 each, standard deviation 9.5.
    assert!(counts.iter().all(|&count| (60..140).contains(&count)), "{counts:?}");
    let answer = |context: [i64; 3]| space.oracle(NONE, &context, 4);
    let same = (5..15).filter(|&a| answer([a, 7, 7]) == answer([5, 7, 7])).count();
    assert!(same < 5);
}
