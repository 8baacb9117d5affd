//! The whole stage on a dataset and models whose every score is known by hand.

#![expect(clippy::unwrap_used, reason = "a test whose world cannot be set up has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::tables::{
    Audited, Ceiling, Certificate, Checkpoint, Example, Exposure, Memorizer, Prediction, Score, Token,
    Training,
};
use artifact::{Provenance, digest_bytes, read_table, write_definition, write_table};
use candle_core::{DType, Device, Tensor};
use evaluator::{Config, Error, Inputs, run};
use indexmap::IndexMap;
use sequence::{Family, Kind, NONE, Notation, Range, Vocabulary, write_row};
use transformer::{NoHook, Transformer};

/// What was audited.
const TABLES: [(&str, &str); 3] = [
    ("data/counterfactuals.parquet", "12"),
    ("data/definition.parquet", "34"),
    ("data/test-00000-of-00001.parquet", "56"),
];
const VALUES: i64 = 20;
const TERMS: usize = 4;

/// A dataset with steps 1 and 2 in numerals, an audit of it, and the checkpoints of two seeds.
struct World {
    folder: tempfile::TempDir,
    inputs: Inputs,
    vocabulary: Vocabulary,
    model: transformer::Config,
    test: Vec<Example>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let family: Family = serde_json::from_str(r#"{"arithmetic":{"steps":[1,2]}}"#).unwrap();
        let notation: Notation = serde_json::from_str(r#""numeral""#).unwrap();
        let vocabulary = Vocabulary::new([(&family, &notation, Range { min: 0, max: VALUES - 1 })]).unwrap();
        let mut all = Vec::new();
        for parameter in [1, 2] {
            for start in 0..VALUES - parameter * (TERMS as i64 - 1) {
                let terms: Vec<i64> = (0..TERMS as i64).map(|i| start + i * parameter).collect();
                let written = write_row(&family, &notation, &vocabulary, &terms).unwrap();
                all.push(Example {
                    example_id: all.len() as i64,
                    task: format!("plus{parameter}"),
                    family: "arithmetic".into(),
                    notation: "numeral".into(),
                    domain: "integer".into(),
                    unit: "pair".into(),
                    parameter,
                    text: written.text,
                    terms,
                    tokens: written.tokens,
                    answer_start: written.answer_start as i32,
                    answer_length: written.answer_length as i32,
                    cluster: start / 3,
                });
            }
        }
        let split = |place: usize| -> Vec<Example> {
            all.iter().enumerate().filter(|(number, _)| number % 3 == place).map(|(_, e)| e.clone()).collect()
        };
        let at = |name: &str| folder.path().join(name);
        let inputs = Inputs {
            train: vec![at("train.parquet")],
            validation: vec![at("validation.parquet")],
            test: vec![at("test.parquet")],
            definition: at("definition.parquet"),
            vocabulary: at("vocabulary.parquet"),
            audited: at("audited.parquet"),
            certificate: at("certificate.parquet"),
            memorizers: at("memorizers.parquet"),
            ceilings: at("ceilings.parquet"),
            exposure: at("exposure.parquet"),
            checkpoints: at("checkpoints.parquet"),
            model: at("model.json"),
            training: at("training.parquet"),
        };
        let task = serde_json::json!({
            "family": {"arithmetic": {"steps": [1, 2]}}, "notation": "numeral", "values": {"min": 0, "max": VALUES - 1}
        });
        let tasks = ["plus1", "plus2"].map(|name| (name.to_owned(), task.clone())).into_iter().collect();
        let provenance = Provenance::default();
        write_definition(&inputs.definition, &provenance, [("tasks", tasks)]).unwrap();
        write_table(&inputs.train[0], &provenance, split(0)).unwrap();
        write_table(&inputs.validation[0], &provenance, split(1)).unwrap();
        write_table(&inputs.test[0], &provenance, split(2)).unwrap();
        let tokens = vocabulary.tokens().iter().zip(0..).map(|(token, token_id)| Token {
            token_id,
            token: token.token.clone(),
            kind: token.kind.name().into(),
            value: token.value,
        });
        write_table(&inputs.vocabulary, &provenance, tokens).unwrap();
        let model = transformer::Config {
            n_layers: 0,
            d_model: vocabulary.tokens().len() + 1,
            n_ctx: TERMS + 1,
            d_head: 1,
            n_heads: 1,
            d_mlp: 0,
            d_vocab: vocabulary.tokens().len(),
            act_fn: transformer::ActFn::Relu,
            normalization_type: transformer::Normalization::None,
            positional_embedding_type: transformer::PositionalEmbedding::Standard,
            attn_only: true,
            eps: 1e-5,
        };
        let world = World { inputs, vocabulary, model, test: split(2), folder };
        world.audit([split(1), split(2)].concat(), true);
        world.train();
        world
    }

    /// One baseline of each class: `memory` is right on rows with an even first term, `shallow` on all of plus1.
    fn audit(&self, held_out: Vec<Example>, passed: bool) {
        let provenance = Provenance::default();
        let certificate = Certificate {
            check: "units".into(),
            left: "test".into(),
            right: "train".into(),
            view: "canonical".into(),
            gate: true,
            compared: 1,
            violations: i64::from(!passed),
            worst: if passed { -1 } else { 3 },
            passed,
        };
        write_table(&self.inputs.certificate, &provenance, [certificate]).unwrap();
        let audited = TABLES.map(|(file, digest)| Audited { file: file.into(), digest: digest.into() });
        write_table(&self.inputs.audited, &provenance, audited).unwrap();
        let test: Vec<i64> = self.test.iter().map(|example| example.example_id).collect();
        let split =
            |example: &Example| if test.contains(&example.example_id) { "test" } else { "validation" };
        let memorizers = held_out.iter().flat_map(|example| {
            let answers = [("memory", example.terms[0] % 2 == 0), ("shallow", example.task == "plus1")];
            answers.map(|(class, correct)| Memorizer {
                split: split(example).into(),
                example_id: example.example_id,
                memorizer: format!("a_{class}"),
                class: class.into(),
                view: "terms".into(),
                prediction: String::new(),
                correct,
            })
        });
        write_table(&self.inputs.memorizers, &provenance, memorizers).unwrap();
        let even = self.test.iter().filter(|example| example.terms[0] % 2 == 0).count();
        let ceiling = Ceiling {
            split: "test".into(),
            task: String::new(),
            metric: "u_best".into(),
            memorizer: "a_memory".into(),
            view: "terms".into(),
            value: even as f64 / self.test.len() as f64,
            n: self.test.len() as i64,
        };
        write_table(&self.inputs.ceilings, &provenance, [ceiling]).unwrap();
        let exposure = held_out.iter().map(|example| Exposure {
            split: split(example).into(),
            example_id: example.example_id,
            answer_as_target: example.terms[0],
            rarest_term: 0,
            answer_at_position: 0,
            same_task_rows: 0,
            successor_rows_in_range: 0,
        });
        write_table(&self.inputs.exposure, &provenance, exposure).unwrap();
    }

    /// Seed 0 counts by one from the last term; seed 1 says nonsense; both say nothing at step 0.
    fn train(&self) {
        let provenance = Provenance::default();
        std::fs::write(&self.inputs.model, serde_json::to_string(&self.model).unwrap()).unwrap();
        let folder = self.inputs.checkpoints.parent().unwrap();
        let checkpoints =
            [(0, 0, 0.0), (0, 300, 1.0), (1, 0, 0.0), (1, 300, -1.0)].map(|(seed, step, scale)| {
                let path = format!("{seed}-{step}.safetensors");
                let bytes = self.counting(scale).to_safetensors().unwrap();
                std::fs::write(folder.join(&path), &bytes).unwrap();
                Checkpoint { seed, step, path, digest: digest_bytes(&bytes) }
            });
        write_table(&self.inputs.checkpoints, &provenance, checkpoints).unwrap();
        let log =
            [(0, 100, 0.5), (0, 300, 1.0), (1, 100, 0.1), (1, 300, 0.2)].map(|(seed, step, accuracy)| {
                Training {
                    seed,
                    step,
                    examples_seen: step,
                    train_loss: None,
                    train_accuracy: Some(1.0),
                    validation_loss: None,
                    validation_accuracy: Some(accuracy),
                    learning_rate: 0.1,
                    gradient_norm: None,
                    weight_norm: None,
                }
            });
        write_table(&self.inputs.training, &provenance, log).unwrap();
    }

    /// A model of no layers: `scale` times "the value after this one", and END at the last position.
    fn counting(&self, scale: f32) -> Transformer {
        let (tokens, width) = (self.model.d_vocab, self.model.d_model);
        let value = |value| usize::from(self.vocabulary.find(Kind::Value, value).unwrap());
        let mut unembed = vec![0.0_f32; width * tokens];
        for from in 0..VALUES - 1 {
            unembed[value(from) * tokens + value(from + 1)] = 10.0 * scale;
        }
        unembed[(width - 1) * tokens + usize::from(self.vocabulary.find(Kind::End, NONE).unwrap())] = 1.0;
        let mut positions = vec![0.0_f32; self.model.n_ctx * width];
        positions[TERMS * width + width - 1] = 100.0 * scale;
        let mut embed = vec![0.0_f32; tokens * width];
        (0..tokens).for_each(|token| embed[token * width + token] = 1.0);
        let weights = IndexMap::from([
            ("embed.W_E".to_owned(), Tensor::from_vec(embed, (tokens, width), &Device::Cpu).unwrap()),
            (
                "pos_embed.W_pos".to_owned(),
                Tensor::from_vec(positions, (TERMS + 1, width), &Device::Cpu).unwrap(),
            ),
            ("unembed.W_U".to_owned(), Tensor::from_vec(unembed, (width, tokens), &Device::Cpu).unwrap()),
            ("unembed.b_U".to_owned(), Tensor::zeros(tokens, DType::F32, &Device::Cpu).unwrap()),
        ]);
        Transformer::new(&self.model, weights).unwrap()
    }

    fn run(&self, name: &str) -> Result<PathBuf, Error> {
        self.run_on(name, &TABLES[1..])
    }

    /// Runs on data whose tables have these digests.
    fn run_on(&self, name: &str, tables: &[(&str, &str)]) -> Result<PathBuf, Error> {
        let out = self.folder.path().join(name);
        std::fs::create_dir(&out).unwrap();
        let config = Config { bootstrap_draws: 200, batch: 3, ..Config::default() };
        let inputs =
            tables.iter().map(|(table, digest)| ((*table).to_owned(), (*digest).to_owned())).collect();
        run(&config, &self.inputs, &out, &Provenance { inputs, ..Provenance::default() }).map(|()| out)
    }
}

fn scores(out: &Path) -> Vec<Score> {
    read_table(&out.join("scores.parquet")).unwrap()
}

fn find<'a>(
    scores: &'a [Score],
    model: &str,
    seed: i32,
    split: &str,
    task: &str,
    slice: &str,
    metric: &str,
) -> &'a Score {
    let mut found = scores.iter().filter(|s| {
        s.model == model
            && s.seed == seed
            && s.split == split
            && s.task == task
            && s.slice == slice
            && s.metric == metric
    });
    let one = found.next().unwrap_or_else(|| panic!("no {model} {seed} {split} {task} {slice} {metric}"));
    assert!(found.next().is_none(), "{model} {seed} {split} {task} {slice} {metric} twice");
    one
}

#[test]
fn every_score_is_what_counting_by_hand_gives() {
    let world = World::new();
    let scores = scores(&world.run("out").unwrap());
    let all = world.test.len() as f64;
    let plus1 = world.test.iter().filter(|example| example.task == "plus1").count() as f64;
    let even = |example: &&Example| example.terms[0] % 2 == 0;
    let memory = world.test.iter().filter(even).count() as f64;
    let value =
        |seed, task: &str, metric: &str| find(&scores, "trained", seed, "test", task, "all", metric).value;
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
    let beyond = find(&scores, "trained", 0, "test", "plus1", "all", "beyond_memory");
    let odd = world.test.iter().filter(|example| !even(example) && example.task == "plus1").count();
    assert_eq!((beyond.value, beyond.n), (Some(1.0), odd as i64));
    assert!(beyond.low.unwrap() < 1.0, "Wilson's interval is never empty");
    // The right token against the last term: 10 - 0 on plus1, 0 - 0 on plus2.
    assert_eq!(value(0, "plus1", "logit_difference"), Some(10.0));
    assert_eq!(value(0, "plus2", "logit_difference"), Some(0.0));
    let zero = world.test.iter().filter(|example| example.terms[0] == 0).count() as i64;
    assert_eq!(find(&scores, "trained", 0, "test", "", "answer_seen=0", "accuracy").n, zero);
    assert_eq!(find(&scores, "trained", -1, "test", "", "terms=4", "accuracy").n, all as i64);
    assert_eq!(value(0, "plus1", "generalisation_gap"), Some(0.0));
    assert_eq!(find(&scores, "untrained", -1, "test", "", "all", "accuracy").value, Some(0.0));
    assert_eq!(find(&scores, "oracle", -1, "test", "plus2", "all", "accuracy").value, Some(1.0));
    assert_eq!(find(&scores, "trained", 0, "validation", "", "all", "t_gen").value, Some(300.0));
    assert_eq!(find(&scores, "trained", 0, "validation", "", "all", "grokking_delay").value, Some(200.0));
    assert_eq!(find(&scores, "trained", 0, "validation", "", "all", "grokking_ratio").value, Some(3.0));
    assert_eq!(find(&scores, "trained", 1, "validation", "", "all", "t_gen").value, None);
}

#[test]
fn scores_are_a_closed_list_without_nan() {
    let world = World::new();
    let scores = scores(&world.run("out").unwrap());
    let known: Vec<&str> = evaluator::METRICS.iter().map(|metric| metric.name).collect();
    for score in &scores {
        assert!(known.contains(&score.metric.as_str()), "{}", score.metric);
        let numbers = [score.value, score.low, score.high];
        assert!(numbers.into_iter().flatten().all(f64::is_finite), "{score:?}");
        assert_eq!(score.low.is_some(), score.high.is_some(), "{score:?}");
        if let (Some(value), Some(low), Some(high)) = (score.value, score.low, score.high) {
            assert!(low <= value + 1e-12 && value <= high + 1e-12 || score.n < 8, "{score:?}");
        }
    }
    for metric in known {
        assert!(scores.iter().any(|score| score.metric == metric), "{metric} is never written");
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
        ["scores.parquet", "predictions.parquet"].map(|file| std::fs::read(out.join(file)).unwrap())
    };
    assert_eq!(bytes(1, "one"), bytes(3, "three"));
}

#[test]
fn data_that_did_not_pass_is_refused() {
    let world = World::new();
    world.audit(world.test.clone(), false);
    let error = world.run("out").expect_err("a gate failed").to_string();
    assert!(
        error.contains("did not pass") && error.contains("`units`") && error.contains("example 3"),
        "{error}"
    );
}

#[test]
fn an_audit_of_other_data_is_refused() {
    let world = World::new();
    let other: Vec<Example> =
        world.test.iter().map(|e| Example { example_id: e.example_id + 1000, ..e.clone() }).collect();
    world.audit(other, true);
    assert!(matches!(world.run("out"), Err(Error::OtherData { .. })));
}

#[test]
fn a_table_that_was_not_audited_as_it_is_is_refused_before_anything_is_read() {
    let world = World::new();
    for (table, digest, expected) in [
        (TABLES[1].0, "35", "had the digest 34 when it was audited and has 35 now"),
        ("data/test-00001-of-00002.parquet", "56", "is not among what was audited"),
    ] {
        let error = world.run_on(digest, &[TABLES[2], (table, digest)]).expect_err("other data").to_string();
        assert!(error.contains(&format!("`{table}` {expected}")), "{error}");
    }
    // What only the audit reads, and what is no data, is none of its business.
    world.run_on("own", &[TABLES[2], ("model/model.json", "78")]).unwrap();
    std::fs::remove_file(&world.inputs.definition).unwrap();
    let error = world.run("out").expect_err("nobody says what the tasks are").to_string();
    assert!(error.ends_with("definition.parquet: missing; rerun the build stage"), "{error}");
}

#[test]
fn a_row_that_breaks_its_own_rule_is_refused() {
    let mut world = World::new();
    world.test[0].parameter = 2;
    write_table(&world.inputs.test[0], &Provenance::default(), world.test.clone()).unwrap();
    let error = world.run("out").expect_err("the rule says otherwise").to_string();
    assert!(error.contains("answers otherwise by its own rule"), "{error}");
}

#[test]
fn a_changed_checkpoint_is_refused() {
    let world = World::new();
    let path = world.folder.path().join("0-300.safetensors");
    std::fs::write(&path, world.counting(2.0).to_safetensors().unwrap()).unwrap();
    let error = world.run("out").expect_err("another model lies there").to_string();
    assert!(error.contains("digest"), "{error}");
}

#[test]
fn a_checkpoint_that_is_no_such_model_is_refused_though_it_is_what_was_listed() {
    let world = World::new();
    let whole = world.counting(1.0).to_safetensors().unwrap();
    let mut wide = world.counting(1.0).parameters().clone();
    wide.insert("unembed.b_U".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    let mut infinite = world.counting(1.0).parameters().clone();
    let bias = Tensor::full(f32::INFINITY, world.model.d_vocab, &Device::Cpu).unwrap();
    infinite.insert("unembed.b_U".to_owned(), bias);
    let bytes = |weights: IndexMap<String, Tensor>| {
        let path = world.folder.path().join("other.safetensors");
        candle_core::safetensors::save(&weights.into_iter().collect(), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    let cases = [
        (whole[..whole.len() - 1].to_vec(), "not a complete safetensors file"),
        (b"PK\x03\x04rest".to_vec(), "this is a pickle"),
        (bytes(wide), "unembed.b_U has the shape [3]"),
        (bytes(infinite), "unembed.b_U holds inf"),
    ];
    for (number, (bytes, expected)) in cases.into_iter().enumerate() {
        let mut listed: Vec<Checkpoint> = read_table(&world.inputs.checkpoints).unwrap();
        let last = listed.iter_mut().find(|c| (c.seed, c.step) == (1, 300)).unwrap();
        last.digest = digest_bytes(&bytes);
        std::fs::write(world.folder.path().join(&last.path), &bytes).unwrap();
        write_table(&world.inputs.checkpoints, &Provenance::default(), listed).unwrap();
        let error = world.run(&format!("out-{number}")).expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains("1-300.safetensors"), "{error}");
    }
}

#[test]
fn tables_that_say_what_cannot_be_are_refused_by_file_and_row() {
    let refused = |change: &dyn Fn(&World)| {
        let world = World::new();
        change(&world);
        let error = world.run("out").expect_err("it cannot be").to_string();
        assert!(!error.contains(char::is_control), "{error:?}");
        error
    };
    let none = Provenance::default();
    let checkpoints = |change: &dyn Fn(&mut Vec<Checkpoint>)| {
        refused(&|world| {
            let mut listed: Vec<Checkpoint> = read_table(&world.inputs.checkpoints).unwrap();
            change(&mut listed);
            write_table(&world.inputs.checkpoints, &none, listed).unwrap();
        })
    };
    for path in ["/etc/passwd", "../0-300.safetensors", "", "a\0b", "\u{1b}[2J", "0-300.safetensors/"] {
        let error = checkpoints(&|listed| listed.iter_mut().for_each(|listed| listed.path = path.to_owned()));
        assert!(error.contains("checkpoints.parquet: `"), "{error}");
    }
    assert!(checkpoints(&|listed| listed.clear()).contains("it lists no checkpoint"));
    let error = checkpoints(&|listed| listed[0].step = i64::MIN);
    assert!(error.contains("checkpoints.parquet: row 0: column `step` should be from 0 to"), "{error}");
    let vocabulary = |change: &dyn Fn(&mut Vec<Token>)| {
        refused(&|world| {
            let mut tokens: Vec<Token> = read_table(&world.inputs.vocabulary).unwrap();
            change(&mut tokens);
            write_table(&world.inputs.vocabulary, &none, tokens).unwrap();
        })
    };
    assert!(vocabulary(&|tokens| drop(tokens.remove(3))).contains("vocabulary.parquet: row"));
    assert!(vocabulary(&|tokens| tokens[4].token_id = 3).contains("row 4: token ids should run from 0"));
    assert!(
        vocabulary(&|tokens| tokens[4].kind = "<script>".into()).contains("row 4: `kind` should be one of")
    );
    let training = |change: &dyn Fn(&mut Training)| {
        refused(&|world| {
            let mut log: Vec<Training> = read_table(&world.inputs.training).unwrap();
            change(&mut log[0]);
            write_table(&world.inputs.training, &none, log).unwrap();
        })
    };
    assert!(training(&|row| row.step = -1).contains("row 0: column `step`"));
    assert!(training(&|row| row.step = i64::MAX).contains("row 0: column `step`"));
    assert!(training(&|row| row.train_accuracy = Some(1.5)).contains("should be from 0 to 1, found 1.5"));
    assert!(training(&|row| row.learning_rate = f64::NAN).contains("row 0: column `learning_rate`"));
    let examples = |change: &dyn Fn(&mut Vec<Example>)| {
        refused(&|world| {
            let mut rows = world.test.clone();
            change(&mut rows);
            write_table(&world.inputs.test[0], &none, rows).unwrap();
        })
    };
    assert!(examples(&|rows| rows[1].example_id = rows[0].example_id).contains("the same `example_id`"));
    assert!(examples(&|rows| rows[0].tokens = vec![]).contains("it has no tokens"));
    assert!(examples(&|rows| rows[0].terms = vec![]).contains("its tokens do not spell"));
    assert!(examples(&|rows| rows[0].tokens[1] = u16::MAX).contains("token 65535 is not in the vocabulary"));
    for (start, length) in [(i32::MAX, i32::MAX), (i32::MIN, 1), (0, 1), (1, i32::MAX), (3, -1)] {
        let error = examples(&|rows| (rows[0].answer_start, rows[0].answer_length) = (start, length));
        assert!(error.contains("the answer span"), "{error}");
    }
    for extreme in [i64::MIN, i64::MAX] {
        // Values that no rule goes on with, and no vocabulary spells.
        assert!(
            examples(&|rows| rows[0].terms = vec![extreme; 4]).contains("answers otherwise by its own rule")
        );
        assert!(examples(&|rows| rows[0].parameter = extreme).contains("answers otherwise by its own rule"));
    }
    assert!(
        examples(&|rows| rows[0].task = "\u{1b}<script>\u{202e}".into()).contains("\\u{1b}<script>\\u{202e}")
    );
    let model = refused(&|world| {
        std::fs::write(&world.inputs.model, r#"{"n_layers": 9223372036854775807}"#).unwrap()
    });
    assert!(model.contains("model.json: not a model configuration"), "{model}");
}
