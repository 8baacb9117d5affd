//! Results that are not what was written.

use std::sync::atomic::AtomicBool;

use pipeline::{Change, Options, Selection};

use crate::common::{Place, X2, options, plan};
use crate::{NOTHING, wait_for};

#[test]
fn a_damaged_folder_is_never_reported_finished() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    std::fs::write(place.path("results/x2/train/model.txt"), "301 1 10").expect("it can write");
    let plan = plan(X2, &[]).expect("a plan");
    let why = pipeline::why(&plan, &place.layout, "train", "cpu").expect("an answer").remove(0);
    assert_eq!(why.changes, [Change::Damaged("`model.txt` is not what was written".to_owned())]);
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), ["train"]);
    std::fs::remove_file(place.path("results/x2/train/model.txt")).expect("it is there");
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING, "only the link was gone");
    assert_eq!(place.read("results/x2/train/model.txt"), "300 1 10");
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
}

#[test]
fn a_damaged_entry_runs_again_and_is_not_read() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let whole = place.read("results/x2/train/model.txt");
    let entry = place.entry("results/x2/train");
    let only = Options { selection: Selection::Only(vec!["evaluate".to_owned()]), ..options() };
    let damages: [(&str, &dyn Fn()); 5] = [
        ("edited", &|| std::fs::write(entry.join("model.txt"), "999 1 10").expect("it can write")),
        ("gone", &|| std::fs::remove_file(entry.join("model.txt")).expect("it is there")),
        ("without a manifest", &|| std::fs::remove_file(entry.join("manifest.json")).expect("it is there")),
        ("with another manifest", &|| {
            let path = entry.join("manifest.json");
            let text = std::fs::read_to_string(&path).expect("it is there");
            std::fs::write(&path, text.replace("\"version\": 1", "\"version\": 2")).expect("it can write");
        }),
        ("a link", &|| {
            let elsewhere = place.path("elsewhere");
            std::fs::rename(&entry, &elsewhere).expect("it is there");
            std::os::unix::fs::symlink(&elsewhere, &entry).expect("it can link");
        }),
    ];
    for (how, damage) in damages {
        damage();
        let refused = place.run(X2, &["report={ inputs: [data] }"], &only);
        assert!(refused.is_err(), "{how}");
        let refused = place.run(X2, &[], &Options { force: true, ..only.clone() });
        assert!(refused.is_err(), "{how}: it is not read, even alone");
        assert_eq!(place.run(X2, &[], &options()).expect("it heals"), ["train"], "{how}");
        assert_eq!(place.read("results/x2/train/model.txt"), whole, "{how}");
        assert_eq!(place.names(".seqlab/attempts"), NOTHING, "{how}");
        assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING, "{how}");
    }
}

#[test]
fn an_input_that_changes_while_it_is_read_fails_its_reader() {
    let place = Place::new();
    place
        .run(X2, &[], &Options { selection: Selection::Only(vec!["data".to_owned()]), ..options() })
        .expect("it runs");
    let text = X2.replace("steps: 300", "steps: 300, mood: wait");
    let plan = plan(&text, &[]).expect("a plan");
    let train = Options { selection: Selection::Stages(vec!["train".to_owned()]), ..options() };
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| pipeline::run(&plan, &place.layout, &train, &cancel, &|_| {}));
        wait_for(&place, "started");
        std::fs::write(place.entry("datasets/x2").join("test.txt"), "1 6").expect("it can write");
        std::fs::write(place.path("go"), "").expect("it can write");
        let error = run.join().expect("no panic").expect_err("it read something else").to_string();
        assert!(
            error.contains("`test.txt` is not what was written")
                && error.contains("`seqlab run x2.yaml data`"),
            "{error}"
        );
    });
    assert_eq!(place.names("results/x2"), NOTHING);
    assert_eq!(place.run(&text, &[], &options()).expect("it runs"), ["data", "train", "evaluate", "report"]);
}
