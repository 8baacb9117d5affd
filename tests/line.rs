//! The whole line, from YAML to report: what it leaves, what it repeats, what it proves.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

mod support;

use std::time::Instant;

use artifact::tables::{Checkpoint, Control, Example, Memorizer, Prediction, Score, Verdict};
use artifact::{Provenance, read_table, write_table};
use support::{Place, TINY};

const ALL: [&str; 6] = ["data", "audit", "train", "evaluate", "analyze", "report"];

#[test]
fn a_pipeline_leaves_every_table_and_reruns_only_what_a_change_touches() {
    let place = Place::new(TINY);
    assert_eq!(place.run(&[]), ALL);
    for file in [
        "datasets/tiny/train-00000-of-00001.parquet",
        "datasets/tiny/validation-00000-of-00001.parquet",
        "datasets/tiny/test-00000-of-00001.parquet",
        "datasets/tiny/definition.parquet",
        "datasets/tiny/vocabulary.parquet",
        "datasets/tiny/counterfactuals.parquet",
        "datasets/tiny/README.md",
        "results/tiny/audit/audited.parquet",
        "results/tiny/audit/certificate.parquet",
        "results/tiny/audit/leakage.parquet",
        "results/tiny/audit/exposure.parquet",
        "results/tiny/audit/memorizers.parquet",
        "results/tiny/train/training.parquet",
        "results/tiny/train/checkpoints.parquet",
        "results/tiny/train/model.json",
        "results/tiny/train/resume.parquet",
        "results/tiny/train/vocabulary.parquet",
        "results/tiny/evaluate/predictions.parquet",
        "results/tiny/evaluate/scores.parquet",
        "results/tiny/analyze/measurements.parquet",
        "results/tiny/report/index.html",
    ] {
        assert!(place.path(file).is_file(), "{file} is missing");
    }
    let first = place.results();
    let manifest = artifact::read_manifest(&place.entry("results/tiny/train")).unwrap().unwrap();
    assert_eq!(manifest.run["measured"]["steps"], 24, "two seeds of twelve steps");
    assert!(manifest.run["measured"]["steps_per_s"].as_f64().is_some_and(|rate| rate > 0.0));

    let begun = Instant::now();
    assert_eq!(place.run(&[]), [""; 0], "a second run runs nothing");
    assert!(begun.elapsed().as_secs() < 5, "and does not take as long as a run");

    assert_eq!(place.run(&["--set", "train.steps=13"]), ["train", "evaluate", "analyze", "report"]);
    let why = place.seqlab(&["why", "tiny.yaml", "train", "--set", "train.steps=14"], 0);
    assert!(why.contains("steps: 12 -> 14"), "{why}");
    assert!(place.path("results/tiny@train.steps=13/report/index.html").is_file());
    assert_eq!(place.run(&[]), [""; 0], "going back runs nothing");
    assert_eq!(place.results(), first, "and shows the earlier results");

    let ran = place.run(&["--set", "data.rows.test=60"]);
    assert!(ran.contains(&"data".to_owned()) && ran.contains(&"audit".to_owned()), "{ran:?}");
    assert!(!ran.contains(&"train".to_owned()), "fewer test rows retrained: {ran:?}");

    // The same rows under another promise: trained as before, audited and scored again.
    let block = ["--set", "data.holdout.block=12"];
    let ran = place.run(&block);
    assert_eq!(ran, ["data", "audit", "evaluate", "report"], "twelve is what was left out");

    assert_eq!(
        place.run(&["evaluate", "--set", "train.steps=14"]),
        ["data", "train", "evaluate"].map(str::to_owned)[1..]
    );
    let stale = place.seqlab(&["run", "tiny.yaml", "report", "--only", "--set", "train.steps=15"], 0);
    assert!(stale.contains("does not fit the definition any more"), "{stale}");
}

#[test]
fn bytes_do_not_depend_on_threads_or_folder() {
    let (one, two) = (Place::new(TINY), Place::new(TINY));
    one.run(&["--threads", "1"]);
    two.run(&["--threads", "2"]);
    assert_eq!(one.results(), two.results());
}

#[test]
fn rows_model_and_memorisers_write_a_number_alike_and_as_people_do() {
    // Four digits, the ones first.
    let place = Place::new(&TINY.replace("steps: 12\n", "steps: 120\n"));
    place.run(&["evaluate"]);
    let rows = read_table::<Example>(&place.path("datasets/tiny/test-00000-of-00001.parquet")).unwrap();
    let number = |value: &i64| value.to_string();
    for row in &rows {
        assert_eq!(row.text, row.terms.iter().map(number).collect::<Vec<_>>().join(" "));
    }
    let answer = |id: i64| {
        let row = rows.iter().find(|row| row.example_id == id).expect("a row of test");
        number(row.terms.last().expect("it has an answer"))
    };
    let is_number = |text: &str| text.parse::<i64>().is_ok_and(|value| number(&value) == text);
    let said = read_table::<Prediction>(&place.path("results/tiny/evaluate/predictions.parquet")).unwrap();
    for said in said.iter().filter(|said| said.split == "test") {
        assert_eq!(is_number(&said.prediction), said.error_class != "malformed", "{said:?}");
        assert!(!said.correct || said.prediction == answer(said.example_id), "{said:?}");
    }
    let said = read_table::<Memorizer>(&place.path("results/tiny/audit/memorizers.parquet")).unwrap();
    let right = |view: &str| {
        let right = |said: &&Memorizer| said.correct && said.split == "test" && said.view == view;
        let right: Vec<_> = said.iter().filter(right).collect();
        assert!(right.iter().all(|said| said.prediction == answer(said.example_id)), "{view}");
        right.len()
    };
    // At level `transition` no whole term is remembered, but digits can be put together.
    assert!(right("tokens") > right("terms"));
    let odd = said.iter().filter(|said| !is_number(&said.prediction));
    assert!(odd.into_iter().all(|said| said.view == "tokens" && !said.correct));
}

#[test]
fn test_rows_share_no_transition_with_train_and_random_rows_do() {
    let place = Place::new(TINY);
    let shared = |place: &Place| {
        let rows = |split: &str| {
            read_table::<Example>(&place.path(&format!("datasets/tiny/{split}-00000-of-00001.parquet")))
                .unwrap()
        };
        let pairs = |rows: Vec<Example>| -> std::collections::BTreeSet<(i64, i64)> {
            rows.iter()
                .flat_map(|row| row.terms.windows(2).map(|w| (w[0], w[1])).collect::<Vec<_>>())
                .collect()
        };
        let (train, validation, test) =
            (pairs(rows("train")), pairs(rows("validation")), pairs(rows("test")));
        assert!(!train.is_empty() && !validation.is_empty() && !test.is_empty());
        train.intersection(&test).count()
            + train.intersection(&validation).count()
            + validation.intersection(&test).count()
    };
    place.run(&["data"]);
    assert_eq!(shared(&place), 0);
    place.run(&["data", "--set", "data.holdout.level=random"]);
    assert_eq!(shared(&place), 0, "what `--set` changes lies elsewhere");
    std::fs::write(place.path("tiny.yaml"), TINY.replace("level: transition", "level: random")).unwrap();
    place.run(&["data"]);
    assert!(shared(&place) > 0);
}

#[test]
fn planted_leaks_stop_the_audit_and_name_the_witness() {
    let place = Place::new(TINY);
    place.run(&["data"]);
    let path = |split: &str| place.path(&format!("datasets/tiny/{split}-00000-of-00001.parquet"));
    let clean = place.seqlab(&["audit", "datasets/tiny"], 0);
    assert!(clean.contains("clean: nothing leaks"), "{clean}");
    let (train, test) =
        (read_table::<Example>(&path("train")).unwrap(), read_table::<Example>(&path("test")).unwrap());
    let planted = |name: &str, rows: Vec<Example>| {
        let folder = place.path(name);
        std::fs::create_dir(&folder).unwrap();
        for split in ["validation", "test"] {
            let file = format!("{split}-00000-of-00001.parquet");
            std::fs::copy(place.path("datasets/tiny").join(&file), folder.join(&file)).unwrap();
        }
        for file in ["vocabulary.parquet", "definition.parquet"] {
            std::fs::copy(place.path("datasets/tiny").join(file), folder.join(file)).unwrap();
        }
        write_table(&folder.join("train-00000-of-00001.parquet"), &Provenance::default(), rows).unwrap();
        place.seqlab(&["audit", name, "--ours"], 1)
    };
    let witness = train.last().unwrap().example_id;

    // A whole row, under the identity of the last train row.
    let mut rows = train.clone();
    *rows.last_mut().unwrap() = Example { example_id: witness, ..test[3].clone() };
    let found = planted("row", rows);
    assert!(
        found.contains(&format!("{}", test[3].example_id)) && found.contains(&witness.to_string()),
        "{found}"
    );

    // The end of a train row takes over one transition of a test row, in terms and in tokens.
    let (mut rows, last) = (train.clone(), test[5].terms.len() - 1);
    let row = rows.last_mut().unwrap();
    row.terms[last - 1] = test[5].terms[last - 1];
    row.terms[last] = test[5].terms[last];
    let (from, to) = (row.tokens.len() - 1 - 2 * 4 - 1, row.tokens.len() - 1);
    row.tokens[from..to].copy_from_slice(&test[5].tokens[from..to]);
    let found = planted("transition", rows);
    assert!(
        found.contains(&test[5].example_id.to_string()) && found.contains(&witness.to_string()),
        "{found}"
    );

    // Right terms beside wrong tokens.
    let mut rows = train.clone();
    let row = rows.last_mut().unwrap();
    row.tokens.swap(1, 6);
    row.tokens[1] = if row.tokens[1] == row.tokens[2] { row.tokens[1] ^ 1 } else { row.tokens[2] };
    let found = planted("tokens", rows);
    assert!(found.contains("decoding"), "{found}");
}

#[test]
fn scores_stand_beside_their_controls() {
    let place = Place::new(TINY);
    place.run(&["evaluate"]);
    let controls = read_table::<Control>(&place.path("results/tiny/evaluate/controls.parquet")).unwrap();
    let control = |model: &str| {
        let all = |c: &&Control| c.split == "test" && c.task.is_empty() && c.slice == "all";
        controls.iter().filter(all).find(|c| c.model == model && c.metric == "accuracy").and_then(|c| c.value)
    };
    assert_eq!(control("oracle"), Some(1.0));
    assert!(control("untrained").is_some_and(|accuracy| accuracy < 0.05));
    let scores = read_table::<Score>(&place.path("results/tiny/evaluate/scores.parquet")).unwrap();
    let index = scores.iter().find(|s| s.metric == "rule_index" && s.split == "test" && s.slice == "all");
    assert!(index.and_then(|s| s.value).is_some_and(|index| index <= 1.0));
    assert!(scores.iter().all(|s| s.value.is_none_or(f64::is_finite)));
    // The page says what the evaluation decided, word for word.
    place.run(&["report"]);
    let verdicts = read_table::<Verdict>(&place.path("results/tiny/evaluate/verdicts.parquet")).unwrap();
    let page = std::fs::read_to_string(place.path("results/tiny/report/index.html")).unwrap();
    assert!(page.contains(&verdicts[0].headline) && page.contains(&verdicts[0].sentence));
}

#[test]
fn a_second_runner_is_told_who_holds_the_lock() {
    let place = Place::new(TINY);
    std::fs::create_dir_all(place.path(".seqlab/locks")).unwrap();
    let lock = std::fs::File::create(place.path(".seqlab/locks/tiny.lock")).unwrap();
    lock.lock().unwrap();
    let said = place.seqlab(&["run", "tiny.yaml"], 75);
    assert!(said.contains("is in use by"), "{said}");
}

#[test]
fn a_closed_pipe_ends_a_listing_quietly() {
    let place = Place::new(TINY);
    let mut listing = place.command(&["schema"]);
    listing.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut listing = listing.spawn().unwrap();
    drop(listing.stdout.take());
    let output = listing.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_training_that_diverges_says_where_and_keeps_what_was_good() {
    let place = Place::new(TINY);
    let said = place.seqlab(&["run", "tiny.yaml", "train", "--set", "train.optimizer.learning_rate=1e30"], 1);
    assert!(said.contains("the loss is NaN at step"), "{said}");
    let partial = place.names(".seqlab/partial");
    let [kept] = partial.as_slice() else { panic!("{partial:?}") };
    assert!(place.path(&format!(".seqlab/partial/{kept}/checkpoints.parquet")).is_file());
    assert_eq!(place.names("results"), [""; 0]);
    let status = ["status", "tiny.yaml", "--set", "train.optimizer.learning_rate=1e30"];
    assert!(place.seqlab(&status, 0).contains("train     failed (stage train failed: exit status 1"));
    place.run(&["train"]);
}

#[test]
fn the_seed_of_the_split_is_swept_and_the_models_seeds_move_no_row() {
    let definition = TINY
        .replace("\nstages:", "\nmatrix: { half: [1, 2] }\nstages:")
        .replace("holdout: { level", "holdout: { seed: \"${matrix.half}\", level");
    let place = Place::new(&definition);
    place.run(&["data"]);
    let files = |split: u8| {
        let path = place.path(&format!("datasets/tiny/half={split}/test-00000-of-00001.parquet"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let rows = |split: u8| -> std::collections::BTreeSet<Vec<i64>> {
        let path = place.path(&format!("datasets/tiny/half={split}/test-00000-of-00001.parquet"));
        read_table::<Example>(&path).unwrap().into_iter().map(|row| row.terms).collect()
    };
    assert!(rows(1).len() > 20 && rows(2).len() > 20);
    assert_ne!(rows(1), rows(2), "another split holds out other rows");
    let before = [files(1), files(2)];
    assert_eq!(place.run(&["data", "--set", "train.seeds=5"]), [""; 0], "the data stage does not see them");
    assert_eq!([files(1), files(2)], before);
}

#[test]
fn a_finished_training_is_continued_under_a_key_of_its_own() {
    let more = "  more: { train: { data: data, from: train, model: { n_layers: 1, n_heads: 2, d_model: 16, d_mlp: 32 }, \
                seeds: 2, steps: 8, batch: 16 } }\n  evaluate: { evaluate: { data: data, audit: audit, model: more } }";
    let place = Place::new(
        &TINY.replace("  evaluate: { evaluate: { data: data, audit: audit, model: train } }", more),
    );
    assert_eq!(place.run(&["evaluate"]), ["data", "audit", "train", "more", "evaluate"]);
    let checkpoints = read_table::<Checkpoint>(&place.path("results/tiny/more/checkpoints.parquet")).unwrap();
    let steps: Vec<_> = checkpoints.iter().map(|checkpoint| (checkpoint.seed, checkpoint.step)).collect();
    assert_eq!(steps, [(0, 12), (0, 20), (1, 12), (1, 20)]);
    let scores = read_table::<Score>(&place.path("results/tiny/evaluate/scores.parquet")).unwrap();
    assert!(scores.iter().any(|score| score.model == "trained" && score.step == 20));
    assert_eq!(place.run(&["evaluate", "--set", "more.steps=9"]), ["more", "evaluate"]);
    assert_eq!(place.run(&["more", "--set", "train.optimizer.beta2=0.99"]), ["train", "more"]);
    let said = place.seqlab(&["run", "tiny.yaml", "more", "--set", "more.model.d_model=8"], 2);
    assert!(said.contains("model.d_model: d_model is 8, but 16 in `train`, which it goes on from"), "{said}");
}
