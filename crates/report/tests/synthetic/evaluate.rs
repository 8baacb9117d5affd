//! What an evaluation would write, made up.

use std::path::Path;

use artifact::tables::{Control, Prediction, Score, SeedScore, SeedVerdict, Training, Verdict};
use serde_json::json;

use super::data::{task_of, terms};
use super::{Dice, Study, table};

/// A value before it stands in its table.
struct Measured {
    model: &'static str,
    seed: i32,
    split: &'static str,
    task: String,
    slice: String,
    metric: &'static str,
    value: Option<f64>,
    half: Option<f64>,
    n: i64,
}

impl Measured {
    fn low(&self) -> Option<f64> {
        self.value.zip(self.half).map(|(value, half)| value - half)
    }

    fn high(&self) -> Option<f64> {
        self.value.zip(self.half).map(|(value, half)| (value + half).min(1.0))
    }
}

fn write(folder: &Path, study: &Study, measured: &[Measured]) {
    let config = json!({"train_rows": 1000, "threshold": 0.99});
    let over = measured.iter().filter(|row| row.model == "trained" && row.seed < 0).map(|row| Score {
        model: row.model.into(),
        step: study.steps,
        split: row.split.into(),
        task: row.task.clone(),
        slice: row.slice.clone(),
        metric: row.metric.into(),
        memorizer: String::new(),
        view: String::new(),
        value: row.value,
        low: row.low(),
        high: row.high(),
        n: row.n,
        clusters: row.n / 10,
        n_eff: Some(row.n as f64 / 12.0),
        seeds: study.accuracy.len() as i64,
    });
    table(folder.join("scores.parquet"), "evaluate", config.clone(), over.collect::<Vec<_>>());
    let seeds = measured.iter().filter(|row| row.seed >= 0).map(|row| SeedScore {
        model: row.model.into(),
        seed: row.seed,
        step: study.steps,
        split: row.split.into(),
        task: row.task.clone(),
        slice: row.slice.clone(),
        metric: row.metric.into(),
        memorizer: String::new(),
        view: String::new(),
        value: row.value,
        low: row.low(),
        high: row.high(),
        n: row.n,
        clusters: row.n / 10,
        n_eff: Some(row.n as f64 / 12.0),
    });
    table(folder.join("seed_scores.parquet"), "evaluate", config.clone(), seeds.collect::<Vec<_>>());
    let controls = measured.iter().filter(|row| row.model != "trained").map(|row| Control {
        model: row.model.into(),
        step: if row.model == "oracle" { -1 } else { 0 },
        split: row.split.into(),
        task: row.task.clone(),
        slice: row.slice.clone(),
        metric: row.metric.into(),
        value: row.value,
        low: None,
        high: None,
        n: row.n,
        clusters: row.n / 10,
        n_eff: Some(row.n as f64 / 12.0),
        seeds: 0,
    });
    table(folder.join("controls.parquet"), "evaluate", config, controls.collect::<Vec<_>>());
}

/// A word for an accuracy, by borders that are only like those of an evaluation.
fn word(study: &Study, accuracy: f64) -> &'static str {
    let (u_best, s_best) = study.ceilings;
    match () {
        () if study.level == "random" => "leaky_control",
        () if u_best > 0.95 => "not_measurable",
        () if study.train < 0.9 => "not_fitted",
        () if accuracy < 0.15 => "memory",
        () if accuracy < 0.9 => "partly",
        () if accuracy - s_best < 0.05 => "shallow_rule",
        () => "rule",
    }
}

fn verdicts(folder: &Path, study: &Study) {
    let config = json!({"train_rows": 1000, "threshold": 0.99});
    let seeds = study.accuracy.len();
    let mean = study.accuracy.iter().sum::<f64>() / seeds as f64;
    let ends =
        study.accuracy.iter().fold((1.0_f64, 0.0_f64), |ends, &value| (ends.0.min(value), ends.1.max(value)));
    let tasks = std::iter::once(String::new()).chain([study.task.clone()]).chain(study.tasks.clone());
    let rows = tasks.clone().map(|task| {
        let word = match word(study, mean) {
            word @ ("leaky_control" | "not_measurable") => word,
            _ if ends.1 - ends.0 > 0.3 => "seeds_disagree",
            word => word,
        };
        let mut headline = word.replace('_', " ");
        headline[..1].make_ascii_uppercase();
        Verdict {
            split: "test".into(),
            task,
            verdict: word.into(),
            headline,
            sentence: format!("All {seeds} seeds answer {mean:.3} of {} test rows right.", study.rows),
            caveats: "A caveat.".into(),
            holdout: "transition".into(),
            other_data: false,
            n: study.rows,
            clusters: study.rows / 10,
            n_eff: study.rows as f64 / 12.0,
            seeds: seeds as i64,
            rule_seeds: study.accuracy.iter().filter(|&&value| value > 0.9).count() as i64,
            accuracy: Some(mean),
            accuracy_low: None,
            accuracy_high: None,
            rule_index: None,
            rule_index_low: None,
            rule_index_high: None,
            u_best: Some(study.ceilings.0),
            s_best: Some(study.ceilings.1),
            train_accuracy: Some(study.train),
            agreement: None,
            agreement_low: None,
            agreement_memorizer: String::new(),
            seed_difference: None,
            seed_difference_low: None,
            rule_from: 0.9,
            partly_from: 0.1,
            memory_from: 0.5,
            fitted_from: 0.9,
            measurable_to: 0.95,
            shallow_within: 0.05,
            disagree_above: 0.1,
        }
    });
    table(folder.join("verdicts.parquet"), "evaluate", config.clone(), rows.collect::<Vec<_>>());
    let of_seeds = tasks.flat_map(|task| {
        study.accuracy.iter().zip(0..).map(move |(&accuracy, seed)| SeedVerdict {
            seed,
            split: "test".into(),
            task: task.clone(),
            verdict: if word(study, accuracy) == "shallow_rule" { "rule" } else { word(study, accuracy) }
                .into(),
            train_accuracy: Some(study.train),
        })
    });
    table(folder.join("seed_verdicts.parquet"), "evaluate", config, of_seeds.collect::<Vec<_>>());
}

/// `t_mem`, `t_gen` and what lies between them, of every seed and the median of those of all.
fn grokking(study: &Study, log: &[Training]) -> Vec<Measured> {
    let first = |seed: usize, learned: &dyn Fn(&Training) -> Option<f32>| {
        let reached =
            |row: &&Training| row.seed == seed as i32 && learned(row).is_some_and(|share| share >= 0.99);
        log.iter().find(reached).map(|row| row.step as f64)
    };
    let of_seed = |seed| {
        let (t_mem, t_gen) =
            (first(seed, &|row| row.train_accuracy), first(seed, &|row| row.validation_accuracy));
        let both = t_mem.zip(t_gen);
        [t_mem, t_gen, both.map(|(mem, gen_)| gen_ - mem), both.map(|(mem, gen_)| gen_ / mem)]
    };
    let seeds: Vec<_> = (0..study.accuracy.len()).map(of_seed).collect();
    let names = [
        ("train", "t_mem"),
        ("validation", "t_gen"),
        ("validation", "grokking_delay"),
        ("validation", "grokking_ratio"),
    ];
    let mut scores = Vec::new();
    for (index, (split, metric)) in names.into_iter().enumerate() {
        let mut values: Vec<Option<f64>> = seeds.iter().map(|seed| seed[index]).collect();
        let mut row = |seed: i32, value: Option<f64>, n: usize| {
            scores.push(Measured {
                model: "trained",
                seed,
                split,
                task: String::new(),
                slice: "all".into(),
                metric,
                value,
                half: None,
                n: n as i64,
            });
        };
        values
            .iter()
            .enumerate()
            .for_each(|(seed, &value)| row(seed as i32, value, usize::from(value.is_some())));
        let reached = values.iter().flatten().count();
        values.sort_by(|a, b| a.unwrap_or(f64::MAX).total_cmp(&b.unwrap_or(f64::MAX)));
        row(-1, values[values.len() / 2], reached);
    }
    scores
}

pub(super) fn evaluate(folder: &Path, study: &Study, log: &[Training]) {
    let mut measured = grokking(study, log);
    let (u_best, _) = study.ceilings;
    let seeds = study.accuracy.len() as f64;
    let mean = study.accuracy.iter().sum::<f64>() / seeds;
    let tasks = std::iter::once(String::new()).chain([study.task.clone()]).chain(study.tasks.clone());
    for (index, task) in tasks.enumerate() {
        let worse = if index > 1 { 0.9_f64.powi(index as i32 * 3) } else { 1.0 };
        let models = study.accuracy.iter().enumerate().map(|(seed, &value)| (seed as i32, value * worse));
        for (seed, value) in models.chain([(-1, mean * worse)]) {
            let mut score = |split, slice: &str, metric, value: Option<f64>, half: f64| {
                measured.push(Measured {
                    model: "trained",
                    seed,
                    split,
                    task: task.clone(),
                    slice: slice.into(),
                    metric,
                    value,
                    half: Some(half),
                    n: study.rows,
                });
            };
            let half = 1.96 * (value * (1.0 - value) / study.rows as f64).sqrt() + 0.001;
            let index = (u_best <= 0.95).then(|| (value - u_best) / (1.0 - u_best));
            score("test", "all", "accuracy", Some(value), half);
            score("test", "all", "rule_index", index, half / (1.0 - u_best.min(0.95)));
            score("test", "all", "beyond_memory", Some((value - 0.001).max(0.0)), half);
            score("train", "all", "accuracy", Some(study.train), 0.002);
            for terms in [4, 5, 10] {
                score(
                    "test",
                    &format!("terms={terms}"),
                    "accuracy",
                    Some(value * (0.9 + 0.01 * f64::from(terms))),
                    half,
                );
            }
        }
        for (model, seed, value) in [("untrained", -1, 0.0), ("oracle", -1, 1.0)] {
            measured.push(Measured {
                model,
                seed,
                split: "test",
                task: task.clone(),
                slice: "all".into(),
                metric: "accuracy",
                value: Some(value),
                half: None,
                n: study.rows,
            });
        }
    }
    write(folder, study, &measured);
    verdicts(folder, study);

    let classes = ["copy_last", "plus_one", "off_by_one", "last_digit_right", "malformed", "other"];
    let mut predictions = Vec::new();
    for (seed, &accuracy) in study.accuracy.iter().enumerate() {
        let mut dice = Dice(seed as u64 + 99);
        for example_id in 0..study.rows {
            let correct = dice.roll() < accuracy;
            let answer = terms(study, example_id).last().copied().unwrap_or(0);
            let class = classes[(dice.roll() * dice.roll() * 6.0) as usize % 6];
            let wrong = if class == "malformed" {
                String::new()
            } else {
                (answer - 1 - (dice.roll() * 3.0) as i64).to_string()
            };
            predictions.push(Prediction {
                seed: seed as i32,
                step: study.steps,
                split: "test".into(),
                example_id,
                task: task_of(study, example_id),
                n_terms: 4,
                answer: answer.to_string(),
                answer_value: Some(answer),
                prediction_value: None,
                prediction: if correct { answer.to_string() } else { wrong },
                correct,
                teacher_forced: correct,
                top5: correct,
                log_probability: Some(-0.1),
                rank: 1,
                logit_difference: Some(3.0),
                error_class: if correct { "correct" } else { class }.into(),
            });
        }
    }
    table(folder.join("predictions.parquet"), "evaluate", json!({"train_rows": 1000}), predictions);
}
