//! Counterfactuals that keep what they promise pass; every broken promise is found.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use artifact::tables::{Certificate, Counterfactual, Example};
use artifact::{Provenance, read_table, write_table};
use auditor::{Error, Leak};
use common::{Notation, audit, example, examples, write};

/// +2 rows: test 10 12 14 16, 11 13 15 17, ... below 100, train from 200.
fn splits(notation: Notation) -> [Vec<Example>; 3] {
    let rows = |from: i64, to: i64| (from..to).map(|a| vec![a, a + 2, a + 4, a + 6]).collect::<Vec<_>>();
    [
        examples(0, &rows(200, 260), notation),
        examples(1000, &rows(100, 110), notation),
        examples(2000, &rows(10, 30), notation),
    ]
}

/// A corrupted twin of the test row `id`, which is what the kind asks for.
fn twin(kind: &str, id: i64, context: [i64; 3], answer: i64, notation: Notation) -> Counterfactual {
    let clean: Vec<i64> = (0..4).map(|at| 10 + (id - 2000) + 2 * at).collect();
    let terms = [context.as_slice(), &[answer]].concat();
    let (right, start, _) = notation.tokens(&clean);
    let (tokens, _, _) = notation.tokens(&terms);
    let position = (start as usize..tokens.len()).find(|at| tokens[*at] != right[*at]).unwrap();
    Counterfactual {
        example_id: id,
        kind: kind.to_owned(),
        edited: (0..3).filter(|at| clean[*at as usize] != terms[*at as usize]).collect(),
        parameter: None,
        position: position as i32,
        answer_token: right[position].into(),
        counterfactual_token: tokens[position].into(),
        terms,
        tokens,
    }
}

fn good(notation: Notation) -> Vec<Counterfactual> {
    vec![
        twin("random_members", 2000, [14, 20, 26], 26, notation),
        twin("shuffle", 2001, [15, 13, 11], 11, notation),
        twin("repeat_last", 2002, [90, 90, 90], 90, notation),
        twin("one_edit", 2003, [13, 15, 44], 44, notation),
        twin("step_swap", 2004, [14, 19, 24], 29, notation),
        twin("start_shift", 2005, [55, 57, 59], 61, notation),
    ]
}

fn audited(
    notation: Notation,
    plant: impl Fn(&mut Vec<Counterfactual>, &mut [Vec<Example>; 3]),
) -> (Option<Leak>, Vec<Certificate>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut rows, mut splits) = (good(notation), splits(notation));
    plant(&mut rows, &mut splits);
    let mut inputs = write(folder.path(), "transition", notation, [&splits[0], &splits[1], &splits[2]]);
    let path = folder.path().join("counterfactuals.parquet");
    write_table(&path, &Provenance::default(), rows).unwrap();
    inputs.counterfactuals = Some(path);
    let (out, result) = audit(folder.path(), &inputs);
    let certificates: Vec<Certificate> = read_table(&out.join("certificate.parquet")).unwrap();
    let certificates = certificates.into_iter().filter(|row| row.check == "counterfactuals").collect();
    match result {
        Ok(()) => (None, certificates),
        Err(Error::Leak(leak)) => (Some(*leak), certificates),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_keeps_its_promises_passes_with_a_report_for_each_kind() {
    for notation in [Notation::Numeral, Notation::Digits(3)] {
        let (leak, certificates) = audited(notation, |_, _| ());
        assert_eq!(leak, None);
        let gates: Vec<_> = certificates.iter().filter(|row| row.gate).collect();
        assert_eq!((gates.len(), gates[0].compared, gates[0].violations), (1, 6, 0));
        let kinds: Vec<_> = certificates.iter().filter(|row| !row.gate).map(|row| &*row.right).collect();
        let expected = ["one_edit", "random_members", "repeat_last", "shuffle", "start_shift", "step_swap"];
        assert_eq!(kinds, expected);
    }
}

#[test]
fn every_broken_promise_is_found_in_its_row() {
    type Plant = fn(&mut Vec<Counterfactual>, Notation);
    let broken: [(Plant, &str, i64); 16] = [
        (|rows, _| rows[0].example_id = 5, "no held-out split", 5),
        (|rows, _| rows[0].example_id = 9999, "no held-out split", 9999),
        (
            |rows, n| rows[1] = Counterfactual { tokens: n.tokens(&[15, 13, 11]).0, ..rows[1].clone() },
            "another number",
            2001,
        ),
        (
            |rows, _| {
                rows[1].terms.pop();
            },
            "another number",
            2001,
        ),
        (|rows, n| rows[2] = twin_with_answer(n), "the same answer", 2002),
        (|rows, _| rows[3].edited = vec![1], "`edited`", 2003),
        (|rows, _| rows[3].edited = vec![1, 2], "`edited`", 2003),
        (|rows, _| rows[4].position += 1, "`position`", 2004),
        (|rows, _| rows[4].answer_token += 1, "`answer_token`", 2004),
        (|rows, _| rows[4].counterfactual_token += 1, "`counterfactual_token`", 2004),
        (|rows, _| rows[0].kind = "repeat_last".to_owned(), "does not repeat", 2000),
        (|rows, _| rows[0].kind = "shuffle".to_owned(), "no permutation", 2000),
        (|rows, _| rows[0].kind = "one_edit".to_owned(), "other than one term", 2000),
        (|rows, _| rows[0].kind = "step_swap".to_owned(), "does not keep the first", 2000),
        (|rows, _| rows[4].kind = "start_shift".to_owned(), "keeps the first", 2004),
        (|rows, _| rows[5].answer_token = -1, "`answer_token`", 2005),
    ];
    for notation in [Notation::Numeral, Notation::Digits(3)] {
        for (plant, part, id) in &broken {
            let (leak, certificates) = audited(notation, |rows, _| plant(rows, notation));
            let leak = leak.unwrap();
            assert_eq!((leak.check.as_str(), leak.left_example_id, leak.rows), ("counterfactuals", *id, 1));
            assert!(leak.piece.contains(part), "expected {part:?}, found {:?}", leak.piece);
            assert_eq!(certificates.iter().filter(|row| !row.gate && row.violations == 1).count(), 1);
        }
    }
}

/// Says the right answer, 18.
fn twin_with_answer(notation: Notation) -> Counterfactual {
    let mut row = twin("repeat_last", 2002, [90, 90, 90], 90, notation);
    row.terms[3] = 18;
    row.tokens = notation.tokens(&row.terms).0;
    row
}

#[test]
fn a_shown_term_before_the_right_answer_is_found_in_any_split() {
    for notation in [Notation::Numeral, Notation::Digits(3)] {
        for split in 0..3 {
            // The last shown term of 2003 is 44, its right answer 19.
            let id = [40, 1004, 2009][split];
            let (leak, _) = audited(notation, |_, splits| {
                splits[split].iter_mut().filter(|row| row.example_id == id).for_each(|row| {
                    *row = example(id, &[300 + id % 10, 44, 19], notation);
                });
            });
            let leak = leak.unwrap();
            let found = (leak.check.as_str(), leak.left_example_id, leak.right_example_id, leak.offset);
            assert_eq!(found, ("counterfactuals", 2003, id, 1), "{leak}");
        }
    }
}

#[test]
fn terms_beside_wrong_tokens_are_found_by_decoding() {
    for notation in [Notation::Numeral, Notation::Digits(3)] {
        // 20 is written 21 in the context: nothing else can tell.
        let (leak, _) = audited(notation, |rows, _| rows[0].tokens = notation.tokens(&[14, 21, 26, 26]).0);
        let leak = leak.unwrap();
        assert_eq!((leak.check.as_str(), leak.left.as_str()), ("decoding", "counterfactuals"));
        assert_eq!((leak.left_example_id, leak.rows), (2000, 1));
    }
}
