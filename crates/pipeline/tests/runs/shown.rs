//! What people see of a run, and when it goes.

use std::time::Duration;

use pipeline::{Change, Options, Selection, State};

use crate::common::{Place, X2, options, plan};
use crate::{NOTHING, SWEEP};

#[test]
fn gc_lists_what_no_definition_names() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    place.run(X2, &["train.steps=500"], &options()).expect("it runs");
    place.run(&X2.replace("steps: 300", "steps: 400"), &[], &options()).expect("it runs");
    place.run(X2, &[], &options()).expect("it runs");
    let other = X2.replace("name: x2", "name: other");
    assert_eq!(place.run(&other, &[], &options()).expect("it runs"), ["report"], "the store is everybody's");
    let plan = || plan(X2, &[]).expect("a plan");
    let list = || {
        let garbage = pipeline::garbage(&[plan()], &place.layout, "cpu").expect("a list");
        let short = |path: &std::path::Path| {
            let path = path.strip_prefix(place.folder.path()).expect("below").to_string_lossy().into_owned();
            if path.starts_with(".seqlab/store/") { ".seqlab/store".to_owned() } else { path }
        };
        garbage.iter().map(|garbage| short(&garbage.path)).collect::<Vec<_>>()
    };
    let store = || [".seqlab/store"; 3].map(str::to_owned).to_vec();
    let shown = ["datasets/other", "results/other/evaluate", "results/other/report", "results/other/train"];
    // What `--set` changed counts as named, and so does what a young folder shows.
    let mut expected = store();
    expected.extend(shown.map(str::to_owned));
    assert_eq!(list(), expected);
    let (garbage, bytes) = pipeline::delete(&[plan()], &place.layout, "cpu", "gc").expect("nothing to do");
    assert!(garbage.iter().all(|garbage| garbage.spared) && bytes == 0, "younger than 30 days");
    age(&place.folder.path().join("results"));
    age(&place.folder.path().join("datasets"));
    age(&place.path(".seqlab/store"));
    std::fs::create_dir(place.path(".seqlab/attempts/_gc~half")).expect("it can write");
    let (garbage, bytes) = pipeline::delete(&[plan()], &place.layout, "cpu", "gc").expect("deleted");
    assert!(garbage.iter().all(|garbage| !garbage.spared) && bytes > 1000);
    assert_eq!(place.names("results"), ["x2"]);
    assert_eq!(place.names("datasets"), ["x2"]);
    assert_eq!((place.names(".seqlab/store").len(), place.names(".seqlab/attempts").len()), (4, 0));
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
    assert_eq!(place.run(X2, &["train.steps=500"], &options()).expect("it runs").len(), 3);
}

/// Makes `folder` and all folders in it two months old.
fn age(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("readable");
        if entry.file_type().expect("readable").is_dir() {
            age(&entry.path());
        }
    }
    let old = std::time::SystemTime::now() - Duration::from_secs(60 * 24 * 60 * 60);
    let file = std::fs::File::open(folder).expect("a folder");
    file.set_times(std::fs::FileTimes::new().set_modified(old)).expect("it is ours");
}

#[test]
fn what_is_shown_was_made_from_what_is_shown() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let fewer = X2.replace("steps: 300", "steps: 4");
    let train = Options { selection: Selection::Stages(vec!["train".to_owned()]), ..options() };
    assert_eq!(place.run(&fewer, &[], &train).expect("it runs"), ["train"]);
    assert_eq!(place.names("results/x2"), ["train"], "scores of 300 steps do not stand beside a model of 4");
    let states =
        pipeline::status(&plan(&fewer, &[]).expect("a plan"), &place.layout, "cpu").expect("a status");
    let State::Stale(changes) = &states[2] else { panic!("{states:?}") };
    assert!(changes.contains(&Change::Hidden), "{changes:?}");
    assert_eq!(place.run(&fewer, &[], &options()).expect("it runs"), ["evaluate", "report"]);
    // Other test rows, the same training: only what read them goes.
    let rows = fewer.replace("seed: 1,", "seed: 1, rows: { train: 10, test: 4 },");
    let data = Options { selection: Selection::Only(vec!["data".to_owned()]), ..options() };
    assert_eq!(place.run(&rows, &[], &data).expect("it runs"), ["data"]);
    assert_eq!(place.names("results/x2"), ["train"]);
    // A stage and a point that the definition does not have any more.
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
    let without = X2.replace("  report: { page: { inputs: [data, train, evaluate] } }\n", "");
    assert_eq!(place.run(&without, &[], &options()).expect("it runs"), NOTHING);
    assert_eq!(place.names("results/x2"), ["evaluate", "train"]);
    place.run(SWEEP, &[], &options()).expect("it runs");
    assert_eq!(
        place.read("datasets/sweep/README.md"),
        "sweep\nk=2\nk=20\nend\n<!-- written by seqlab, from the folders below -->\n"
    );
    assert_eq!(place.names("datasets/sweep"), ["README.md", "k=2", "k=20"]);
    place.run(&SWEEP.replace("k: [2, 20]", "k: [20]"), &[], &options()).expect("it runs");
    assert_eq!(place.names("datasets/sweep"), ["README.md", "k=20"]);
    assert_eq!(place.names("results/sweep/train/a=x"), ["k=20"]);
    assert_eq!(
        place.read("datasets/sweep/README.md"),
        "sweep\nk=20\nend\n<!-- written by seqlab, from the folders below -->\n"
    );
}

#[test]
fn a_pipeline_may_be_called_anything_that_begins_with_a_letter() {
    for name in ["gc", "damaged"] {
        let place = Place::new();
        let text = X2.replace("name: x2", &format!("name: {name}"));
        assert_eq!(place.run(&text, &[], &options()).expect("it runs").len(), 4, "{name}");
        assert_eq!(place.names(".seqlab/attempts"), NOTHING, "{name}");
    }
}

#[test]
fn what_is_not_listed_is_not_read_and_nothing_of_somebody_is_lost() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    std::fs::write(place.path("datasets/x2/train-2.txt"), "planted").expect("it can write");
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
    assert_eq!(place.names("datasets/x2"), ["test.txt", "train.txt"]);
    assert_eq!(place.read(".seqlab/kept/datasets-x2/train-2.txt"), "planted");
    // A tree copied with its links followed.
    let folder = place.path("results/x2/train");
    let text = place.read("results/x2/train/model.txt");
    std::fs::remove_dir_all(&folder).expect("it is there");
    std::fs::create_dir(&folder).expect("it can write");
    std::fs::write(folder.join("model.txt"), &text).expect("it can write");
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
    assert!(folder.join("model.txt").is_symlink());
    assert_eq!(place.names(".seqlab/kept"), ["datasets-x2"]);
}

#[test]
fn links_and_pipes_are_neither_followed_nor_committed() {
    let place = Place::new();
    std::fs::create_dir(place.path("elsewhere")).expect("it can write");
    std::fs::create_dir(place.path("results")).expect("it can write");
    std::os::unix::fs::symlink("../elsewhere", place.path("results/x2")).expect("it can link");
    let error = place.run(X2, &[], &options()).expect_err("a link").to_string();
    assert!(error.contains("results/x2 is a link"), "{error}");
    assert_eq!(place.names("elsewhere"), NOTHING);
    std::fs::remove_file(place.path("results/x2")).expect("it is there");
    let text = "\
name: x2
stages:
  out: { run: { command: [/bin/sh, -c, \"mkfifo $SEQLAB_OUT/pipe; echo x > $SEQLAB_OUT/file\"], outputs: [file] } }
";
    let error = place.run(text, &[], &options()).expect_err("a pipe").to_string();
    assert!(error.contains("pipe is a pipe"), "{error}");
    assert_eq!(place.names(".seqlab/attempts"), NOTHING);
}
