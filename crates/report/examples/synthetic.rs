//! Renders made-up studies, to look at the page without running a pipeline.
//!
//! `cargo run -p report --example synthetic -- FOLDER` writes `x2.html`, `plus2.html`, `sweep.html`, `table.html`,
//! `grokking.html`, `ladder.html`, `memory.html` and `mixed.html` into FOLDER.

use std::path::{Path, PathBuf};

use artifact::Provenance;
use report::{Config, Inputs, Metric, Published};
use serde_json::json;

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use synthetic::Study;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    std::fs::create_dir_all(&out)?;
    let x2 = Study::x2();
    page(&out, "x2", "Doubling, digit by digit, on progressions never seen in training.", &[("", x2)])?;

    let sweep = [
        ("k=2", vec![0.0, 0.0, 0.033, 0.0]),
        ("k=5", vec![0.55, 0.91, 0.03, 0.01]),
        ("k=10", vec![0.975, 1.0, 0.99, 0.997]),
        ("k=20", vec![0.999, 0.993, 1.0, 0.998]),
    ];
    let sweep: Vec<_> = sweep.iter().map(|(point, accuracy)| (*point, Study::plus2(accuracy))).collect();
    page(&out, "plus2", "With +1 trained everywhere and +2 elsewhere: can 10 12 14 16 be inferred?", &sweep)?;

    sweeps(&out)?;

    let rung = |level: serde_json::Value, ceilings, accuracy: &[f64]| Study {
        level,
        ceilings,
        pinned: false,
        ..Study::plus2(accuracy)
    };
    let ladder = [
        ("level=random", rung("random".into(), (1.0, 0.93), &[1.0, 1.0, 0.999, 1.0])),
        ("level=window", rung(json!({ "window": { "m": 4 } }), (0.999, 0.81), &[0.999, 1.0, 0.998, 1.0])),
        ("level=transition", rung("transition".into(), (0.021, 0.19), &[0.975, 0.91, 0.99, 0.45])),
        ("level=step", rung(json!({ "step": { "test": [7] } }), (0.0, 0.02), &[0.0, 0.01, 0.0, 0.03])),
    ];
    page(&out, "ladder", "The same rows, held out in four ways.", &ladder)?;

    let memory = Study { ceilings: (0.12, 0.14), ..Study::plus2(&[0.1, 0.09, 0.13, 0.11, 0.12, 0.1]) };
    page(&out, "memory", "Fits its training rows and nothing else.", &[("", memory)])?;

    let tasks = ["plus1", "plus2", "fibonacci"].map(str::to_owned).to_vec();
    let mixed = Study { tasks, ceilings: (0.08, 0.5), ..Study::x2() };
    page(&out, "mixed", "Four rules in one model.", &[("", mixed)])?;
    Ok(())
}

/// The figures of a matrix with axes of numbers, and of grokking.
fn sweeps(out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut points = Vec::new();
    for (decay, loss, harder) in
        [("0.01", "all", 13.0), ("0.01", "answer", 9.0), ("1", "all", 10.0), ("1", "answer", 6.5)]
    {
        for k in [2, 5, 8, 10, 12, 15, 20, 30] {
            let share = |seed: i32| 1.0 / (1.0 + (-(f64::from(k + seed % 5 - 2) - harder) / 1.3).exp());
            let accuracy: Vec<f64> = (0..10).map(share).collect();
            points.push((
                format!("decay={decay},k={k},loss={loss}"),
                Study { steps: 200, ..Study::plus2(&accuracy) },
            ));
        }
    }
    let points: Vec<_> = points.iter().map(|(label, study)| (label.as_str(), study.clone())).collect();
    page(out, "sweep", "How many different steps must the data hold?", &points)?;

    let mut points = Vec::new();
    for (layers, heads, accuracy) in [
        (0, 1, 0.0),
        (0, 2, 0.0),
        (0, 4, 0.0),
        (1, 1, 0.994),
        (1, 2, 0.62),
        (1, 4, 0.999),
        (2, 1, 0.41),
        (2, 2, 1.0),
        (2, 4, 0.2),
    ] {
        let study = Study { pinned: false, ..Study::plus2(&[accuracy, accuracy * 0.9, accuracy]) };
        points.push((format!("heads={heads},layers={layers}"), study));
    }
    let points: Vec<_> = points.iter().map(|(label, study)| (label.as_str(), study.clone())).collect();
    let published = |metric, value, at: &str| Published {
        metric,
        value,
        source: "Somebody et al. 2023, Figure 2".to_owned(),
        at: (!at.is_empty()).then(|| at.to_owned()),
        note: Some("made up, as all figures on this page".to_owned()),
    };
    let config =
        Config { published: vec![published(Metric::Accuracy, 1.0, "heads=1,layers=1")], ..Config::default() };
    page_of(out, "table", "Which shapes of the model can do it?", &points, config)?;

    let points = [
        ("decay=1", Study::grokking(&[1.0, 1.0], 12_000, (0.02, 20.0))),
        ("decay=0", Study::grokking(&[0.04], 36_000, (0.005, 3.0))),
    ];
    let found =
        vec![published(Metric::TMem, 1400.0, "decay=1"), published(Metric::TGen, 14_000.0, "decay=1")];
    let config = Config { published: found, ..Config::default() };
    page_of(
        out,
        "grokking",
        "Memorised early, generalised late, and without weight decay never.",
        &points,
        config,
    )
}

fn page(
    out: &Path,
    name: &str,
    description: &str,
    studies: &[(&str, Study)],
) -> Result<(), Box<dyn std::error::Error>> {
    page_of(out, name, description, studies, Config::default())
}

fn page_of(
    out: &Path,
    name: &str,
    description: &str,
    studies: &[(&str, Study)],
    config: Config,
) -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let folders =
        studies.iter().flat_map(|(point, study)| synthetic::write(root.path(), study, point)).collect();
    let config = Config {
        pipeline: Some(name.to_owned()),
        description: Some(description.to_owned()),
        question: Some("Does it know the rule, or has it memorised the pieces?".to_owned()),
        ..config
    };
    report::run(&config, &Inputs { folders, ..Inputs::default() }, root.path(), &Provenance::default())?;
    std::fs::copy(root.path().join(report::PAGE_FILE), out.join(format!("{name}.html")))?;
    Ok(())
}
