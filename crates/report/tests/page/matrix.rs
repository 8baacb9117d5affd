//! The points of a matrix beside each other.

use report::{Config, Metric};
use serde_json::json;

use super::synthetic::{self, Study};
use super::{between, data, figure, published, render, values};

#[test]
fn a_matrix_sets_its_points_beside_each_other() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut folders = synthetic::write(root.path(), &Study::plus2(&[0.0, 0.0]), "k=2");
    folders.extend(synthetic::write(root.path(), &Study::plus2(&[1.0, 1.0]), "k=10"));
    let page = render(&Config::default(), folders, root.path());
    assert!(page.contains("id=\"matrix\"") && page.contains("id=\"p1-verdict\""));
    assert!(page.contains("10 12 14 16: 0 of 2 seeds") && page.contains("10 12 14 16: 2 of 2 seeds"));
    let data = data(&page, 1);
    let first = |what: &str| values(&data, "value", &[("k", "2"), ("what", what)]);
    assert_eq!((first("seed 0"), first("over seeds")), (vec!["0".to_owned()], vec!["0".to_owned()]));
    assert_eq!(values(&data, "outcome", &[("k", "2"), ("what", "seed 0")]), ["memory"]);
    assert_eq!(first("best look-up table, U_best (backoff, tokens)"), ["0.021"]);
    assert_eq!(
        values(&data, "value", &[("k", "10"), ("what", "share of seeds that infer 10 12 14 16")]),
        ["1"]
    );
    let verdict = between(&page, "id=\"verdict\"", "</section>");
    let said = [
        "<span class=\"tag memory\">Memory</span> at <a href=\"#p0\">k=2</a>: the model 0.000, the best look-up table 0.021",
        "<span class=\"tag rule\">Rule</span> at <a href=\"#p1\">k=10</a>: the model 1.000, the best look-up table 0.021",
        "2 seeds, 640 test rows: 53.3 independent clusters",
    ];
    assert!(said.iter().all(|words| verdict.contains(words)), "{verdict}");
    let order = ["id=\"verdict\"", "id=\"figure-1\"", "id=\"p0\"", "id=\"p0-settings\"", "id=\"rerun\""];
    assert!(order.map(|anchor| page.find(anchor)).is_sorted());
}

#[test]
fn an_axis_of_numbers_makes_lines() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let point = |loss: &str, k: i32, accuracy: f64| {
        synthetic::write(root.path(), &Study::plus2(&[accuracy, 0.0]), &format!("k={k},loss={loss}"))
    };
    let cases = [
        ("all", 2, 0.0),
        ("answer", 2, 0.0),
        ("all", 5, 0.1),
        ("answer", 5, 0.4),
        ("all", 10, 0.9),
        ("answer", 10, 1.0),
    ];
    let folders = cases.iter().flat_map(|&(loss, k, accuracy)| point(loss, k, accuracy)).collect();
    let page = render(&Config::default(), folders, root.path());
    let figure = figure(&page, 1);
    assert!(figure.contains("data-figure=\"lines\"") && figure.contains("against <b>k</b>"), "{figure}");
    assert!(figure.contains("loss answer") && figure.contains("Seeds that infer 10 12 14 16"));
    let data = data(&page, 1);
    let last = |what: &str| values(&data, "value", &[("k", "10"), ("loss", "answer"), ("what", what)]);
    // One seed has the rule and the other nothing: they are counted, and no mean is drawn.
    assert_eq!((last("over seeds"), last("seed 0")), (vec![], vec!["1".to_owned()]));
    assert!(page.contains("1 of 2 seeds have the rule"));
    assert_eq!(last("share of seeds that infer 10 12 14 16"), ["0.5"], "one of two seeds");
    let first = |column: &str| {
        values(&data, column, &[("k", "5"), ("loss", "all"), ("what", "over seeds")])[0].parse::<f64>()
    };
    let (value, low, high) = (first("value"), first("low"), first("high"));
    assert_eq!(value, Ok(0.05));
    assert!(low.is_ok_and(|low| low < 0.05) && high.is_ok_and(|high| high > 0.05), "an interval over seeds");
    assert!(figure.contains("k 5, loss all, over seeds: 0.050 ["), "a mean says what it is");
}

#[test]
fn two_short_axes_of_numbers_make_a_table() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut folders = Vec::new();
    for (heads, layers, accuracy) in [(1, 0, [0.0, 0.0]), (1, 1, [0.9, 0.994]), (2, 0, [0.0, 0.0])] {
        let study = Study { pinned: false, ..Study::plus2(&accuracy) };
        folders.extend(synthetic::write(root.path(), &study, &format!("heads={heads},layers={layers}")));
    }
    let published = vec![published(Metric::Accuracy, 0.985, Some("heads=1,layers=1"))];
    let page = render(&Config { published, ..Config::default() }, folders, root.path());
    let cells = figure(&page, 1);
    assert!(cells.contains("layers ↓") && cells.contains("heads →"));
    assert!(cells.contains("fill-opacity=\"0.95\"") && cells.contains(">0.947</text>"), "{cells}");
    assert!(
        cells.contains("data-tip=\"heads=1,layers=1: seed 0 0.900, seed 1 0.994, published 0.985\""),
        "{cells}"
    );
    assert!(cells.contains(">0.900–0.994</text>") && cells.contains(">publ. 0.985</text>"));
    assert!(cells.contains("data-bar"), "the colour has a scale");
    assert_eq!(cells.matches(">–</text>").count(), 1, "there is no point with two heads and one layer");
}

#[test]
fn both_steps_of_learning_and_what_was_published_stand_beside_each_other() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let learns = Study::grokking(&[1.0, 1.0, 1.0], 20_000, (0.01, 20.0));
    let mut folders = synthetic::write(root.path(), &learns, "decay=1");
    folders.extend(synthetic::write(root.path(), &Study::grokking(&[0.04], 20_000, (0.01, 2.0)), "decay=0"));
    let found =
        vec![published(Metric::TGen, 14_000.0, Some("decay=1")), published(Metric::TMem, 1400.0, None)];
    let page = render(&Config { published: found, ..Config::default() }, folders, root.path());
    let learned = figure(&page, 1);
    assert!(learned.contains("data-figure=\"learned\""), "what others published is what was asked");
    let data = data(&page, 1);
    let step = |what: &str, seed: &str| {
        values(&data, "step", &[("point", "decay=1"), ("learned", what), ("seed", seed)])[0]
            .parse::<f64>()
            .expect("a step")
    };
    assert!(step("t_mem", "0") < 600.0 && step("t_gen", "0") > 4000.0);
    assert_eq!(values(&data, "step", &[("point", "decay=0"), ("learned", "t_gen")]), [""], "never");
    assert_eq!(values(&data, "seed", &[("point", "decay=1"), ("learned", "t_mem")]), ["0", "1", "2"]);
    assert!(learned.contains("published T_gen 14,000") && learned.contains("published T_mem 1,400"));
    assert!(learned.contains("<li>median delay ") && learned.contains("T_gen: never in 20,000 steps"));
    assert!(!data.iter().any(|line| line["step"] == "0"), "step 0 has no place on a logarithmic axis");
    assert_eq!(
        page.matches("<code>t_mem</code>").count(),
        2,
        "a figure without `at` stands beside every point"
    );
    assert_eq!(page.matches("<code>t_gen</code>").count(), 1);
    assert!(page.contains("Somebody 2023<br><small>with another optimizer</small>"));
    assert!(between(&page, "<code>t_gen</code>", "</tr>").contains("<td class=\"n\">14,000</td>"));
}

#[test]
fn points_stand_in_the_order_of_the_inputs_and_the_verdict_groups_them() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let point = |level: &str, ceilings, accuracy: f64| {
        let study = Study { level: json!(level), ceilings, ..Study::plus2(&[accuracy; 3]) };
        synthetic::write(root.path(), &study, &format!("level={level}"))
    };
    let mut folders = point("step", (1.0, 0.5), 1.0);
    folders.extend(point("window", (0.98, 0.5), 0.999));
    folders.extend(point("transition", (0.02, 0.1), 0.95));
    let page = render(&Config::default(), folders, root.path());
    assert_eq!(values(&data(&page, 1), "level", &[("what", "seed 0")]), ["step", "window", "transition"]);
    let verdict = between(&page, "id=\"verdict\"", "</section>");
    let said = "<span class=\"tag none\">Not measurable</span> at <a href=\"#p0\">step</a> and <a href=\"#p1\">window</a>: the model \
                1.000 and 0.999, the best look-up table 1.000 and 0.980";
    assert!(verdict.contains(said), "{verdict}");
    assert!(
        verdict.contains("<a href=\"#p2\">transition</a>: the model 0.950, the best look-up table 0.020")
    );
}

#[test]
fn a_matrix_without_scores_says_so_and_one_with_many_points_is_short() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let write =
        |k: usize| synthetic::write(root.path(), &Study::plus2(&[1.0 - k as f64 / 100.0]), &format!("k={k}"));
    let page = render(&Config::default(), (0..7).flat_map(write).collect(), root.path());
    let verdict = between(&page, "id=\"verdict\"", "</section>");
    assert!(verdict.contains(": the model 0.940 to 1.000, the best look-up table 0.021"), "{verdict}");
    let unscored = (0..2).flat_map(write).filter(|(label, _)| !label.starts_with("evaluate")).collect();
    let page = render(&Config::default(), unscored, root.path());
    let verdict = between(&page, "id=\"verdict\"", "</section>");
    assert!(verdict.contains("No verdict") && !verdict.contains("the model"), "{verdict}");
}
