//! How runs end, and what they leave behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pipeline::{Error, Event, Options, Outcome, Selection};

use crate::common::{Place, X2, options, plan};
use crate::{NOTHING, wait_for};

#[test]
fn a_failing_stage_leaves_nothing_half_done() {
    let place = Place::new();
    let error = place.run(X2, &["train.mood=fail"], &options()).expect_err("it fails");
    assert_eq!(error.to_string(), "stage train failed: exit status 3");
    assert_eq!(place.names("results"), NOTHING);
    assert_eq!(place.names(".seqlab/attempts"), NOTHING);
    assert_eq!(place.names(".seqlab/store").len(), 1);
    let records = pipeline::runs(&place.layout).expect("records");
    let outcomes: Vec<_> = records.iter().map(|record| (record.stage.as_str(), record.outcome)).collect();
    assert_eq!(outcomes, [("data", Outcome::Done), ("train", Outcome::Failed)]);
    assert_eq!(records[1].exit, Some(3));
    let peak = records[1].peak_bytes;
    assert!(peak.is_none_or(|bytes| bytes > 100_000), "{peak:?}");
}

#[test]
fn a_second_runner_is_told_who_holds_the_lock() {
    let place = Place::new();
    let plan = plan(X2, &["train.mood=wait"]).expect("a plan");
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| pipeline::run(&plan, &place.layout, &options(), &cancel, &|_| {}));
        wait_for(&place, "started");
        let error = pipeline::run(&plan, &place.layout, &options(), &AtomicBool::new(false), &|_| {});
        let error = error.expect_err("it is locked");
        let Error::Locked { holder, .. } = &error else { panic!("{error}") };
        assert_eq!(*holder, format!("process {} (test run x2.yaml)", std::process::id()));
        cancel.store(true, Ordering::Relaxed);
        assert!(matches!(first.join().expect("no panic"), Err(Error::Cancelled)));
    });
    let child = std::fs::read_to_string(place.path("started")).expect("a process id");
    assert!(!alive(&child), "the child was killed");
    assert_eq!(place.run(X2, &[], &options()).expect("free again"), ["train", "evaluate", "report"]);
}

#[test]
fn a_killed_runner_takes_its_children_along_and_the_next_one_goes_on() {
    let place = Place::new();
    let file = place.path("here.place");
    std::fs::write(&file, place.folder.path().to_string_lossy().as_bytes()).expect("it can write");
    let me = std::env::current_exe().expect("a test binary");
    let mut runner = std::process::Command::new(me)
        .args(["--exact", "runner"])
        .arg(&file)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    wait_for(&place, "started");
    let child = std::fs::read_to_string(place.path("started")).expect("a process id");
    assert!(alive(&child));
    runner.kill().expect("it runs");
    runner.wait().expect("it is ours");
    let begun = Instant::now();
    while alive(&child) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the child lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::write(place.path("go"), "").expect("it can write");
    let ran = place.run(X2, &["train.mood=wait"], &options()).expect("it goes on");
    assert_eq!(ran, ["train", "evaluate", "report"]);
    assert_eq!(place.names(".seqlab/attempts"), NOTHING, "nothing half done is left");
    assert_eq!(place.names(".seqlab/partial"), NOTHING, "what could be gone on with was");
    assert_eq!(place.names(".seqlab/locks"), ["_gc.lock", "x2@train.mood=wait.lock"]);
    let outcomes: Vec<_> =
        pipeline::runs(&place.layout).expect("records").iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes[..3], [Outcome::Done, Outcome::Running, Outcome::Done]);
}

/// Whether the process is there and no zombie.
fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn the_same_entry_is_made_once_by_two_pipelines_at_a_time() {
    let place = Place::new();
    let first = X2.replace("steps: 300", "steps: 300, mood: wait");
    let second = first.replace("name: x2", "name: other");
    let (first, second) = (plan(&first, &[]).expect("a plan"), plan(&second, &[]).expect("a plan"));
    let waits = AtomicBool::new(false);
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| pipeline::run(&first, &place.layout, &options(), &cancel, &|_| {}));
        wait_for(&place, "started");
        let observe = |event: Event<'_>| {
            if let Event::Busy { .. } = event {
                waits.store(true, Ordering::Relaxed);
                std::fs::write(place.path("go"), "").expect("it can write");
            }
        };
        let two = pipeline::run(&second, &place.layout, &options(), &cancel, &observe).expect("it runs");
        assert_eq!(
            two.ran
                .iter()
                .map(|job| second.jobs[*job].stage.as_str())
                .filter(|stage| *stage == "train")
                .count(),
            0
        );
        one.join().expect("no panic").expect("it runs");
    });
    assert!(waits.load(Ordering::Relaxed), "it was said that it waits");
    assert_eq!(place.entry("results/x2/train"), place.entry("results/other/train"));
}

#[test]
fn a_panic_fails_the_job_that_it_happens_to() {
    let place = Place::new();
    let plan = plan(X2, &[]).expect("a plan");
    let observe = |event: Event<'_>| {
        if let Event::Started { job, .. } = event {
            assert_ne!(job.stage, "train", "the observer gives up");
        }
    };
    let error = pipeline::run(&plan, &place.layout, &options(), &AtomicBool::new(false), &observe)
        .expect_err("a panic");
    assert!(error.to_string().starts_with("stage train failed: internal fault"), "{error}");
    assert_eq!(place.names(".seqlab/attempts"), NOTHING);
    assert_eq!(place.run(X2, &[], &options()).expect("no lock is left"), ["train", "evaluate", "report"]);
}

#[test]
fn a_forced_run_never_leaves_less_than_there_was() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let text = place.read("results/x2/train/model.txt");
    let plan = plan(X2, &[]).expect("a plan");
    let forced = Options { force: true, selection: Selection::Stages(vec!["train".to_owned()]), ..options() };
    let observe = |event: Event<'_>| {
        if let Event::Started { .. } = event {
            assert_eq!(place.read("results/x2/train/model.txt"), text, "it is there while it runs again");
        }
    };
    pipeline::run(&plan, &place.layout, &forced, &AtomicBool::new(false), &observe).expect("it runs");
    assert_eq!(place.read("results/x2/train/model.txt"), text);
    assert_eq!(place.names(".seqlab/attempts"), NOTHING);
}
