//! A score never claims that rows are new to a model that has seen them: trained on A, scored on B.
#![expect(dead_code, reason = "what tests share is not used by each of them")]
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

mod support;

use artifact::read_table;
use artifact::tables::{Certificate, Exposure, Prediction, TrainedOn, Verdict};
use support::Place;

/// Two builds of the same rule, a training on the first, one that goes on with the second, and an evaluation on the second.
fn definition(start: &str, seed: u32, audit: &str, model: &str) -> String {
    format!(
        "\
name: tiny
stages:
  a:
    build:
      seed: 1
      tasks:
        x2: {{ family: {{ geometric: {{ ratio: 2 }} }}, start: {{ min: 1, max: 499 }}, terms: 4, notation: {{ digits: {{ width: 6 }} }} }}
      holdout: {{ level: transition, test: 0.10, validation: 0.05 }}
  b:
    build:
      seed: 1
      tasks:
        x2: {{ family: {{ geometric: {{ ratio: 2 }} }}, start: {start}, terms: 4, notation: {{ digits: {{ width: 6 }} }} }}
      holdout: {{ level: transition, test: 0.10, validation: 0.05, seed: {seed} }}
  audit_b: {{ audit: {{ data: b }} }}
  audit_ab: {{ audit: {{ data: b, trained_on: {audit} }} }}
  train_a:
    train: {{ data: a, model: &model {{ n_layers: 1, n_heads: 2, d_model: 16, d_mlp: 32, n_ctx: 28 }}, seeds: 2, steps: 12, batch: 16 }}
  train_ab:
    train: {{ data: b, from: train_a, model: *model, seeds: 2, steps: 12, batch: 16 }}
  evaluate: {{ evaluate: {{ data: b, audit: {model} }} }}
"
    )
}

const SAME: &str = "{ min: 1, max: 499 }";
const LARGER: &str = "{ min: 4001, max: 9999 }";

#[test]
fn an_audit_of_other_rows_than_the_model_saw_is_refused_before_anything_runs() {
    let place = Place::new(&definition(SAME, 7, "[a]", "audit_b, model: train_a"));
    let said = place.seqlab(&["run", "tiny.yaml"], 2);
    assert!(
        said.contains("the models of `train_a` saw `a`, but `audit_b` does not compare the rows of `b` with exactly that")
            && said.contains("`audit_b: { audit: { data: b, trained_on: [a] } }`")
            && said.contains("tiny.yaml:21:"),
        "{said}"
    );
    assert_eq!(place.names("results"), [""; 0]);
    // The training before counts too.
    let place = Place::new(&definition(LARGER, 7, "[a]", "audit_ab, model: train_ab"));
    let said = place.seqlab(&["run", "tiny.yaml"], 2);
    assert!(
        said.contains("`train_ab` saw") && said.contains("`a`") && said.contains("trained_on: ["),
        "{said}"
    );
}

#[test]
fn rows_that_the_model_was_trained_on_are_a_leak_whoever_held_them_out() {
    // The same rows held out by another seed: most of the test rows of b were trained on in a.
    let place = Place::new(&definition(SAME, 7, "[a]", "audit_ab, model: train_a"));
    let said = place.seqlab(&["run", "tiny.yaml", "evaluate"], 1);
    assert!(said.contains("audit_ab") && said.contains("of test") && said.contains("train"), "{said}");
    assert!(!place.path("results/tiny/evaluate").exists());
}

#[test]
fn trained_on_one_and_scored_on_another_is_certified_and_says_so() {
    let place = Place::new(&definition(LARGER, 1, "[a]", "audit_ab, model: train_a"));
    place.seqlab(&["run", "tiny.yaml", "evaluate"], 0);
    let read = |name: &str| place.path(&format!("results/tiny/{name}.parquet"));
    let saw: Vec<TrainedOn> = read_table(&read("train_a/trained_on")).unwrap();
    let files: Vec<(i32, &str)> = saw.iter().map(|row| (row.generation, row.file.as_str())).collect();
    assert_eq!(files, [(0, "train-00000-of-00001.parquet"), (0, "validation-00000-of-00001.parquet")]);
    // Both splits of b are compared with both of a, and with nothing of b's own train rows.
    let checks: Vec<Certificate> = read_table(&read("audit_ab/certificate")).unwrap();
    let units = |left: &str, right: &str| {
        let mut found = checks.iter().filter(|check| check.check == "units" && check.gate);
        found.any(|check| check.left == left && check.right == right && check.passed)
    };
    for split in ["test", "validation"] {
        assert!(units(split, "train") && units(split, "trained_validation"), "{split}");
    }
    // The ledger counts rows of a, which hold none of the larger values whole.
    let exposure: Vec<Exposure> = read_table(&read("audit_ab/exposure")).unwrap();
    assert!(exposure.iter().all(|row| row.answer_as_target == 0));
    let predictions: Vec<Prediction> = read_table(&read("evaluate/predictions")).unwrap();
    assert!(predictions.iter().all(|row| row.split != "train"), "the model never saw these train rows");
    let verdicts: Vec<Verdict> = read_table(&read("evaluate/verdicts")).unwrap();
    assert!(verdicts.iter().all(|row| row.other_data && row.sentence.contains("of other data")));
}

#[test]
fn a_training_that_goes_on_is_certified_against_all_that_it_saw() {
    let place = Place::new(&definition(LARGER, 1, "[a, b]", "audit_ab, model: train_ab"));
    place.seqlab(&["run", "tiny.yaml", "evaluate"], 0);
    let saw: Vec<TrainedOn> = read_table(&place.path("results/tiny/train_ab/trained_on.parquet")).unwrap();
    let generations: Vec<i32> = saw.iter().map(|row| row.generation).collect();
    assert_eq!(generations, [0, 0, 1, 1]);
    let verdicts: Vec<Verdict> = read_table(&place.path("results/tiny/evaluate/verdicts.parquet")).unwrap();
    assert!(verdicts.iter().all(|row| !row.other_data && row.train_accuracy.is_some()));
}

#[test]
fn an_audit_of_a_pair_has_the_points_of_what_was_trained_on() {
    let definition = definition(LARGER, 1, "[a]", "audit_ab, model: train_a")
        .replace("name: tiny\n", "name: tiny\nmatrix: { k: [5, 7] }\n")
        .replacen("build:\n      seed: 1", "build:\n      seed: \"${matrix.k}\"", 1);
    let place = Place::new(&definition);
    let plan = place.seqlab(&["run", "tiny.yaml", "--dry-run"], 0);
    for stage in ["a", "audit_ab", "train_a", "evaluate"] {
        assert_eq!(plan.lines().filter(|line| line.starts_with(&format!("{stage} k="))).count(), 2, "{plan}");
    }
    place.seqlab(&["run", "tiny.yaml", "evaluate"], 0);
}

#[test]
fn heads_are_not_looked_at_on_rows_that_the_models_may_have_seen() {
    let with = |audit: &str| {
        let definition = definition(LARGER, 1, "[a]", "audit_ab, model: train_a");
        format!(
            "{definition}  analyze: {{ analyze: {{ data: b, model: train_a{audit}, analyses: [ablation] }} }}\n"
        )
    };
    let said = Place::new(&with("")).seqlab(&["run", "tiny.yaml"], 2);
    assert!(
        said.contains("the models of `train_a` saw `a`, so that rows of `b` may be none that they never saw")
            && said.contains("`{ audit: { data: b, trained_on: [a] } }`"),
        "{said}"
    );
    let said = Place::new(&with(", audit: audit_b")).seqlab(&["run", "tiny.yaml"], 2);
    assert!(said.contains("`audit_b` does not compare the rows of `b` with exactly that"), "{said}");
    Place::new(&with(", audit: audit_ab")).seqlab(&["run", "tiny.yaml", "analyze"], 0);
}

#[test]
fn the_page_shows_the_audit_that_the_score_rests_on_and_one_evaluation() {
    let pages = "  page: { report: { inputs: [b, audit_ab, audit_b, train_a, evaluate] } }\n  \
                 wrong: { report: { inputs: [b, audit_b, train_a, evaluate] } }\n";
    let place = Place::new(&(definition(LARGER, 1, "[a]", "audit_ab, model: train_a") + pages));
    place.seqlab(&["run", "tiny.yaml", "page", "wrong"], 0);
    let page =
        |name: &str| std::fs::read_to_string(place.path(&format!("results/tiny/{name}/index.html"))).unwrap();
    // The certificate of b alone, which the score does not rest on, is on neither page.
    assert!(page("page").contains("test against trained_validation"));
    assert!(!page("wrong").contains("id=\"p0-certificate\""));
    assert!(page("wrong").contains("No certificate among the inputs"));
}
