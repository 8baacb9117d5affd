//! Planted leaks of each kind are found with the right witness, and clean sets raise no alarm.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use artifact::tables::{Audited, Ceiling, Certificate, Example, Exposure, Leakage, Memorizer};
use artifact::{Provenance, read_table};
use auditor::{Error, Leak};
use common::{Notation, audit, example, examples, write};

/// +2 rows of four terms: test below 100, validation from 100, train from 200, so that nothing is shared.
fn clean(notation: Notation) -> [Vec<Example>; 3] {
    let rows = |from: i64, to: i64| (from..to).map(|a| vec![a, a + 2, a + 4, a + 6]).collect::<Vec<_>>();
    [
        examples(0, &rows(200, 260), notation),
        examples(1000, &rows(100, 110), notation),
        examples(2000, &rows(10, 30), notation),
    ]
}

fn leak_of(notation: Notation, level: &str, plant: impl Fn(&mut [Vec<Example>; 3])) -> Option<Leak> {
    let folder = tempfile::tempdir().unwrap();
    let mut splits = clean(notation);
    plant(&mut splits);
    let inputs = write(folder.path(), level, notation, [&splits[0], &splits[1], &splits[2]]);
    let (out, result) = audit(folder.path(), &inputs);
    for table in ["certificate", "leakage", "exposure", "memorizers", "ceilings"] {
        assert!(
            out.join(format!("{table}.parquet")).exists(),
            "{table} is written even when the audit fails"
        );
    }
    match result {
        Ok(()) => None,
        Err(Error::Leak(leak)) => Some(*leak),
        Err(other) => panic!("{other}"),
    }
}

const NOTATIONS: [Notation; 2] = [Notation::Numeral, Notation::Digits(4)];

#[test]
fn clean_splits_raise_no_alarm() {
    for notation in NOTATIONS {
        for level in ["random", "transition"] {
            assert_eq!(leak_of(notation, level, |_| ()), None);
        }
    }
}

#[test]
fn a_planted_row_is_found_at_every_level() {
    for notation in NOTATIONS {
        for level in ["random", "transition"] {
            let leak =
                leak_of(notation, level, |splits| splits[0][7] = example(7, &[12, 14, 16, 18], notation))
                    .unwrap();
            assert_eq!(
                (leak.check.as_str(), leak.left.as_str(), leak.right.as_str()),
                ("rows", "test", "train")
            );
            assert_eq!(
                (leak.left_example_id, leak.right_example_id, leak.offset, leak.rows),
                (2002, 7, 0, 1)
            );
            assert_eq!(leak.piece, "12 14 16 18");
        }
    }
}

#[test]
fn a_planted_window_is_found_with_its_offset() {
    for notation in NOTATIONS {
        let plant =
            |splits: &mut [Vec<Example>; 3]| splits[0][9] = example(9, &[900, 901, 24, 26, 28], notation);
        let leak = leak_of(notation, "transition", plant).unwrap();
        assert_eq!((leak.check.as_str(), leak.right_example_id), ("units", 9));
        // Rows 20 .. 26 and 22 .. 28 hold 24 26 too: the first test row that does is the one that begins with 20.
        assert_eq!((leak.left_example_id, leak.offset, leak.piece.as_str()), (2010, 2, "24 26"));
        assert_eq!(leak_of(notation, "random", plant), None, "at level random windows are a report");
    }
}

#[test]
fn a_single_transition_is_found_between_all_pairs_of_splits() {
    for notation in NOTATIONS {
        let pairs = [
            ("test", "train", [11, 13], 0),
            ("test", "validation", [11, 13], 1),
            ("validation", "train", [101, 103], 0),
        ];
        for (left, right, [a, b], planted) in pairs {
            let id = [3, 1003][planted];
            let leak = leak_of(notation, "transition", |splits| {
                splits[planted][3] = example(id, &[800, a, b, 700], notation);
            });
            let leak = leak.unwrap();
            assert_eq!(
                (leak.left.as_str(), leak.right.as_str(), leak.check.as_str()),
                (left, right, "units")
            );
            assert_eq!((leak.right_example_id, leak.offset, leak.piece), (id, 1, format!("{a} {b}")));
        }
    }
}

#[test]
fn right_terms_beside_wrong_tokens_are_found() {
    for notation in NOTATIONS {
        let leak = leak_of(notation, "transition", |splits| {
            let row = &mut splits[0][5];
            row.tokens = notation.tokens(&[12, 14, 16, 18]).0;
        });
        let leak = leak.unwrap();
        assert_eq!((leak.left_example_id, leak.right_example_id), (2002, 5), "{leak}");
        assert_eq!(leak.view, "tokens");
        // Tokens of values that no held-out row holds: only decoding can tell.
        let leak = leak_of(notation, "transition", |splits| {
            splits[0][5].tokens = notation.tokens(&[500, 502, 504, 506]).0;
            splits[0][6].tokens = notation.tokens(&[206, 208, 210, 212, 214]).0;
        });
        let leak = leak.unwrap();
        assert_eq!(
            (leak.check.as_str(), leak.left.as_str(), leak.left_example_id, leak.rows),
            ("decoding", "train", 5, 2)
        );
    }
}

#[test]
fn units_are_looked_for_in_rows_of_every_family_by_their_shape() {
    let notation = Notation::Numeral;
    let unit = |row: &mut Example, unit: &str| row.unit = unit.to_owned();
    // An addition row {a, b} held out, found in either order in a row of another family.
    for terms in [[500, 12, 14, 600], [500, 14, 12, 600]] {
        let leak = leak_of(notation, "transition", |splits| {
            splits[2] = vec![example(2000, &[12, 14, 26], notation)];
            unit(&mut splits[2][0], "unordered_pair");
            splits[0][1] = example(1, &terms, notation);
            unit(&mut splits[0][1], "none");
        });
        let leak = leak.unwrap();
        assert_eq!((leak.right_example_id, leak.offset, leak.piece.as_str()), (1, 1, "12 14"));
    }
    // A list to sort, in another order.
    let leak = leak_of(notation, "transition", |splits| {
        splits[2] = vec![example(2000, &[3, 1, 2, 1, 2, 3], notation)];
        unit(&mut splits[2][0], "multiset");
        splits[0][1] = example(1, &[2, 3, 1, 1, 2, 3], notation);
        unit(&mut splits[0][1], "multiset");
    });
    assert_eq!(leak.unwrap().piece, "3 1 2");
    // A whole random row, inside a longer one.
    let leak = leak_of(notation, "transition", |splits| {
        splits[2] = vec![example(2000, &[5, 9, 7], notation)];
        unit(&mut splits[2][0], "row");
        splits[0][1] = example(1, &[1, 5, 9, 7, 8], notation);
    });
    assert_eq!(leak.map(|leak| (leak.offset, leak.piece)), Some((1, "5 9 7".to_owned())));
    // Rows without units hold nothing out.
    let leak = leak_of(notation, "transition", |splits| {
        splits[2].iter_mut().for_each(|row| unit(row, "none"));
        splits[0][1] = example(1, &[12, 14, 700], notation);
    });
    assert_eq!(leak, None);
}

#[test]
fn one_value_in_two_notations_is_one_and_of_two_domains_is_two() {
    let notation = Notation::Numeral;
    let leak = leak_of(notation, "transition", |splits| {
        splits[0][3] = example(3, &[12, 14, 16, 18], notation);
        splits[0][3].notation = "words".to_owned();
        splits[0][3].tokens = notation.tokens(&[300, 301, 302, 303]).0;
    });
    // The tokens differ, the row is another as written, and the units are shared: canonical finds them.
    let leak = leak.unwrap();
    assert_eq!((leak.check.as_str(), leak.view.as_str()), ("units", "canonical"));
}

#[test]
fn tables_hold_one_row_for_each_held_out_row_and_hand_computed_figures() {
    let notation = Notation::Numeral;
    let folder = tempfile::tempdir().unwrap();
    let train = vec![vec![1, 2, 3], vec![2, 3, 4], vec![9, 4, 6], vec![5, 6, 7, 8], vec![4, 6, 2]];
    let test = vec![vec![2, 4, 6]];
    let splits = [
        examples(0, &train, notation),
        examples(10, &[vec![20, 30]], notation),
        examples(100, &test, notation),
    ];
    let inputs = write(folder.path(), "random", notation, [&splits[0], &splits[1], &splits[2]]);
    let (out, result) = audit(folder.path(), &inputs);
    result.unwrap();
    let leakage: Vec<Leakage> = read_table(&out.join("leakage.parquet")).unwrap();
    assert_eq!(leakage.iter().map(|row| row.example_id).collect::<Vec<_>>(), [10, 100]);
    let row = &leakage[1];
    // 4 6 stands in train rows 2 and 4; 2 4 does not.
    assert_eq!(
        (row.leaked_units, row.longest_match_terms, row.longest_match_tokens, row.longest_window_terms),
        (1, 2, 2, 2)
    );
    assert_eq!((row.witness_example_id, row.witness_offset), (2, 1));
    let exposure: Vec<Exposure> = read_table(&out.join("exposure.parquet")).unwrap();
    let row = &exposure[1];
    // 6 is a target in rows 2, 3, 4; 2, 4, 6 stand in 3, 3, 3 rows; 6 stands third in row 2 only.
    assert_eq!((row.answer_as_target, row.rarest_term, row.answer_at_position), (3, 3, 1));
    // Of the rows that count by one only 2 3 4 lies within 2 .. 6.
    assert_eq!((row.same_task_rows, row.successor_rows_in_range), (5, 1));
    let memorizers: Vec<Memorizer> = read_table(&out.join("memorizers.parquet")).unwrap();
    let said = |name: &str, view: &str| {
        let row =
            memorizers.iter().find(|row| (&*row.memorizer, &*row.view, row.example_id) == (name, view, 100));
        row.map(|row| (row.prediction.clone(), row.correct)).unwrap()
    };
    for view in ["terms", "tokens"] {
        assert_eq!(said("bigram", view), ("6".to_owned(), true), "4 is followed by 6, twice");
        assert_eq!(said("suffix_backoff", view), ("6".to_owned(), true));
        assert_eq!(said("copy_last", view), ("4".to_owned(), false));
        // Contexts 1 2, 2 3, 9 4, 5 6 7, 4 6 against 2 4: 2 3 and 9 4 share a place, 2 3 comes first.
        assert_eq!(said("nearest_neighbor", view), ("4".to_owned(), false));
    }
    let ceilings: Vec<Ceiling> = read_table(&out.join("ceilings.parquet")).unwrap();
    let best = ceilings
        .iter()
        .find(|row| row.split == "test" && row.task == "task" && row.metric == "u_best")
        .unwrap();
    assert_eq!(
        (best.memorizer.as_str(), best.view.as_str(), best.value, best.n),
        ("bigram", "terms", 1.0, 1)
    );
    let certificates: Vec<Certificate> = read_table(&out.join("certificate.parquet")).unwrap();
    let units: Vec<_> =
        certificates.iter().filter(|row| row.check == "units" && row.left == "test").collect();
    assert!(units.iter().all(|row| !row.gate && row.passed), "at level random units are a report");
    let canonical = units.iter().find(|row| row.view == "canonical" && row.right == "train").unwrap();
    assert_eq!((canonical.compared, canonical.violations, canonical.worst), (2, 1, 100));
}

#[test]
fn a_domain_that_train_has_nothing_of_has_no_memory() {
    // Months and letters are held out whole: nothing of train follows anything in their worlds.
    let notation = Notation::Numeral;
    let leak = leak_of(notation, "family", |splits| {
        for (rows, names) in splits[1..].iter_mut().zip([("fibonacci", "letter"), ("cyclic", "month")]) {
            for row in rows {
                (row.family, row.domain) = (names.0.to_owned(), names.1.to_owned());
            }
        }
    });
    assert_eq!(leak, None);
    // Held-out answers that are longer than any of train: nobody is asked for their last terms.
    let leak = leak_of(notation, "random", |splits| {
        for row in &mut splits[2] {
            (row.answer_start, row.answer_length) = (3, 3);
        }
    });
    assert_eq!(leak, None);
}

#[test]
fn the_audit_says_what_it_was_of_and_a_definition_without_a_level_is_refused() {
    let notation = Notation::Numeral;
    let folder = tempfile::tempdir().unwrap();
    let splits = clean(notation);
    let inputs = write(folder.path(), "transition", notation, [&splits[0], &splits[1], &splits[2]]);
    let tables = [("data/test-00000-of-00001.parquet", "ab"), ("data/vocabulary.parquet", "cd")];
    let provenance = Provenance {
        inputs: tables.map(|(table, digest)| (table.to_owned(), digest.to_owned())).into(),
        ..Provenance::default()
    };
    let run = || auditor::run(&auditor::Config::default(), &inputs, folder.path(), &provenance);
    run().unwrap();
    let found: Vec<Audited> = read_table(&folder.path().join("audited.parquet")).unwrap();
    let found: Vec<_> = found.iter().map(|row| (&*row.file, &*row.digest)).collect();
    assert_eq!(found, tables);
    artifact::write_definition(&inputs.definition, &Provenance::default(), []).unwrap();
    let said = run().unwrap_err().to_string();
    assert!(
        said.ends_with("definition.parquet: it says no `level` of `holdout`; rerun the build stage"),
        "{said}"
    );
    std::fs::remove_file(&inputs.definition).unwrap();
    let said = run().unwrap_err().to_string();
    assert!(said.ends_with("definition.parquet: missing; rerun the build stage"), "{said}");
}

#[test]
fn rows_of_a_domain_that_train_lacks_are_answered_by_nothing_and_nothing_panics() {
    for notation in NOTATIONS {
        let months = |splits: &mut [Vec<Example>; 3]| {
            splits[2].iter_mut().for_each(|row| row.domain = "month".to_owned());
        };
        assert_eq!(leak_of(notation, "random", months), None);
    }
}
