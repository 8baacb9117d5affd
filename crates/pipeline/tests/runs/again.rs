//! What runs again, and what does not.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pipeline::{Change, Event, Options, Selection, State};

use crate::NOTHING;
use crate::common::{Place, X2, options, plan, plan_with};

#[test]
fn a_second_run_runs_nothing_and_a_change_reruns_what_depends_on_it() {
    let place = Place::new();
    let run = |sets: &[&str]| place.run(X2, sets, &options()).expect("it runs");
    assert_eq!(run(&[]), ["data", "train", "evaluate", "report"]);
    assert_eq!(run(&[]), NOTHING);
    assert_eq!(run(&["train.steps=500"]), ["train", "evaluate", "report"]);
    assert_eq!(run(&[]), NOTHING, "changing it back finds the earlier folders");
    assert_eq!(
        place.read("results/x2/train/model.txt"),
        "300 1 10",
        "which the definition's own folder shows"
    );
    assert_eq!(
        place.read("results/x2@train.steps=500/train/model.txt"),
        "500 1 10",
        "beside what was changed"
    );
    assert_eq!(run(&["data.rows.test=4"]), ["data", "evaluate", "report"], "the train table is the same");
    assert_eq!(run(&["description=Other"]), ["report"], "only the page shows it");
    assert_eq!(
        run(&["train.rate=0.0"]),
        ["report"],
        "a default written out is the same content; the page says where it lies"
    );
    let swapped = X2.replace("a: {}, b: {}", "b: {}, a: {}");
    let ran = place.run(&swapped, &[], &options()).expect("it runs");
    assert_eq!(
        ran,
        ["data", "report"],
        "the order of tasks decides who owns a row, but here the tables come out the same; the page shows the order"
    );
}

#[test]
fn the_device_and_the_version_are_part_of_the_key() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let cuda = Options { device: "cuda".to_owned(), ..options() };
    assert_eq!(
        place.run(X2, &[], &cuda).expect("it runs"),
        ["train", "report"],
        "the weights came out the same"
    );
    let plan = plan_with(X2, &[], 2).expect("a plan");
    let steps = pipeline::dry_run(&plan, &place.layout, &options()).expect("a dry run");
    assert!(
        matches!(&steps[0].state, State::Stale(changes) if *changes == [Change::Version { old: 1, new: 2 }])
    );
    assert!(matches!(&steps[1].state, State::Waiting(on) if *on == [0]));
}

#[test]
fn why_tells_old_and_new_value() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let told = |sets: &[&str], stage: &str| {
        let plan = plan(X2, sets).expect("a plan");
        let why = pipeline::why(&plan, &place.layout, stage, "cpu").expect("an answer").remove(0);
        why.changes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(&[], "train"), NOTHING);
    assert_eq!(told(&["train.steps=500"], "train"), ["steps: 300 -> 500"]);
    assert_eq!(
        told(&["data.seed=2", "train.steps=500"], "train"),
        ["steps: 300 -> 500"],
        "data is not rebuilt yet"
    );
    let only = Options { selection: Selection::Only(vec!["data".to_owned()]), ..options() };
    place.run(X2, &["data.seed=2"], &only).expect("it runs");
    assert_eq!(told(&["data.seed=2"], "train"), ["input data/train.txt changed"]);
    let plan = plan(X2, &[]).expect("a plan");
    assert!(
        pipeline::why(&plan, &place.layout, "trian", "cpu")
            .expect_err("a typo")
            .to_string()
            .contains("`train`")
    );
}

#[test]
fn selections() {
    let place = Place::new();
    let run = |selection: Selection, force: bool, sets: &[&str]| {
        place.run(X2, sets, &Options { selection, force, ..options() })
    };
    let train = || "train".to_owned();
    let error = run(Selection::Only(vec![train()]), false, &[]).expect_err("data has never run");
    assert!(error.to_string().contains("stage data has no result to read"), "{error}");
    assert_eq!(run(Selection::Stages(vec![train()]), false, &[]).expect("ok"), ["data", "train"]);
    assert_eq!(run(Selection::Until("evaluate".to_owned()), false, &[]).expect("ok"), ["evaluate"]);
    assert_eq!(run(Selection::All, false, &[]).expect("ok"), ["report"]);
    assert_eq!(run(Selection::Only(vec![train()]), false, &["data.seed=2"]).expect("ok"), NOTHING);
    assert_eq!(
        run(Selection::Stages(vec![train()]), true, &[]).expect("ok"),
        ["train"],
        "force is for the named"
    );
    assert_eq!(run(Selection::From(train()), true, &[]).expect("ok"), ["train", "evaluate", "report"]);
    let between = Selection::Between("data".to_owned(), train());
    assert_eq!(run(between, true, &[]).expect("ok"), ["data", "train"]);
    assert_eq!(run(Selection::All, false, &[]).expect("ok"), NOTHING, "the same results as before");
}

#[test]
fn only_says_that_its_input_is_stale() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let plan = plan(&X2.replace("seed: 1", "seed: 2"), &[]).expect("a plan");
    let only = Options { selection: Selection::Only(vec!["train".to_owned()]), ..options() };
    let seen = Mutex::new(Vec::new());
    let observe = |event: Event<'_>| {
        if let Event::StaleInput { job } = event {
            seen.lock().expect("one thread").push(job.title());
        }
    };
    pipeline::run(&plan, &place.layout, &only, &AtomicBool::new(false), &observe).expect("it runs");
    assert_eq!(*seen.lock().expect("one thread"), ["data"]);
}

#[test]
fn an_external_command_runs_again_when_its_script_changes() {
    let place = Place::new();
    let text = "\
name: x2
stages:
  data: { make: { seed: 1 } }
  out:
    run:
      command: [/bin/sh, script.sh, \"{inputs.rows}\", \"{out}\"]
      inputs: { rows: data }
      files: [script.sh]
      outputs: [lines.txt]
";
    let script = |text: &str| std::fs::write(place.path("script.sh"), text).expect("it can write");
    let error = place.run(text, &[], &options()).expect_err("there is no script").to_string();
    assert!(error.contains("stage out: there is no"), "{error}");
    script("cat $1/train.txt $SEQLAB_INPUT_ROWS/test.txt > $SEQLAB_OUT/lines.txt");
    assert_eq!(place.run(text, &[], &options()).expect("it runs"), ["out"]);
    assert_eq!(std::fs::read_to_string(place.path("results/x2/out/lines.txt")).expect("linked"), "1 101 5");
    assert_eq!(place.run(text, &[], &options()).expect("it runs"), NOTHING);
    script("echo nothing");
    let error = place.run(text, &[], &options()).expect_err("no output").to_string();
    assert!(error.contains("did not write `lines.txt`"), "{error}");
}

#[test]
fn nothing_to_do_takes_milliseconds() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    place.run(X2, &[], &options()).expect("it runs");
    let best = (0..5)
        .map(|_| {
            let begun = Instant::now();
            place.run(X2, &[], &options()).expect("it runs");
            begun.elapsed()
        })
        .min();
    assert!(best < Some(Duration::from_millis(50)), "{best:?}");
}
