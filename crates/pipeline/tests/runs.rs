//! What runs, what does not, and what a killed run leaves behind.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

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
    assert_eq!(place.run(SWEEP, &[], &parallel).expect("it runs").len(), 9, "what is the same is made once");
    assert_eq!(place.run(SWEEP, &[], &options()).expect("it runs"), NOTHING);
    for path in [
        "datasets/sweep/k=20/train.txt",
        "datasets/sweep.fixed/k=2/test.txt",
        "results/sweep/each/a=y/k=2/copy",
    ] {
        assert!(place.path(path).is_file(), "{path}");
    }
    let page = std::fs::read_to_string(place.path("results/sweep/report/index.html")).expect("linked");
    assert_eq!(page.lines().count(), 6);
    let wider = SWEEP.replace("k: [2, 20]", "k: [20, 3]");
    assert_eq!(place.run(&wider, &[], &options()).expect("it runs").len(), 1 + 2 + 1 + 1);
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
    assert_eq!(ran, NOTHING, "the same content under another name");
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
    let plain = plain.replace("matrix: { k: [2, 20], a: [x, y] }\n", "");
    place.run(&plain, &[], &options()).expect("it runs");
    assert_eq!(place.names("datasets/sweep"), ["test.txt", "train.txt"]);
    place.run(SWEEP, &[], &options()).expect("it runs");
    assert_eq!(place.names("datasets/sweep"), ["README.md", "k=2", "k=20"]);
    place.run(&plain, &[], &options()).expect("it runs");
    assert_eq!(place.names("datasets/sweep"), ["test.txt", "train.txt"], "and lose it");
    assert_eq!(place.names(".seqlab/kept"), NOTHING);
}

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
    assert_eq!(place.names(".seqlab/attempts"), NOTHING, "nothing half done is left");
    assert_eq!(place.names(".seqlab/partial"), NOTHING, "what could be gone on with was");
    assert_eq!(place.names(".seqlab/locks"), ["_gc.lock", "x2@train.mood=wait.lock"]);
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
fn a_matrix_goes_on_past_a_bad_point() {
    let place = Place::new();
    let text = "\
name: sweep
matrix: { mood: [fine, fail, good] }
stages:
  data: { make: { seed: 1 } }
  train: { fit: { data: data, mood: \"${matrix.mood}\" } }
  evaluate: { score: { data: data, model: train } }
";
    let keep_going = Options { keep_going: true, ..options() };
    let error = place.run(text, &[], &keep_going).expect_err("one fails").to_string();
    assert!(
        error.contains("stage train mood=fail failed") && error.contains("1 more could not run"),
        "{error}"
    );
    assert_eq!(place.names("results/sweep/evaluate"), ["mood=fine", "mood=good"]);
    let states = pipeline::status(&plan(text, &[]).expect("a plan"), &place.layout, "cpu").expect("a status");
    assert!(matches!(&states[2], State::Failed { reason } if reason.contains("exit status 3")), "{states:?}");
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
