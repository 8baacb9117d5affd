//! The whole stage on a model built by hand: one head does the work, the other looks back and does nothing.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(clippy::unwrap_used, reason = "a test whose world cannot be set up has failed")]

mod contract;
mod world;

use std::collections::HashMap;
use std::path::Path;

use analyzer::{Config, run};
use artifact::tables::{Ablation, AttentionPattern, Checkpoint, Counterfactual, Example, Measurement};
use artifact::{Provenance, digest_bytes, read_table, write_table};
use candle_core::{DType, Device, Tensor};
use world::{SHOWN, World, model, shape};

/// Of what ablation measures by itself, the logit against copying.
fn ablation<'a>(table: &'a [Ablation], seed: i32, component: &str, kind: &str) -> &'a Ablation {
    measured(table, seed, component, kind, "logit_difference")
}

fn measured<'a>(table: &'a [Ablation], seed: i32, component: &str, kind: &str, metric: &str) -> &'a Ablation {
    let is = |row: &&Ablation| {
        (row.seed, row.component.as_str(), row.kind.as_str(), row.metric.as_str())
            == (seed, component, kind, metric)
    };
    table.iter().find(is).unwrap_or_else(|| panic!("no row for {seed} {component} {kind} {metric}"))
}

fn measurements(out: &Path) -> Vec<Measurement> {
    read_table(&out.join("measurements.parquet")).unwrap()
}

#[test]
fn the_head_that_works_is_worth_everything_and_the_other_nothing() {
    let world = World::new(true);
    let out = world.run("out").unwrap();
    let table: Vec<Ablation> = read_table(&out.join("ablation.parquet")).unwrap();
    // In seed 1 the heads are swapped.
    for (seed, worker, idle) in [(0, 0, 1), (1, 1, 0)] {
        let head = |head: i32| ablation(&table, seed, &format!("blocks.0.attn.head.{head}"), "zero");
        assert_eq!((head(worker).full, head(worker).ablated), (Some(10.0), Some(0.0)));
        assert_eq!(head(worker).drop_percent, Some(100.0));
        assert_eq!(
            (head(worker).layer, head(worker).head, head(worker).n),
            (0, worker, world.rows.len() as i64)
        );
        assert_eq!(head(idle).drop_percent, Some(0.0));
        assert_eq!(ablation(&table, seed, "blocks.0.mlp", "zero").drop_percent, Some(0.0));
        assert_eq!(ablation(&table, seed, "top_1_heads", "zero").drop_percent, Some(100.0));
        assert_eq!(ablation(&table, seed, "top_2_heads", "zero").drop_percent, Some(100.0));
    }
    // Where it was measured, and of what: a set of heads is at no one place.
    let measured = measurements(&out);
    let place = |seed: i32, metric: &str, head: i32| {
        let metric = format!("drop_percent_zero_accuracy{metric}");
        let found = measured.iter().find(|row| (row.seed, row.head) == (seed, head) && row.metric == metric);
        let row = found.unwrap_or_else(|| panic!("no {seed} {metric} {head}"));
        (row.hook.as_str(), row.component.as_str(), row.layer)
    };
    assert_eq!(place(1, "", 1), ("blocks.0.attn.hook_z", "blocks.0.attn.head.1", 0));
    assert_eq!(place(-1, "", -1), ("blocks.0.hook_mlp_out", "blocks.0.mlp", 0));
    assert_eq!(place(0, "_top_2_heads", -1), ("", "blocks.0.attn.head.0+blocks.0.attn.head.1", -1));
    assert_eq!(place(1, "_top_2_heads", -1), ("", "blocks.0.attn.head.1+blocks.0.attn.head.0", -1));
    assert_eq!(place(-1, "_top_2_heads", -1), ("", "", -1));
    assert_eq!(ablation(&table, -1, "top_1_heads", "zero").drop_percent, Some(100.0));
    assert_eq!(ablation(&table, -1, "blocks.0.mlp", "mean").drop_percent, Some(0.0));
    assert!(table.iter().all(|row| row.seed >= 0 || row.head < 0), "head 0 of two seeds is not one head");
    assert!(table.iter().all(|row| row.step == 300), "only the last checkpoint counts");
}

#[test]
fn the_mean_is_that_of_the_counterfactual_rows() {
    // All twins end in `2 2 2 2`, so the mean of the working head says 3: 10 for the rows where 3 is the answer or the
    // last term, nothing for the others.
    let world = World::new(true);
    let table: Vec<Ablation> = read_table(&world.run("out").unwrap().join("ablation.parquet")).unwrap();
    let row = ablation(&table, 0, "blocks.0.attn.head.0", "mean");
    let ablated: f64 = world
        .rows
        .iter()
        .map(|row| match (row.terms[3], row.terms[2]) {
            (3, _) => 10.0,
            (_, 3) => -10.0,
            _ => 0.0,
        })
        .sum();
    assert_eq!(row.ablated, Some(ablated / world.rows.len() as f64));
}

#[test]
fn accuracy_and_margin_stand_beside_the_logit_against_copying() {
    let world = World::new(true);
    let n = world.rows.len() as f64;
    // END is nobody's likeliest token here: asked for the answer alone, the full model is always right.
    let rows = world.rows.iter().map(|row| Example { answer_length: 1, ..row.clone() });
    let table =
        |name: &str| read_table::<Ablation>(&world.run(name).unwrap().join("ablation.parquet")).unwrap();
    let with_end = table("with-end");
    write_table(&world.inputs.examples[0], &Provenance::default(), rows).unwrap();
    let table = table("alone");
    let head = |kind: &str, metric: &str| {
        let row = measured(&table, 0, "blocks.0.attn.head.0", kind, metric);
        (row.full.unwrap(), row.ablated.unwrap(), row.drop_percent.unwrap())
    };
    assert_eq!(head("zero", "accuracy"), (1.0, 0.0, 100.0));
    assert_eq!(head("zero", "logit_margin"), (10.0, 0.0, 100.0));
    // The mean says 3, which is the answer of one row. Elsewhere the model then answers 3 instead, but it is still measured
    // against what the full model would have said, of all that it finds equally unlikely the first: BEGIN.
    assert_eq!(head("mean", "accuracy"), (1.0, 1.0 / n, 100.0 * (1.0 - 1.0 / n)));
    let (full, ablated, drop) = head("mean", "logit_margin");
    assert_eq!((full, ablated), (10.0, 10.0 / n));
    assert!((drop - 100.0 * (1.0 - 1.0 / n)).abs() < 1e-9, "{drop}");
    assert_eq!(measured(&table, -1, "blocks.0.mlp", "zero", "accuracy").drop_percent, Some(0.0));
    // Of nothing no share can be lost.
    for row in with_end.iter().filter(|row| row.metric == "accuracy") {
        assert_eq!((row.full, row.ablated, row.drop_percent), (Some(0.0), Some(0.0), None), "{row:?}");
    }
    let metrics: std::collections::BTreeSet<_> = table.iter().map(|row| row.metric.as_str()).collect();
    assert!(metrics.into_iter().eq(["accuracy", "logit_difference", "logit_margin"]));
}

#[test]
fn without_counterfactual_rows_the_mean_is_over_the_sample_and_says_so() {
    for (twins, value) in [(true, 0.0), (false, 1.0)] {
        let world = World::new(twins);
        let out = world.run("out").unwrap();
        let said = measurements(&out).into_iter().find(|row| row.metric == "mean_over_sample").unwrap();
        assert_eq!(said.value, Some(value));
    }
}

#[test]
fn a_head_that_looks_back_is_found() {
    let world = World::new(true);
    let out = world.run("out").unwrap();
    let measurements = measurements(&out);
    let score = |seed: i32, head: i32, metric: &str| {
        let found = measurements.iter().find(|row| {
            row.analysis == "attention" && row.seed == seed && row.head == head && row.metric == metric
        });
        found.unwrap_or_else(|| panic!("no {seed} {head} {metric}")).clone()
    };
    assert_eq!(score(0, 1, "previous_token").value, Some(1.0));
    assert_eq!(score(0, 0, "previous_token").value, Some(0.0));
    assert_eq!(score(0, 0, "offset=0").value, Some(1.0));
    // Query 0 has only itself to look at.
    assert_eq!(score(0, 1, "offset=0").value, Some(1.0 / SHOWN as f64 * 1.0));
    assert_eq!(score(0, 1, "entropy").value, Some(0.0));
    assert_eq!(score(0, 1, "offset=1").hook, "blocks.0.attn.hook_pattern");
    // Alike on every row: nothing is known of how far others may lie from it.
    assert_eq!((score(0, 1, "offset=1").low, score(0, 1, "offset=1").high), (None, None));
    assert_eq!(score(-1, -1, "largest_previous_token").value, Some(1.0));
    let patterns: Vec<AttentionPattern> = read_table(&out.join("attention.parquet")).unwrap();
    for pattern in &patterns {
        let looks_back = pattern.head == if pattern.seed == 0 { 1 } else { 0 };
        let target = if looks_back && pattern.query > 0 { pattern.query - 1 } else { pattern.query };
        assert_eq!(pattern.weight, if pattern.key == target { 1.0 } else { 0.0 }, "{pattern:?}");
    }
    let (mean, one): (Vec<_>, Vec<_>) = patterns.iter().partition(|pattern| pattern.example_id < 0);
    assert_eq!(mean.len(), 2 * 2 * SHOWN * (SHOWN + 1) / 2);
    assert!(mean.iter().all(|pattern| pattern.n == world.rows.len() as i64));
    assert!(one.iter().any(|pattern| pattern.tokens == "BEGIN 0 1 2 3"));
}

#[test]
fn only_what_is_asked_for_is_done() {
    let world = World::new(true);
    let out = world.folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let config: Config =
        serde_json::from_str(r#"{"analyses":[{"attention":{"example_rows":0}}],"sample":3}"#).unwrap();
    run(&config, &world.inputs, &out, &Provenance::default()).unwrap();
    assert!(!out.join("ablation.parquet").exists());
    let patterns: Vec<AttentionPattern> = read_table(&out.join("attention.parquet")).unwrap();
    assert!(patterns.iter().all(|pattern| pattern.example_id == -1 && pattern.n == 3));
}

#[test]
fn a_model_of_other_data_is_refused() {
    let world = World::new(true);
    let small = transformer::Config { n_ctx: SHOWN - 1, ..shape() };
    std::fs::write(&world.inputs.model, serde_json::to_string(&small).unwrap()).unwrap();
    let error = world.run("out").expect_err("the rows are too long").to_string();
    assert!(error.contains("reads at most 4 tokens"), "{error}");
}

#[test]
fn a_checkpoint_that_is_no_such_model_is_refused_though_it_is_what_was_listed() {
    let world = World::new(true);
    let whole = model(false).to_safetensors().unwrap();
    let mut wide: HashMap<_, _> = model(false).parameters().clone().into_iter().collect();
    wide.insert("unembed.b_U".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    let other = world.folder.path().join("other.safetensors");
    candle_core::safetensors::save(&wide, &other).unwrap();
    let cases = [
        (whole[..whole.len() - 1].to_vec(), "not a complete safetensors file"),
        (b"PK\x03\x04rest".to_vec(), "this is a pickle"),
        (std::fs::read(&other).unwrap(), "unembed.b_U has the shape [3]"),
    ];
    for (number, (bytes, expected)) in cases.into_iter().enumerate() {
        let mut listed: Vec<Checkpoint> = read_table(&world.inputs.checkpoints).unwrap();
        let last = listed.iter_mut().find(|c| (c.seed, c.step) == (0, 300)).unwrap();
        last.digest = digest_bytes(&bytes);
        std::fs::write(world.folder.path().join(&last.path), &bytes).unwrap();
        write_table(&world.inputs.checkpoints, &Provenance::default(), listed).unwrap();
        let error = world.run(&format!("out-{number}")).expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains("0-300.safetensors"), "{error}");
    }
}

#[test]
fn tables_that_say_what_cannot_be_are_refused() {
    let refused = |change: &dyn Fn(&World)| {
        let world = World::new(true);
        change(&world);
        world.run("out").expect_err("it cannot be").to_string()
    };
    let none = Provenance::default();
    let checkpoints = |change: &dyn Fn(&mut Vec<Checkpoint>)| {
        refused(&|world| {
            let mut listed: Vec<Checkpoint> = read_table(&world.inputs.checkpoints).unwrap();
            change(&mut listed);
            write_table(&world.inputs.checkpoints, &none, listed).unwrap();
        })
    };
    for path in ["/etc/passwd", "../x", "", "a\0b"] {
        let error = checkpoints(&|listed| listed.iter_mut().for_each(|listed| listed.path = path.to_owned()));
        assert!(error.contains("checkpoints.parquet: `"), "{error}");
    }
    assert!(checkpoints(&|listed| listed.clear()).contains("it lists no checkpoint"));
    let examples = |change: &dyn Fn(&mut Vec<Example>)| {
        refused(&|world| {
            let mut rows: Vec<Example> = read_table(&world.inputs.examples[0]).unwrap();
            change(&mut rows);
            write_table(&world.inputs.examples[0], &none, rows).unwrap();
        })
    };
    assert!(examples(&|rows| rows[1] = rows[0].clone()).contains("the same `example_id`"));
    assert!(examples(&|rows| rows[0].tokens = vec![]).contains("it has no tokens"));
    for (start, length) in [(i32::MAX, i32::MAX), (i32::MIN, 1), (0, 1), (1, i32::MAX)] {
        examples(&|rows| (rows[0].answer_start, rows[0].answer_length) = (start, length));
    }
    let twins = refused(&|world| {
        let mut rows: Vec<Counterfactual> = read_table(&world.inputs.counterfactuals).unwrap();
        rows.iter_mut().for_each(|row| row.tokens[0] = u16::MAX);
        write_table(&world.inputs.counterfactuals, &none, rows).unwrap();
    });
    assert!(twins.contains("token 65535 of its counterfactual is not in the vocabulary"), "{twins}");
}
