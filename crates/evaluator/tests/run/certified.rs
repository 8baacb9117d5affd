//! A score is of rows that were compared with exactly what the model saw, or it is none.

use artifact::read_table;
use artifact::tables::{Prediction, Verdict};
use evaluator::Error;

use crate::world::{SAW, TABLES, World};

/// Another dataset, as an audit of `trained_on: [a]` lists it.
const OTHER: [(&str, &str); 3] = [
    ("trained_on[0]/train-00000-of-00001.parquet", "a1"),
    ("trained_on[0]/validation-00000-of-00001.parquet", "a2"),
    ("trained_on[0]/vocabulary.parquet", "a3"),
];

fn refused(world: &World, name: &str) -> String {
    let error = world.run(name).expect_err("the model may have seen these rows");
    assert!(matches!(error, Error::Uncertified(artifact::Uncertified::NotCompared { .. })), "{error}");
    error.to_string()
}

#[test]
fn a_model_of_other_data_needs_an_audit_of_them() {
    let world = World::new();
    world.saw(&[(0, "train-00000-of-00001.parquet", "a1"), (0, "validation-00000-of-00001.parquet", "a2")]);
    let error = refused(&world, "own");
    assert!(
        error.contains("`train-00000-of-00001.parquet`, which the model was trained on, was not"),
        "{error}"
    );
    assert!(error.contains("trained_on: [...]"), "{error}");
    // With it, the rows are scored, and nothing is said of train rows that the model never saw.
    world.audited(&[TABLES.as_slice(), &OTHER].concat());
    let out = world.run("other").unwrap();
    let predictions: Vec<Prediction> = read_table(&out.join("predictions.parquet")).unwrap();
    assert!(!predictions.is_empty() && predictions.iter().all(|row| row.split != "train"));
    let verdicts: Vec<Verdict> = read_table(&out.join("verdicts.parquet")).unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.other_data && verdict.sentence.contains("other data")));
    // What was logged in training stands for the rows that were fitted: both seeds got all of them right.
    assert!(verdicts.iter().all(|verdict| verdict.train_accuracy == Some(1.0)));
    assert!(verdicts.iter().any(|verdict| verdict.verdict == "not_transferred"));
}

#[test]
fn what_the_trainings_before_saw_counts_too() {
    let world = World::new();
    let own = SAW.map(|(file, digest)| (0, file, digest));
    let before = [(1, "train-00000-of-00001.parquet", "a1"), (1, "validation-00000-of-00001.parquet", "a2")];
    world.saw(&[own, before].concat());
    let error = refused(&world, "one");
    assert!(error.contains("which the model saw 1 training back, was not"), "{error}");
    // Compared with the earlier data alone is not enough either.
    world.audited(&[TABLES.as_slice(), &OTHER].concat());
    assert!(refused(&world, "two").contains("which the model was trained on, was not"));
    let both = [
        ("trained_on[1]/train-00000-of-00001.parquet", "78"),
        ("trained_on[1]/validation-00000-of-00001.parquet", "90"),
    ];
    world.audited(&[TABLES.as_slice(), &OTHER, &both].concat());
    let out = world.run("both").unwrap();
    let verdicts: Vec<Verdict> = read_table(&out.join("verdicts.parquet")).unwrap();
    assert!(verdicts.iter().all(|verdict| !verdict.other_data));
}

#[test]
fn tables_that_the_model_never_saw_do_not_count_for_it() {
    let world = World::new();
    world.saw(&[(0, SAW[1].0, SAW[1].1)]);
    let error = refused(&world, "out");
    assert!(
        error.contains("`data/train-00000-of-00001.parquet`, which the model never saw, was too"),
        "{error}"
    );
}

#[test]
fn tokens_that_mean_something_else_to_the_model_are_refused() {
    let world = World::new();
    let tokens = artifact::read_vocabulary(&world.inputs.vocabulary).unwrap();
    let path = world.folder.path().join("other.parquet");
    let with = |tokens: Vec<artifact::tables::Token>, name: &str| {
        artifact::write_table(&path, &artifact::Provenance::default(), tokens).unwrap();
        let mut inputs = world.inputs.clone();
        inputs.model_vocabulary.clone_from(&path);
        world.run_with(&inputs, name, &TABLES[1..])
    };
    let mut other = tokens.clone();
    let last = other.len() - 1;
    other[last].token = "1199".to_owned();
    let error = with(other, "other").expect_err("another number").to_string();
    assert!(error.contains(&format!("token {last} is `199` (value), but `1199` (value) in")), "{error}");
    let error = with(tokens[..last].to_vec(), "fewer").expect_err("one token less").to_string();
    assert!(error.contains("but no token in"), "{error}");
    with(tokens, "same").unwrap();
}
