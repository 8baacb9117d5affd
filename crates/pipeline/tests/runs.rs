//! What runs, what does not, and what a killed run leaves behind.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Place, X2, options, plan, plan_with, play_child};
use pipeline::{Change, Error, Event, Options, Outcome, Selection, State};

/// Not a test of its own: what the runner starts.
#[test]
fn child() {
    play_child();
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_second_run_runs_nothing_and_a_change_reruns_what_depends_on_it() {
    let place = Place::new();
    let run = |sets: &[&str]| place.run(X2, sets, &options()).expect("it runs");
    assert_eq!(run(&[]), ["data", "train", "evaluate", "report"]);
    assert_eq!(run(&[]), NOTHING);
    assert_eq!(run(&["train.steps=500"]), ["train", "evaluate", "report"]);
    assert_eq!(run(&[]), NOTHING, "changing it back finds the earlier folders");
    let shown = std::fs::read_to_string(place.path("results/x2/train/model.txt")).expect("linked");
    assert_eq!(shown, "300 1 10", "and the link shows them");
    assert_eq!(run(&["data.rows.test=4"]), ["data", "evaluate", "report"], "the train table is the same");
    assert_eq!(run(&["description=Other"]), ["report"], "only the page shows it");
    assert_eq!(run(&["train.rate=0.0"]), NOTHING, "a default written out is the same content");
    let swapped = X2.replace("a: {}, b: {}", "b: {}, a: {}");
    let ran = place.run(&swapped, &[], &options()).expect("it runs");
    assert_eq!(
        ran,
        ["data"],
        "the order of tasks decides who owns a row, but here the tables come out the same"
    );
}

#[test]
fn the_device_and_the_version_are_part_of_the_key() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    let cuda = Options { device: "cuda".to_owned(), ..options() };
    assert_eq!(place.run(X2, &[], &cuda).expect("it runs"), ["train"], "the weights came out the same");
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
    assert!(error.to_string().contains("stage data has never run"), "{error}");
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
    let plan = plan(X2, &["data.seed=2"]).expect("a plan");
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

const SWEEP: &str = "\
name: sweep
matrix: { k: [2, 20], a: [x, y] }
stages:
  data: { make: { seed: \"${matrix.k}\" } }
  train: { fit: { data: data, mood: \"mood ${matrix.a} $${k}\" } }
  fixed: { make: { seed: \"${stages.data.make.seed}\" } }
  report: { page: { inputs: [train, fixed] } }
  each: { run: { command: [cp, \"{inputs.model}/model.txt\", \"{out}/copy\"], inputs: { model: train }, outputs: [copy] } }
";

#[test]
fn a_matrix_expands_stages_over_the_axes_they_use_and_lists_gather_them() {
    let place = Place::new();
    let plan = plan(SWEEP, &[]).expect("a plan");
    let titles: Vec<String> = plan.jobs.iter().map(|job| job.title()).collect();
    let trains = ["train a=x,k=2", "train a=x,k=20", "train a=y,k=2", "train a=y,k=20"];
    let each = trains.map(|title| title.replace("train", "each"));
    let mut expected = vec!["data k=2", "data k=20"];
    expected.extend(trains);
    expected.extend(["fixed k=2", "fixed k=20", "report"]);
    expected.extend(each.iter().map(String::as_str));
    assert_eq!(titles, expected);
    assert_eq!(plan.jobs[2].resolved.config["mood"], "mood x ${k}");
    assert_eq!(plan.jobs[8].inputs[0].jobs, [2, 3, 4, 5, 6, 7]);
    let parallel = Options { jobs: 3, ..options() };
    assert_eq!(place.run(SWEEP, &[], &parallel).expect("it runs").len(), 13);
    assert_eq!(place.run(SWEEP, &[], &options()).expect("it runs"), NOTHING);
    for path in [
        "datasets/sweep/k=20/train.txt",
        "datasets/sweep.fixed/k=2/test.txt",
        "results/sweep/each/a=y,k=2/copy",
    ] {
        assert!(place.path(path).is_file(), "{path}");
    }
    let page = std::fs::read_to_string(place.path("results/sweep/report/index.html")).expect("linked");
    assert_eq!(page.lines().count(), 6);
    let wider = SWEEP.replace("k: [2, 20]", "k: [20, 3]");
    assert_eq!(place.run(&wider, &[], &options()).expect("it runs").len(), 1 + 2 + 1 + 1 + 2);
}

#[test]
fn an_axis_may_name_its_values() {
    let text = "\
name: sweep
matrix: { rows: { plain: {}, many: { train: 50, test: 9 } } }
stages:
  data: { make: { seed: 1, rows: \"${matrix.rows}\" } }
  train: { fit: { data: data } }
";
    let place = Place::new();
    let ran = place.run(text, &[], &options()).expect("it runs");
    assert_eq!(ran, ["data rows=plain", "data rows=many", "train rows=plain", "train rows=many"]);
    let built =
        |rows: &str| std::fs::read_to_string(place.path(&format!("datasets/sweep/rows={rows}/train.txt")));
    assert_eq!(built("plain").expect("a file"), "1 10", "the defaults");
    assert_eq!(built("many").expect("a file"), "1 50");
    // One value changes, one is added: nothing else runs, and the order stays that of the definition.
    let sets = ["matrix.rows.many.train=60", "matrix.rows.few={ train: 2 }"];
    let ran = place.run(text, &sets, &options()).expect("it runs");
    assert_eq!(ran, ["data rows=many", "data rows=few", "train rows=many", "train rows=few"]);
    let ran = place.run(text, &["matrix.rows={ all: { train: 10 } }"], &options()).expect("it runs");
    assert_eq!(ran, ["data rows=all", "train rows=all"]);
}

#[test]
fn a_part_of_a_named_value_is_a_value() {
    let text = "\
name: sweep
matrix: { size: { small: { train: 5, seed: 1 }, large: { train: 50, seed: 2 } } }
stages:
  data: { make: { seed: \"${matrix.size.seed}\", rows: { train: \"${matrix.size.train}\" } } }
";
    let place = Place::new();
    assert_eq!(place.run(text, &[], &options()).expect("it runs"), ["data size=small", "data size=large"]);
    let built =
        |size: &str| std::fs::read_to_string(place.path(&format!("datasets/sweep/size={size}/train.txt")));
    assert_eq!(
        (built("small").expect("a file"), built("large").expect("a file")),
        ("1 5".into(), "2 50".into())
    );
}

#[test]
fn a_stage_may_gain_a_matrix() {
    let place = Place::new();
    let plain = SWEEP.replace("\"${matrix.k}\"", "2").replace("mood ${matrix.a}", "mood");
    place.run(&plain, &[], &options()).expect("it runs");
    place.run(SWEEP, &[], &options()).expect("the links make room for folders");
    let error = place.run(&plain, &[], &options()).expect_err("a folder is in the way").to_string();
    assert!(error.contains("datasets/sweep is in the way"), "{error}");
}

#[test]
fn a_failing_stage_leaves_nothing_half_done() {
    let place = Place::new();
    let error = place.run(X2, &["train.mood=fail"], &options()).expect_err("it fails");
    assert_eq!(error.to_string(), "stage train failed: exit status: 3");
    let mut names: Vec<String> = std::fs::read_dir(place.path("results/x2"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| !name.ends_with(".partial"));
    assert_eq!(names, NOTHING);
    let records = pipeline::runs(&place.layout).expect("records");
    let outcomes: Vec<_> = records.iter().map(|record| (record.stage.as_str(), record.outcome)).collect();
    assert_eq!(outcomes, [("data", Outcome::Done), ("train", Outcome::Failed)]);
    assert_eq!(records[1].exit, Some(3));
    assert!(records[1].peak_bytes.is_none_or(|bytes| bytes > 100_000));
}

#[test]
fn a_damaged_folder_is_never_reported_finished() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    std::fs::write(place.path("results/x2/train/model.txt"), "301 1 10").expect("it can write");
    let plan = plan(X2, &[]).expect("a plan");
    let why = pipeline::why(&plan, &place.layout, "train", "cpu").expect("an answer").remove(0);
    assert_eq!(why.changes, [Change::Damaged("`model.txt` was changed by hand".to_owned())]);
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), ["train"]);
    std::fs::remove_file(place.path("results/x2/train/model.txt")).expect("it is there");
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), ["train"]);
    std::fs::write(place.path("results/x2/train/manifest.json"), "{").expect("it can write");
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), ["train"]);
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
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
    assert!(error.contains("stage out: cannot read script.sh"), "{error}");
    script("cat $1/train.txt $SEQLAB_INPUT_ROWS/test.txt > $SEQLAB_OUT/lines.txt");
    assert_eq!(place.run(text, &[], &options()).expect("it runs"), ["out"]);
    assert_eq!(std::fs::read_to_string(place.path("results/x2/out/lines.txt")).expect("linked"), "1 101 5");
    assert_eq!(place.run(text, &[], &options()).expect("it runs"), NOTHING);
    script("echo nothing");
    let error = place.run(text, &[], &options()).expect_err("no output").to_string();
    assert!(error.contains("did not write `lines.txt`"), "{error}");
}

#[test]
fn a_second_runner_is_told_who_holds_the_lock() {
    let place = Place::new();
    let plan = plan(X2, &["train.mood=wait"]).expect("a plan");
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| pipeline::run(&plan, &place.layout, &options(), &cancel, &|_| {}));
        wait_for(&place, "started");
        let error = place.run(X2, &[], &options()).expect_err("it is locked");
        let Error::Locked { holder, .. } = &error else { panic!("{error}") };
        assert_eq!(*holder, format!("process {} (test run x2.yaml)", std::process::id()));
        cancel.store(true, Ordering::Relaxed);
        assert!(matches!(first.join().expect("no panic"), Err(Error::Cancelled)));
    });
    let child = std::fs::read_to_string(place.path("started")).expect("a process id");
    assert!(!alive(&child), "the child was killed");
    assert_eq!(place.run(X2, &[], &options()).expect("free again"), ["train", "evaluate", "report"]);
}

/// Not a test of its own: a runner that is killed in the middle.
#[test]
fn runner() {
    let Some(path) = std::env::args().next_back().filter(|path| path.ends_with(".place")) else { return };
    let base = std::fs::read_to_string(path).expect("the test wrote it");
    let layout = pipeline::Layout::new(std::path::Path::new(&base)).expect("a layout");
    let plan = plan(X2, &["train.mood=wait"]).expect("a plan");
    pipeline::run(&plan, &layout, &options(), &AtomicBool::new(false), &|_| {}).expect("it runs");
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
    let left: Vec<_> = std::fs::read_dir(place.path("results/x2"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert_eq!(left, NOTHING, "nothing half done is left");
    let specs = std::fs::read_dir(place.path("results/.runs")).expect("a folder");
    let specs = specs
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().to_string_lossy().ends_with(".spec")));
    assert_eq!(specs.count(), 0);
    let outcomes: Vec<_> =
        pipeline::runs(&place.layout).expect("records").iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes[..3], [Outcome::Done, Outcome::Running, Outcome::Done]);
}

fn wait_for(place: &Place, name: &str) {
    let begun = Instant::now();
    while !place.path(name).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {name}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process is there and no zombie.
fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn gc_lists_what_no_definition_names() {
    let place = Place::new();
    place.run(X2, &[], &options()).expect("it runs");
    place.run(X2, &["train.steps=500"], &options()).expect("it runs");
    place.run(X2, &[], &options()).expect("it runs");
    place.run(&X2.replace("name: x2", "name: other"), &[], &options()).expect("it runs");
    let plan = plan(X2, &[]).expect("a plan");
    let garbage = pipeline::garbage(&[plan], &place.layout, "cpu").expect("a list");
    let mut names: Vec<String> = garbage
        .iter()
        .map(|garbage| {
            let path = garbage.path.strip_prefix(place.folder.path()).expect("below");
            path.to_string_lossy().split('-').next().unwrap_or_default().to_owned()
        })
        .collect();
    names.dedup();
    let expected = [
        "datasets/other",
        "results/other/evaluate",
        "results/other/report",
        "results/other/train",
        "results/x2/evaluate",
        "results/x2/report",
        "results/x2/train",
    ];
    assert_eq!(names, expected, "its folder and, without a definition, its link");
    assert!(garbage.iter().all(|garbage| garbage.spared), "younger than 30 days");
    assert_eq!(pipeline::delete(&garbage, &place.layout, "gc").expect("nothing to do"), 0);
    let old: Vec<_> =
        garbage.into_iter().map(|garbage| pipeline::Garbage { spared: false, ..garbage }).collect();
    assert!(pipeline::delete(&old, &place.layout, "gc").expect("deleted") > 1000);
    assert_eq!(place.run(X2, &[], &options()).expect("it runs"), NOTHING);
    assert_eq!(place.run(X2, &["train.steps=500"], &options()).expect("it runs").len(), 3);
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
