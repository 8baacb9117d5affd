//! The page as a whole: what is missing, what is hostile, how large it gets.

use std::path::{Path, PathBuf};

use artifact::Provenance;
use report::{Config, Inputs, MAX_BYTES, Metric, PAGE_FILE, Published};
use serde_json::{Value, json};

mod synthetic;

use synthetic::Study;

fn render(config: &Config, folders: Vec<(String, PathBuf)>, out: &Path) -> String {
    report::run(config, &Inputs { folders, ..Inputs::default() }, out, &Provenance::default())
        .expect("the page is written");
    std::fs::read_to_string(out.join(PAGE_FILE)).expect("the page is there")
}

fn page(study: &Study) -> String {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folders = synthetic::write(root.path(), study, "");
    render(&Config::default(), folders, root.path())
}

/// The JSON that the page's script reads.
fn data(page: &str) -> Value {
    let (_, rest) =
        page.split_once(r#"<script type="application/json" id="data">"#).expect("the page embeds its data");
    let (text, _) = rest.split_once("</script>").expect("the data end");
    serde_json::from_str(text).expect("the data are JSON")
}

/// What a reader sees: the page without style, script and data.
fn visible(page: &str) -> &str {
    let (_, body) = page.split_once("<body>").expect("the page has a body");
    body.split_once("<script").expect("the page has a script").0
}

#[test]
fn a_whole_pipeline_gives_every_section() {
    let page = page(&Study::x2());
    for section in
        ["asked", "verdict", "certificate", "curves", "ceiling", "mistakes", "attention", "ablation"]
    {
        assert!(page.contains(&format!("<section id=\"p0-{section}\"")), "no section {section}");
    }
    assert!(page.contains("Shallow rule"));
    assert!(page.contains("1,102 test rows"));
    assert!(!page.contains("Left out, because"));
    for never in ["NaN", "undefined</", "{{", "{%", "http://", "https://", "/tmp/"] {
        let text = page.replace("http://www.w3.org/", "");
        assert!(!text.contains(never), "{never} stands in the page");
    }
    let data = data(&page);
    let figures = &data["points"][0][1];
    assert_eq!(figures["curves"]["panels"].as_array().map(Vec::len), Some(4));
    assert_eq!(figures["curves"]["panels"][0]["lines"].as_array().map(Vec::len), Some(8));
    assert_eq!(figures["attention"]["patterns"].as_array().map(Vec::len), Some(24));
    let groups = figures["ablation"]["groups"].as_array().expect("they are a list");
    let words = |group: &Value| ["metric", "kind"].map(|key| group[key].as_str().unwrap_or("").to_owned());
    let shown: Vec<_> = groups.iter().map(words).collect();
    let expected = [
        ("accuracy", "mean"),
        ("accuracy", "zero"),
        ("logit difference", "mean"),
        ("logit difference", "zero"),
    ];
    assert_eq!(shown, expected.map(|(metric, kind)| [metric.to_owned(), kind.to_owned()]));
    assert_eq!(data["matrix"], Value::Null);
    assert!(page.len() < MAX_BYTES);
}

#[test]
fn the_bytes_depend_on_the_tables_alone() {
    assert_eq!(page(&Study::x2()), page(&Study::x2()));
}

#[test]
fn pinned_rows_are_answered_by_every_seed() {
    let page = page(&Study::plus2(&[1.0, 0.0, 1.0]));
    let text = visible(&page);
    assert!(text.contains("<code>10 12 14</code>") && text.contains("<b>16</b>"));
    assert!(text.contains("Inferred by <b>2 of 3</b> seeds"), "the pin's outcome is missing");
    assert!(text.contains("2 4 6 8 (plus2)"));
}

#[test]
fn hostile_names_are_harmless() {
    let hostile = "</script><script>alert(1)</script>\u{2028}'\"&<b>";
    let mut study = Study { tasks: vec![hostile.into()], pinned: true, ..Study::x2() };
    study.level = json!({hostile: {}});
    study.family = json!({hostile: {"ratio": hostile}});
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut folders = synthetic::write(root.path(), &study, "");
    folders.iter_mut().for_each(|(label, _)| *label = format!("{hostile}/{hostile}={hostile}"));
    let config = Config {
        title: Some(hostile.into()),
        description: Some(hostile.into()),
        question: Some(hostile.into()),
        pipeline: Some(hostile.into()),
        published: vec![Published {
            metric: Metric::Accuracy,
            value: 1.0,
            source: hostile.into(),
            at: None,
            note: Some(hostile.into()),
        }],
    };
    let page = render(&config, folders, root.path());
    assert_eq!(page.matches("<script").count(), 2, "only the page's own scripts");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<script>alert"));
    assert!(
        !page.contains('\u{2028}') || !page[page.rfind("id=\"data\"").unwrap_or(0)..].contains('\u{2028}')
    );
    let data = data(&page);
    assert!(data.to_string().contains("alert(1)"), "the name still stands in the data");
}

#[test]
fn a_missing_table_drops_its_section_and_the_page_says_so() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folders = synthetic::write(root.path(), &Study::x2(), "");
    let of = |wanted: &[&str]| {
        let folders = folders.iter().filter(|(label, _)| wanted.contains(&label.as_str())).cloned().collect();
        render(&Config::default(), folders, root.path())
    };
    let nothing = of(&[]);
    assert!(nothing.contains("No verdict") && nothing.contains("Left out, because"));
    let only_train = of(&["train"]);
    assert!(only_train.contains("p0-curves") && !only_train.contains("p0-certificate"));
    assert!(only_train.contains("certificate (<code>certificate</code>)"));
    let no_audit = of(&["data", "train", "evaluate"]);
    assert!(no_audit.contains("No certificate among the inputs"));
    let only_audit = of(&["data", "audit"]);
    assert!(only_audit.contains("p0-certificate") && only_audit.contains("skip grams"));
    for page in [nothing, only_train, no_audit, only_audit] {
        data(&page);
    }
}

#[test]
fn a_matrix_sets_its_points_beside_each_other() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut folders = synthetic::write(root.path(), &Study::plus2(&[0.0, 0.0]), "k=2");
    folders.extend(synthetic::write(root.path(), &Study::plus2(&[1.0, 1.0]), "k=10"));
    let page = render(&Config::default(), folders, root.path());
    let text = visible(&page);
    assert!(text.contains("id=\"matrix\"") && text.contains("id=\"p1-verdict\""));
    assert!(text.contains("0 of 2 seeds") && text.contains("2 of 2 seeds"));
    let matrix = &data(&page)["matrix"];
    assert_eq!(matrix["axes"], json!(["k"]));
    assert_eq!(matrix["points"][1]["values"], json!(["10"]));
    assert_eq!(matrix["points"][1]["pins"], json!([[2, 2]]));
    assert_eq!(matrix["points"][0]["seeds"][0], json!(["seed 0", 0.0, "0.000", "memory"]));
    assert_eq!(matrix["points"][0]["u_best"], json!([2.1, "0.021", "backoff, tokens"]));
    assert_eq!(matrix["points"][0]["headline"], "Memory");
    assert!(text.contains(
        "Share of held-out rows answered right: memory at k=2 (the model 0.000, the best look-up table 0.021); rule at \
         k=10 (the model 1.000, the best look-up table 0.021)."
    ));
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
    assert!(page.contains("data-figure=\"lines\"") && !page.contains("class=\"grid-table\""));
    let matrix = &data(&page)["matrix"];
    assert_eq!((&matrix["shape"], &matrix["main"]), (&json!("lines"), &json!(0)));
    let last = &matrix["points"][5];
    assert_eq!(last["values"], json!(["10", "answer"]));
    // One seed has the rule and the other nothing: they are counted, and no mean is drawn.
    assert_eq!((&last["mean"], &last["interval"]), (&Value::Null, &Value::Null));
    assert_eq!(last["counted"], "1 of 2 seeds have the rule");
    assert_eq!(last["pins"], json!([[1, 2]]), "one of two seeds");
    let first = &matrix["points"][2];
    assert_eq!(first["mean"], json!([5.0, "0.050"]));
    let interval = first["interval"].as_array().expect("an interval over seeds");
    assert!(interval[0].as_f64() < Some(5.0) && interval[1].as_f64() > Some(5.0), "{interval:?}");
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
    assert!(page.contains("layers ↓") && page.contains("heads →"));
    let (_, cells) = page.split_once("class=\"grid-table\"").expect("a table");
    let (cells, _) = cells.split_once("</table>").expect("its end");
    assert!(cells.contains("<td class=\"share-95 deep\"") && cells.contains(">0.947</a>"), "{cells}");
    assert!(page.contains(".grid-table .share-95{--share:95%}"), "the page allows no style in an element");
    assert!(!page.contains(" style=\""));
    assert!(
        cells.contains("<small>0.900 to 0.994</small><small class=\"published\">published 0.985</small>")
    );
    assert_eq!(cells.matches("<td>–</td>").count(), 1, "there is no point with two heads and one layer");
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
    let points = &data(&page)["points"];
    let picture = |point: usize| &points[point][1]["grokking"];
    let (t_mem, t_gen) = (&picture(0)["t_mem"], &picture(0)["t_gen"]);
    assert!(t_mem.as_f64() < Some(600.0) && t_gen.as_f64() > Some(4000.0), "{t_mem} {t_gen}");
    assert_eq!(picture(0)["published"], json!([["t_gen", 14000.0, "14,000"], ["t_mem", 1400.0, "1,400"]]));
    assert_eq!(picture(0)["marks"].as_array().map(Vec::len), Some(3));
    assert!(
        picture(0)["delay_text"]
            .as_str()
            .is_some_and(|text| text.starts_with("median delay ") && text.ends_with('×'))
    );
    let first = picture(0)["train"][0]["xy"][0].as_f64();
    assert!(first > Some(0.0), "step 0 has no place on a logarithmic axis");
    assert_eq!(
        (&picture(1)["t_gen"], &picture(1)["t_gen_text"]),
        (&Value::Null, &json!("T_gen: never in 20,000 steps"))
    );
    let text = visible(&page);
    assert!(text.contains("When train and validation rows were learned"));
    assert_eq!(
        text.matches("<code>t_mem</code>").count(),
        2,
        "a figure without `at` stands beside every point"
    );
    assert_eq!(text.matches("<code>t_gen</code>").count(), 1);
    assert!(text.contains("Somebody 2023<br><small>with another optimizer</small>"));
    let (_, row) = text.split_once("<code>t_gen</code>").expect("a row");
    assert!(row.contains("<td class=\"n\">14,000</td>"));
}

fn published(metric: Metric, value: f64, at: Option<&str>) -> Published {
    Published {
        metric,
        value,
        source: "Somebody 2023".into(),
        at: at.map(str::to_owned),
        note: Some("with another optimizer".into()),
    }
}

#[test]
fn what_was_published_is_checked() {
    let message = |one: Published| {
        let config =
            Config { published: vec![published(Metric::Accuracy, 1.0, None), one], ..Config::default() };
        config.check().expect_err("it cannot be").to_string()
    };
    assert_eq!(
        message(published(Metric::Accuracy, 99.0, None)),
        "`published[1].value`: expected a share from 0 to 1, found 99"
    );
    assert!(message(published(Metric::TGen, f64::NAN, None)).contains("expected a number from 0 to 1e15"));
    let nobody = Published { source: " ".into(), ..published(Metric::TGen, 9.0, None) };
    assert!(message(nobody).starts_with("`published[1].source`: "));
    let unknown = json!({"published": [{"metric": "loss", "value": 1.0, "source": "x"}]});
    assert!(serde_json::from_value::<Config>(unknown).is_err());

    let root = tempfile::tempdir().expect("a temporary folder");
    let folders = synthetic::write(root.path(), &Study::plus2(&[1.0]), "k=2");
    let config =
        Config { published: vec![published(Metric::Accuracy, 1.0, Some("k=3"))], ..Config::default() };
    let page = render(&config, folders, root.path());
    let (_, row) = page.split_once("<th scope=\"row\">k=3</th>").expect("a figure without its point stays");
    assert!(row.contains("<b>not measured</b>") && row.contains("Points that are not among the inputs"));
}

#[test]
fn points_stand_in_the_order_of_the_inputs_and_a_sentence_groups_them() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let point = |level: &str, ceilings, accuracy: f64| {
        let study = Study { level: level.into(), ceilings, ..Study::plus2(&[accuracy; 3]) };
        synthetic::write(root.path(), &study, &format!("level={level}"))
    };
    let mut folders = point("step", (1.0, 0.5), 1.0);
    folders.extend(point("window", (0.98, 0.5), 0.999));
    folders.extend(point("transition", (0.02, 0.1), 0.95));
    let page = render(&Config::default(), folders, root.path());
    let levels = data(&page)["matrix"]["points"].as_array().map(|points| {
        points
            .iter()
            .map(|point| point["values"][0].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    });
    assert_eq!(levels.expect("points"), ["step", "window", "transition"]);
    assert!(visible(&page).contains(
        "Share of held-out rows answered right: not measurable at step and window (the model 1.000 and 0.999, the best \
         look-up table 1.000 and 0.980); rule at transition (the model 0.950, the best look-up table 0.020)."
    ));
}

#[test]
fn a_matrix_without_scores_or_with_many_points_says_nothing_in_its_head() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let write = |k: usize| synthetic::write(root.path(), &Study::plus2(&[1.0]), &format!("k={k}"));
    let many = (0..7).flat_map(write).collect();
    assert!(
        !render(&Config::default(), many, root.path()).contains("Share of held-out rows answered right:")
    );
    let unscored = (0..2).flat_map(write).filter(|(label, _)| !label.starts_with("evaluate")).collect();
    assert!(
        !render(&Config::default(), unscored, root.path()).contains("Share of held-out rows answered right:")
    );
}

#[test]
fn a_large_study_stays_below_a_megabyte_and_says_what_it_leaves_out() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let study = Study { length: 48, steps: 600, rows: 60, ..Study::plus2(&[0.3; 12]) };
    let folders = (0..12).flat_map(|k| synthetic::write(root.path(), &study, &format!("k={k}"))).collect();
    let page = render(&Config::default(), folders, root.path());
    assert!(page.len() < MAX_BYTES, "{} bytes", page.len());
    assert!(page.contains("further patterns stand in <code>attention.parquet</code>"));
    assert!(page.contains("logged values a line"));
    data(&page);
}

#[test]
fn config_mistakes_name_their_place() {
    let config = Config { title: Some("  ".into()), ..Config::default() };
    assert_eq!(
        config.check().expect_err("an empty title").to_string(),
        "`title`: expected some text, found none"
    );
    let config = Config { question: Some("?".repeat(4_001)), ..Config::default() };
    let message = config.check().expect_err("a long question").to_string();
    assert_eq!(message, "`question`: expected at most 4000 characters, found 4001");
    assert!(serde_json::from_value::<Config>(json!({"titel": "x"})).is_err());
}

#[test]
fn the_page_runs_nothing_but_itself_and_obeys_no_text() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folders = synthetic::write(root.path(), &Study::plus2(&[0.9, 0.99]), "");
    let text = || Some("a\u{202e}b\u{1b}[31m <script>alert(1)</script>\u{9b}\nsecond line".to_owned());
    let config = Config { title: text(), description: text(), question: text(), ..Config::default() };
    let page = render(&config, folders, root.path());
    let (_, policy) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").expect("a policy");
    let (policy, _) = policy.split_once('"').expect("its end");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-")
            && policy.contains("script-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    // One style and one script, the two that are named; what else is a script is data.
    assert_eq!((page.matches("<style").count(), page.matches("<script>").count()), (1, 1));
    assert_eq!(page.matches("<script").count(), 2);
    assert!(!page.contains(" style=\"") && !page.contains(" onclick") && !page.contains(" onload"));
    assert!(page.contains("a\\u{202e}b\\u{1b}[31m &lt;script&gt;alert(1)"));
    let obeyed = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    assert_eq!(page.find(obeyed), None);
}
