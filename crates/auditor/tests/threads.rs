//! The tables are byte for byte the same whatever the number of threads, and doubling in
//! digits is what it is: nothing to repeat, but local.

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
    assert!(matches!(Notation::Numeral, Notation::Numeral));
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
