//! Stages at many points.

use pipeline::{Options, State};

use crate::common::{Place, options, plan};
use crate::{NOTHING, SWEEP};

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
