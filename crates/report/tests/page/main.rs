//! The page as a whole: what stands on it and in which order, what is missing, how large it gets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::Provenance;
use report::{Config, Inputs, MAX_BYTES, Metric, PAGE_FILE, Published};
use serde_json::json;

mod matrix;
mod safety;
#[path = "../synthetic/mod.rs"]
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

/// A figure that somebody published.
fn published(metric: Metric, value: f64, at: Option<&str>) -> Published {
    Published {
        metric,
        value,
        source: "Somebody 2023".into(),
        at: at.map(str::to_owned),
        note: Some("with another optimizer".into()),
    }
}

/// What stands between two texts for the first time.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} behind {from}")).0
}

/// The figure with this number.
fn figure(page: &str, number: usize) -> &str {
    between(page, &format!("<figure id=\"figure-{number}\""), "</figure>")
}

/// The data behind a figure, as whoever takes them away gets them.
fn data(page: &str, number: usize) -> Vec<BTreeMap<String, String>> {
    let href = between(figure(page, number), "href=\"data:text/csv;charset=utf-8,", "\"");
    let mut bytes = Vec::new();
    let mut rest = href.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).expect("two digits");
        bytes.push(if byte == b'%' { (digit() * 16 + digit()) as u8 } else { byte });
    }
    let text = String::from_utf8(bytes).expect("the data are text");
    let mut lines = text.lines().map(cells);
    let head = lines.next().expect("the columns have names");
    lines.map(|cells| head.iter().cloned().zip(cells).collect()).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => cells.last_mut().expect("there is one").push(letter),
        }
    }
    cells
}

/// The values in one column of the lines that have these words in another.
fn values(data: &[BTreeMap<String, String>], column: &str, has: &[(&str, &str)]) -> Vec<String> {
    let chosen = data.iter().filter(|line| has.iter().all(|(column, word)| line[*column] == *word));
    chosen.map(|line| line[column].clone()).collect()
}

#[test]
fn a_whole_pipeline_answers_first_and_shows_every_section() {
    let page = page(&Study::x2());
    let order = [
        "id=\"p0-verdict\"",
        "id=\"figure-1\"",
        "id=\"p0-seeds\"",
        "id=\"p0-parts\"",
        "id=\"p0-learned\"",
        "id=\"p0-curves\"",
        "id=\"p0-mistakes\"",
        "id=\"p0-attention\"",
        "id=\"p0-ablation\"",
        "id=\"p0-settings\"",
        "id=\"p0-certificate\"",
        "id=\"p0-lookups\"",
        "id=\"rerun\"",
        "id=\"origin\"",
    ];
    let places: Vec<_> =
        order.iter().map(|anchor| page.find(anchor).unwrap_or_else(|| panic!("no {anchor}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("Shallow rule"));
    assert!(page.contains("8 seeds, 1,102 test rows: 91.8 independent clusters"));
    assert!(!page.contains("Left out, because"));
    for never in ["NaN", "undefined</", "inf%", "http://", "https://", "/tmp/"] {
        let text = page.replace("http://www.w3.org/", "");
        assert!(!text.contains(never), "{never} stands in the page");
    }
    assert!(page.len() < MAX_BYTES);
}

#[test]
fn every_figure_has_a_number_a_caption_a_legend_and_its_data() {
    let page = page(&Study { tasks: vec!["plus1".into()], ..Study::x2() });
    let figures = page.matches("<figure ").count();
    assert!(figures >= 7, "{figures}");
    for number in 1..=figures {
        let figure = figure(&page, number);
        assert!(figure.contains(&format!("<b>Figure {number}.</b> ")), "no number {number}");
        assert!(figure.contains("data-svg"), "no picture to take away of figure {number}");
        assert!(
            figure.contains("class=\"legend\"") || figure.contains("data-bar"),
            "no key in figure {number}"
        );
        assert!(figure.contains("aria-label=\""), "no words for figure {number}");
        assert!(!data(&page, number).is_empty(), "no data of figure {number}");
    }
}

#[test]
fn the_first_figure_is_the_one_that_was_asked_for() {
    let tasks = Study { tasks: vec!["plus1".into(), "fibonacci".into()], ..Study::x2() };
    let by_task = page(&tasks);
    assert!(figure(&by_task, 1).contains("by <b>task</b>"));
    assert_eq!(values(&data(&by_task, 1), "task", &[("what", "seed 0")]), ["fibonacci", "plus1", "x2"]);
    assert!(by_task.contains("<b>fibonacci</b> <span class=\"tag"), "a line a task in the verdict");

    let by_terms = page(&Study::x2());
    assert!(figure(&by_terms, 1).contains("<b>number of terms</b>"));
    assert_eq!(values(&data(&by_terms, 1), "terms", &[("what", "seed 7")]), ["4", "5", "10"]);
}

#[test]
fn equal_seeds_do_not_hide_each_other() {
    let page = page(&Study::x2());
    let seeds = between(&page, "<section id=\"p0-seeds\"", "</section>");
    let figure = between(seeds, "<svg height", "</figure>");
    let dots: Vec<_> =
        figure.split("<circle class=\"seed").skip(1).map(|dot| between(dot, "cx=", " r=")).collect();
    let mut different = dots.clone();
    different.sort_unstable();
    different.dedup();
    assert!(dots.len() >= 8 && different.len() == dots.len(), "{dots:?}");
}

#[test]
fn attention_positions_have_names_and_heads_a_mean_over_seeds() {
    let page = page(&Study::x2());
    let section = between(&page, "<section id=\"p0-attention\"", "</section>");
    assert!(section.contains("term 2, digit 1"), "positions are named");
    assert_eq!(
        section.matches("class=\"head\"").count(),
        9 * 4,
        "eight seeds and their mean, four heads each"
    );
    let text = between(section, "<script type=\"application/json\">", "</script>");
    let data: serde_json::Value = serde_json::from_str(text).expect("the data are JSON");
    assert_eq!(data["patterns"].as_array().map(Vec::len), Some(9 + 16), "means, and two rows of each seed");
    assert_eq!(data["patterns"][0]["seed"], -1);
}

#[test]
fn a_drop_has_a_direction_and_a_size() {
    let page = page(&Study::x2());
    let section = between(&page, "<section id=\"p0-ablation\"", "</section>");
    assert!(section.contains("blocks.0.mlp over seeds: falls by 17 %"), "a bar says what it is");
    for (metric, kind) in [
        ("accuracy", "mean"),
        ("accuracy", "zero"),
        ("logit difference", "mean"),
        ("logit difference", "zero"),
    ] {
        assert!(
            section
                .contains(&format!("data-metric=\"{metric}\" data-task=\"x2\" data-replaced-by=\"{kind}\""))
        );
    }
}

#[test]
fn look_up_tables_that_get_the_same_stand_together() {
    let page = page(&Study { ceilings: (0.0, 0.5), ..Study::x2() });
    let section = between(&page, "<section id=\"p0-lookups\"", "</section>");
    assert_eq!(
        section.matches("<tr>").count(),
        1 + 2,
        "one line for all that get nothing, one for the shallow one"
    );
    assert!(section.contains("backoff, tokens; bigram, tokens"));
}

#[test]
fn the_bytes_depend_on_the_tables_alone() {
    assert_eq!(page(&Study::x2()), page(&Study::x2()));
}

#[test]
fn pinned_rows_are_answered_by_every_seed() {
    let text = page(&Study::plus2(&[1.0, 0.0, 1.0]));
    assert!(text.contains("<code>10 12 14</code>") && text.contains("<b>16</b>"));
    assert!(text.contains("Inferred by <b>2 of 3</b> seeds"), "the pin's outcome is missing");
    assert!(text.contains("2 4 6 8 (plus2)"));
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
    assert!(only_train.contains("<dt>Seeds</dt><dd>8 (0 to 7)</dd>"));
    let no_audit = of(&["data", "train", "evaluate"]);
    assert!(no_audit.contains("No certificate among the inputs"));
    let only_audit = of(&["data", "audit"]);
    assert!(only_audit.contains("p0-certificate") && only_audit.contains("skip grams"));
}

#[test]
fn a_large_study_stays_below_a_megabyte_and_says_what_it_leaves_out() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let study = Study { length: 48, steps: 600, rows: 60, ..Study::plus2(&[0.3; 12]) };
    let folders = (0..12).flat_map(|k| synthetic::write(root.path(), &study, &format!("k={k}"))).collect();
    let page = render(&Config::default(), folders, root.path());
    assert!(page.len() < MAX_BYTES, "{} bytes", page.len());
    assert!(page.contains("further patterns stand in <code>attention.parquet</code>"));
    let (logged, drawn) =
        between(&page, "; of up to ", " are drawn").split_once(" logged steps ").expect("both");
    let [logged, drawn] = [logged, drawn].map(|number| number.parse::<usize>().expect("a number"));
    assert!(logged > 100 && (2..logged).contains(&drawn), "{drawn} of {logged}");
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
    let row = between(&page, "<th scope=\"row\">k=3</th>", "</section>");
    assert!(row.contains("<b>not measured</b>") && row.contains("Points that are not among the inputs"));
}

#[test]
fn an_error_says_its_cause_too() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folders = synthetic::write(root.path(), &Study::x2(), "");
    std::fs::write(folders[2].1.join("model.json"), "[1]").expect("the temporary folder takes files");
    let inputs = Inputs { folders, ..Inputs::default() };
    let error = report::run(&Config::default(), &inputs, root.path(), &Provenance::default())
        .expect_err("a list is no model");
    let (text, cause) =
        (error.to_string(), std::error::Error::source(&error).expect("the parser's own words"));
    assert!(cause.to_string().starts_with("invalid type: sequence, expected a map"), "{cause}");
    assert!(text.ends_with(&format!("not a readable model config ({cause}); rerun the stage that wrote it")));
    let folders = synthetic::write(root.path(), &Study::x2(), "");
    let inputs = Inputs { folders, ..Inputs::default() };
    let nowhere = root.path().join("nowhere");
    let error = report::run(&Config::default(), &inputs, &nowhere, &Provenance::default());
    let text = error.expect_err("there is no such folder").to_string();
    assert!(text.ends_with("index.html: No such file or directory (os error 2)"), "{text}");
}
