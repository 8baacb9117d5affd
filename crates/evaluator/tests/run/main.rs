//! The whole stage on a dataset and models whose every score is known by hand.

#![expect(clippy::unwrap_used, reason = "a test whose world cannot be set up has failed")]

mod certified;
mod refused;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use artifact::read_table;
use artifact::tables::{Control, Example, Prediction, Score, SeedScore, SeedVerdict, Verdict};
use candle_core::{Device, Tensor};
use sequence::Kind;
use transformer::NoHook;
use world::World;

/// Value, lower and upper end, rows, clusters, effective clusters, seeds.
type Numbers = (Option<f64>, Option<f64>, Option<f64>, i64, i64, Option<f64>, i64);

/// Model, seed (nothing over seeds), split, task, slice and metric.
type Key = (String, Option<i32>, String, String, String, String);

/// All scores.
struct Scores(BTreeMap<Key, Numbers>);

impl Scores {
    fn read(out: &Path) -> Scores {
        let mut all = BTreeMap::new();
        let mut add = |key, numbers: Numbers| {
            assert!(all.insert(key, numbers).is_none(), "a score stands there twice");
        };
        for s in read_table::<Score>(&out.join("scores.parquet")).unwrap() {
            let numbers = (s.value, s.low, s.high, s.n, s.clusters, s.n_eff, s.seeds);
            add((s.model, None, s.split, s.task, s.slice, s.metric), numbers);
        }
        for s in read_table::<SeedScore>(&out.join("seed_scores.parquet")).unwrap() {
            let numbers = (s.value, s.low, s.high, s.n, s.clusters, s.n_eff, 1);
            add((s.model, Some(s.seed), s.split, s.task, s.slice, s.metric), numbers);
        }
        for s in read_table::<Control>(&out.join("controls.parquet")).unwrap() {
            let numbers = (s.value, s.low, s.high, s.n, s.clusters, s.n_eff, s.seeds);
            add((s.model, None, s.split, s.task, s.slice, s.metric), numbers);
        }
        Scores(all)
    }

    fn find(&self, model: &str, seed: i32, split: &str, task: &str, slice: &str, metric: &str) -> Numbers {
        let seed = (seed >= 0).then_some(seed);
        let text = |text: &str| text.to_owned();
        self.0[&(text(model), seed, text(split), text(task), text(slice), text(metric))]
    }
}

#[test]
fn every_score_is_what_counting_by_hand_gives() {
    let world = World::new();
    let scores = Scores::read(&world.run("out").unwrap());
    let all = world.test.len() as f64;
    let plus1 = world.test.iter().filter(|example| example.task == "plus1").count() as f64;
    let even = |example: &&Example| example.terms[0] % 2 == 0;
    let memory = world.test.iter().filter(even).count() as f64;
    let value = |seed, task: &str, metric: &str| scores.find("trained", seed, "test", task, "all", metric).0;
    // Seed 0 is right on plus1 and wrong on plus2; seed 1 is always wrong.
    assert_eq!(value(0, "", "accuracy"), Some(plus1 / all));
    assert_eq!(value(0, "plus1", "accuracy"), Some(1.0));
    assert_eq!(value(0, "plus2", "accuracy"), Some(0.0));
    assert_eq!(value(1, "", "accuracy"), Some(0.0));
    assert_eq!(value(-1, "", "accuracy"), Some(plus1 / all / 2.0));
    assert_eq!(value(0, "", "teacher_forced_accuracy"), Some(plus1 / all));
    // A numeral is its answer's only token: END is no part of it.
    assert_eq!(value(0, "plus2", "token_accuracy"), Some(0.0));
    assert_eq!(value(-1, "", "u_best"), Some(memory / all));
    assert_eq!(value(-1, "", "s_best"), Some(plus1 / all));
    let index = (plus1 / all - memory / all) / (1.0 - memory / all);
    assert!((value(0, "", "rule_index").unwrap() - index).abs() < 1e-12);
    let beyond = scores.find("trained", 0, "test", "plus1", "all", "beyond_memory");
    let odd = world.test.iter().filter(|example| !even(example) && example.task == "plus1").count();
    assert_eq!((beyond.0, beyond.3), (Some(1.0), odd as i64));
    assert!(beyond.1.unwrap() < 1.0, "Wilson's interval is never empty");
    // The right token against the last term: 10 - 0 on plus1, 0 - 0 on plus2.
    assert_eq!(value(0, "plus1", "logit_difference"), Some(10.0));
    assert_eq!(value(0, "plus2", "logit_difference"), Some(0.0));
    let zero = world.test.iter().filter(|example| example.terms[0] == 0).count() as i64;
    assert_eq!(scores.find("trained", 0, "test", "", "answer_seen=0", "accuracy").3, zero);
    assert_eq!(scores.find("trained", -1, "test", "", "terms=4", "accuracy").3, all as i64);
    assert_eq!(value(0, "plus1", "generalisation_gap"), Some(0.0));
    assert_eq!(scores.find("untrained", -1, "test", "", "all", "accuracy").0, Some(0.0));
    assert_eq!(scores.find("oracle", -1, "test", "plus2", "all", "accuracy").0, Some(1.0));
    assert_eq!(scores.find("trained", 0, "validation", "", "all", "t_gen").0, Some(300.0));
    assert_eq!(scores.find("trained", 0, "validation", "", "all", "grokking_delay").0, Some(200.0));
    assert_eq!(scores.find("trained", 0, "validation", "", "all", "grokking_ratio").0, Some(3.0));
    assert_eq!(scores.find("trained", 1, "validation", "", "all", "t_gen").0, None);
    // Steps 100 and 300 were logged: what was first seen at 300 came after 100.
    let (_, low, high, ..) = scores.find("trained", 0, "validation", "", "all", "t_gen");
    assert_eq!((low, high), (Some(100.0), Some(300.0)));
    // Of what the table gets wrong on plus2, seed 0 says all alike and seed 1 nothing.
    let wrong = world.test.iter().filter(|example| !even(example) && example.task == "plus2").count() as i64;
    let agreement = |seed, task| scores.find("trained", seed, "test", task, "all", "agreement");
    assert_eq!((agreement(0, "plus2").0, agreement(0, "plus2").3), (Some(1.0), wrong));
    assert_eq!(agreement(1, "plus2").0, Some(0.0));
    assert_eq!(agreement(-1, "plus2").0, Some(0.5));
    assert_eq!(agreement(0, "plus1").0, Some(0.0));
}

#[test]
fn rows_of_one_cluster_count_as_one() {
    let mut world = World::new();
    // All rows of plus2 are one cluster, and a row of plus1 another: 1.x effective clusters, whatever is right.
    for row in &mut world.test {
        row.cluster = i64::from(row.example_id == 2);
    }
    artifact::write_table(&world.inputs.test[0], &artifact::Provenance::default(), world.test.clone())
        .unwrap();
    let out = world.run("out").unwrap();
    let scores = Scores::read(&out);
    let (value, low, high, n, clusters, n_eff, _) = scores.find("trained", 1, "test", "", "all", "accuracy");
    let rows = world.test.len() as f64;
    let kish = rows * rows / ((rows - 1.0) * (rows - 1.0) + 1.0);
    assert_eq!((value, n, clusters), (Some(0.0), rows as i64, 2));
    assert!((n_eff.unwrap() - kish).abs() < 1e-9 && low == Some(0.0) && high.unwrap() > 0.7, "{high:?}");
    // Too few to say that the table is what the model does, or that seeds disagree; nothing is refused.
    assert_eq!(scores.find("trained", 0, "test", "plus2", "all", "agreement").0, None);
    let verdicts: Vec<Verdict> = read_table(&out.join("verdicts.parquet")).unwrap();
    for verdict in verdicts {
        assert!(verdict.caveats.contains("Few independent rows"), "{}", verdict.caveats);
        assert_eq!(verdict.seed_difference, None);
        assert_ne!(verdict.verdict, "seeds_disagree");
    }
}

#[test]
fn verdicts_are_those_of_the_scores_beside_them() {
    let world = World::new();
    let out = world.run("out").unwrap();
    let scores = Scores::read(&out);
    let verdicts: Vec<Verdict> = read_table(&out.join("verdicts.parquet")).unwrap();
    let tasks: Vec<&str> = verdicts.iter().map(|verdict| verdict.task.as_str()).collect();
    assert_eq!(tasks, ["", "plus1", "plus2"]);
    for verdict in &verdicts {
        let of = |metric| scores.find("trained", -1, "test", &verdict.task, "all", metric);
        let (accuracy, low, high, n, clusters, n_eff, seeds) = of("accuracy");
        assert_eq!((verdict.accuracy, verdict.accuracy_low, verdict.accuracy_high), (accuracy, low, high));
        assert_eq!((verdict.n, verdict.clusters, verdict.seeds), (n, clusters, seeds));
        assert_eq!((Some(verdict.n_eff), verdict.u_best), (n_eff, of("u_best").0));
        assert_eq!((verdict.rule_index, verdict.agreement), (of("rule_index").0, of("agreement").0));
        assert_eq!(verdict.holdout, "transition");
        assert!(!verdict.sentence.contains("NaN") && verdict.sentence.ends_with('.'), "{}", verdict.sentence);
    }
    // On plus1 one seed is right and the other wrong, on plus2 both are wrong.
    assert_eq!(verdicts[1].verdict, "seeds_disagree");
    assert_eq!((verdicts[1].rule_seeds, verdicts[1].seed_difference), (1, Some(1.0)));
    assert!(verdicts[1].sentence.starts_with("1 of 2 seeds have the rule"), "{}", verdicts[1].sentence);
    let seeds: Vec<SeedVerdict> = read_table(&out.join("seed_verdicts.parquet")).unwrap();
    let word = |seed, task: &str| {
        let found = seeds.iter().find(|row| row.seed == seed && row.task == task);
        found.map(|row| row.verdict.as_str())
    };
    assert_eq!((word(0, "plus1"), word(1, "plus1")), (Some("shallow_rule"), Some("not_fitted")));
    assert_eq!(word(0, "plus2"), Some("not_fitted"));
}

#[test]
fn scores_are_a_closed_list_without_nan() {
    let world = World::new();
    let scores = Scores::read(&world.run("out").unwrap());
    let known: Vec<&str> = evaluator::METRICS.iter().map(|metric| metric.name).collect();
    // Shares of rows, in whatever table.
    let shares = [
        "accuracy",
        "beyond_memory",
        "teacher_forced_accuracy",
        "top5_accuracy",
        "token_accuracy",
        "u_best",
        "u_union",
    ];
    for (key, &(value, low, high, n, clusters, n_eff, seeds)) in &scores.0 {
        let (model, seed, metric) = (key.0.as_str(), key.1, key.5.as_str());
        assert!(known.contains(&metric), "{metric}");
        assert!([value, low, high, n_eff].into_iter().flatten().all(f64::is_finite), "{key:?}");
        if let (Some(value), Some(low), Some(high)) = (value, low, high) {
            assert!(low <= value + 1e-12 && value <= high + 1e-12, "{key:?}: {value} [{low}, {high}]");
        }
        if shares.contains(&metric) && model != "oracle" {
            // Never of zero width, and the same for whoever reads the same rows.
            assert_eq!(value.is_some(), low.is_some() && high.is_some(), "{key:?}");
            assert!(value.is_none() || high.unwrap() - low.unwrap() > 1e-3, "{key:?}");
            assert!(n_eff.unwrap() <= clusters as f64 + 1e-9 && clusters <= n, "{key:?}");
        }
        let about_rows = !metric.starts_with("t_") && !metric.starts_with("grokking");
        assert_eq!(n_eff.is_some(), about_rows, "{key:?}");
        let of_the_model = !matches!(metric, "u_best" | "u_union" | "s_best") && model != "oracle";
        assert_eq!(
            seeds,
            if !of_the_model {
                0
            } else if seed.is_some() {
                1
            } else {
                2
            },
            "{key:?}"
        );
    }
    for metric in known {
        assert!(scores.0.keys().any(|key| key.5 == metric), "{metric} is never written");
    }
}

#[test]
fn predictions_are_those_of_generating_token_by_token() {
    let world = World::new();
    let out = world.run("out").unwrap();
    let predictions: Vec<Prediction> = read_table(&out.join("predictions.parquet")).unwrap();
    let by_key: BTreeMap<(i32, i64), &Prediction> =
        predictions.iter().filter(|p| p.split == "test").map(|p| ((p.seed, p.example_id), p)).collect();
    assert_eq!(by_key.len(), 2 * world.test.len());
    for (seed, scale) in [(0, 1.0), (1, -1.0)] {
        let model = world.counting(scale);
        for example in &world.test {
            // The plain way: one row, one token at a time, from the prompt alone.
            let start = example.answer_start as usize;
            let mut tokens: Vec<u32> =
                example.tokens[..start].iter().map(|&token| u32::from(token)).collect();
            let end = u32::from(*example.tokens.last().unwrap());
            while tokens.last() != Some(&end) && tokens.len() < start + example.answer_length as usize {
                let shown = Tensor::from_slice(&tokens, (1, tokens.len()), &Device::Cpu).unwrap();
                let logits = model.forward(&shown, &mut NoHook).unwrap().to_vec3::<f32>().unwrap();
                let last = &logits[0][tokens.len() - 1];
                let best = (0..last.len()).rev().max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap();
                tokens.push(best as u32);
            }
            let generated: Vec<u16> = tokens[start..].iter().map(|&token| token as u16).collect();
            let found = by_key[&(seed, example.example_id)];
            assert_eq!(found.correct, generated == example.tokens[start..start + 1], "{found:?}");
            assert_eq!(found.teacher_forced, found.correct, "{found:?}");
            let value = |token: u16| world.vocabulary.token(token).unwrap();
            let text: Vec<&str> = generated.iter().map(|&token| value(token).token.as_str()).collect();
            match text[..] {
                [number] if value(generated[0]).kind == Kind::Value => {
                    assert_eq!(found.prediction, number)
                }
                _ => assert_eq!(found.error_class, "malformed", "{text:?}"),
            }
        }
    }
    let classes = |seed: i32, task: &str| -> Vec<&str> {
        let mut classes: Vec<&str> = predictions
            .iter()
            .filter(|p| p.seed == seed && p.task == task)
            .map(|p| p.error_class.as_str())
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    };
    assert_eq!(classes(0, "plus1"), ["correct"]);
    assert_eq!(classes(0, "plus2"), ["plus_one"]);
}

#[test]
fn the_same_bytes_whatever_the_number_of_threads() {
    let world = World::new();
    let bytes = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = pool.install(|| world.run(name)).unwrap();
        let files = [
            "scores.parquet",
            "seed_scores.parquet",
            "controls.parquet",
            "verdicts.parquet",
            "seed_verdicts.parquet",
            "predictions.parquet",
        ];
        files.map(|file| std::fs::read(out.join(file)).unwrap())
    };
    assert_eq!(bytes(1, "one"), bytes(3, "three"));
}
