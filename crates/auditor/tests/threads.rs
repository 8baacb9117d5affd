//! The tables are byte for byte the same whatever the number of threads, and doubling in
//! digits is what it is: nothing to repeat, but local.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use artifact::tables::{Ceiling, Example};
use common::{Notation, audit, examples, write};

/// Doubling in fixed-width digits, starts split by their odd part.
fn doubling() -> [Vec<Example>; 3] {
    let mut splits = [vec![], vec![], vec![]];
    for start in 1..2500_i64 {
        let odd = start >> start.trailing_zeros();
        let split = match (odd / 2 * 7919) % 10 {
            0 => 2,
            1 => 1,
            _ => 0,
        };
        splits[split].push((0..5).map(|i| start << i).collect::<Vec<_>>());
    }
    let mut first = 0;
    splits.map(|rows| {
        first += 10_000;
        examples(first, &rows, Notation::Digits(5))
    })
}

#[test]
fn one_thread_and_three_write_the_same_bytes_and_doubling_in_digits_is_shallow_but_not_memory() {
    let folder = tempfile::tempdir().unwrap();
    let splits = doubling();
    let inputs =
        write(folder.path(), "transition", Notation::Digits(5), [&splits[0], &splits[1], &splits[2]]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (out, result) = pool.install(|| audit(folder.path(), &inputs));
        result.unwrap();
        let names = ["certificate", "leakage", "exposure", "memorizers", "ceilings"];
        names.map(|name| std::fs::read(out.join(format!("{name}.parquet"))).unwrap())
    };
    assert!(run(1) == run(3));
    let ceilings: Vec<Ceiling> = artifact::read_table(&folder.path().join("out/ceilings.parquet")).unwrap();
    let value = |metric: &str| {
        ceilings
            .iter()
            .find(|row| row.split == "test" && row.task.is_empty() && row.metric == metric)
            .unwrap()
            .value
    };
    assert_eq!(value("u_union"), 0.0);
    assert!(value("s_best") > 0.98, "{}", value("s_best"));
}

#[test]
fn steps_in_numerals_are_beyond_every_memorizer() {
    // Steps 1 .. 10 below 200; of each step, blocks of transitions are held out.
    let mut splits = [vec![], vec![], vec![]];
    for step in 1..=10_i64 {
        for start in 0..200 - 3 * step {
            let terms: Vec<i64> = (0..4).map(|i| start + i * step).collect();
            let block = |value: i64| (value / step / 12 * 5 + value % step * 3 + step) % 8;
            let assigned: Vec<i64> = terms[..3].iter().map(|value| block(*value).min(2)).collect();
            if assigned.iter().all(|colour| *colour == assigned[0]) {
                splits[2 - assigned[0] as usize].push(terms);
            }
        }
    }
    let [train, validation, test] = splits;
    let mut first = 0;
    let splits = [train, validation, test].map(|rows| {
        first += 10_000;
        examples(first, &rows, Notation::Numeral)
    });
    let folder = tempfile::tempdir().unwrap();
    let inputs = write(folder.path(), "transition", Notation::Numeral, [&splits[0], &splits[1], &splits[2]]);
    let (out, result) = audit(folder.path(), &inputs);
    result.unwrap();
    let ceilings: Vec<Ceiling> = artifact::read_table(&out.join("ceilings.parquet")).unwrap();
    for row in ceilings.iter().filter(|row| row.metric == "u_best") {
        assert!(row.value <= 0.03, "{} solves {} of {}", row.memorizer, row.value, row.split);
    }
}
