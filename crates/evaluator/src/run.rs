use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use artifact::tables::{Audited, Certificate, Checkpoint, Exposure, Prediction, Score, Token, Training};
use artifact::{Provenance, TableWriter, read_table, read_vocabulary, write_table};
use rayon::prelude::*;
use sequence::{Kind, Vocabulary};

use crate::aggregate::{self, Answers, Drawn, OVER_SEEDS, Split};
use crate::memory::{Ceilings, Memory, read_ceilings};
use crate::models::Models;
use crate::oracle::Tasks;
use crate::rows::{self, Ranges, Row};
use crate::scoring::{self, Generate};
use crate::{Config, Error, grokking};

/// The files that [`run`] reads.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Tables of train examples, in order.
    pub train: Vec<PathBuf>,
    /// Tables of validation examples, in order.
    pub validation: Vec<PathBuf>,
    /// Tables of test examples, in order.
    pub test: Vec<PathBuf>,
    /// What is known of the dataset's tasks.
    pub definition: PathBuf,
    /// The dataset's vocabulary.
    pub vocabulary: PathBuf,
    /// Which data the audit is of.
    pub audited: PathBuf,
    /// The audit's certificate.
    pub certificate: PathBuf,
    /// The audit's look-up tables, row by row.
    pub memorizers: PathBuf,
    /// The audit's ceilings.
    pub ceilings: PathBuf,
    /// The audit's exposure ledger.
    pub exposure: PathBuf,
    /// The list of checkpoints; their paths are relative to its folder.
    pub checkpoints: PathBuf,
    /// The model's configuration, `model.json`.
    pub model: PathBuf,
    /// The log of training.
    pub training: PathBuf,
}

/// Scores every seed's last checkpoint and both controls; writes `predictions.parquet` and `scores.parquet` into `out`.
///
/// # Errors
/// When the certificate did not pass or belongs to other data, when a table or checkpoint is not what it should be, or
/// when a model does not answer with numbers.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    config.check()?;
    certified(inputs, provenance)?;
    let vocabulary = vocabulary(&inputs.vocabulary)?;
    let data = Data::read(config, inputs, &vocabulary)?;
    let models = Models::read(&inputs.checkpoints, &inputs.model)?;
    data.fits(&models.config, &vocabulary)?;
    let trained = data.answers(
        config,
        &models,
        &models.trained,
        Generate::ToEnd { longest: data.longest() },
        "trained",
    )?;
    let untrained =
        data.answers(config, &models, &models.untrained, Generate::ToFirstMistake, "untrained")?;
    if untrained.is_empty() {
        tracing::warn!("no checkpoint at step 0: the untrained control is missing");
    }
    data.write_predictions(&trained, &vocabulary, &out.join("predictions.parquet"), provenance)?;
    let mut scores = data.scores("trained", &trained, config);
    if !untrained.is_empty() {
        scores.extend(data.scores("untrained", &untrained, config));
    }
    data.agrees_with(&read_ceilings(&inputs.ceilings)?, &scores)?;
    scores.extend(data.oracle(&vocabulary)?);
    scores.extend(grokking::scores(&read_table::<Training>(&inputs.training)?, config.threshold));
    summarise(&scores);
    write_table(&out.join("scores.parquet"), provenance, scores)?;
    Ok(())
}

/// Refuses data whose certificate did not pass, or a certificate of other data: every table of ours has to be among those
/// that were audited.
fn certified(inputs: &Inputs, provenance: &Provenance) -> Result<(), Error> {
    let audited = read_table::<Audited>(&inputs.audited)?.into_iter();
    let audited: BTreeMap<String, String> = audited.map(|row| (row.file, row.digest)).collect();
    for (table, ours) in provenance.inputs.iter().filter(|(table, _)| table.starts_with(DATA)) {
        let message = match audited.get(table) {
            Some(digest) if digest == ours => continue,
            Some(digest) => {
                format!("`{table}` had the digest {digest} when it was audited and has {ours} now")
            }
            None => format!("`{table}` is not among what was audited"),
        };
        return Err(Error::OtherData { message });
    }
    let failed = read_table::<Certificate>(&inputs.certificate)?;
    let failed = failed.into_iter().find(|check| check.gate && !check.passed);
    match failed {
        None => Ok(()),
        Some(Certificate { check, left, right, view, violations, worst, .. }) => {
            Err(Error::NotCertified { check, left, right, view, violations, worst })
        }
    }
}

fn vocabulary(path: &Path) -> Result<Vocabulary, Error> {
    let token = |t: Token| match Kind::from_name(&t.kind) {
        Some(kind) => Ok(sequence::Token { token: t.token, kind, value: t.value }),
        None => Err(Error::Definition {
            path: path.to_owned(),
            message: format!("`{}` of token {} is no kind of token", t.kind, t.token_id),
        }),
    };
    let tokens = read_vocabulary(path)?.into_iter().map(token);
    Ok(Vocabulary::from_tokens(tokens.collect::<Result<Vec<_>, _>>()?))
}

/// How the names of the dataset's tables begin, here and in the audit.
const DATA: &str = "data/";

/// The names of the splits, in the order in which they are scored.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// The rows to score, and what is known of them beside the models.
struct Data {
    /// As [`SPLITS`].
    rows: [Vec<Row>; 3],
    ranges: Ranges,
    memory: BTreeMap<String, Memory>,
    answer_seen: HashMap<i64, i64>,
    tasks: Tasks,
}

/// What one checkpoint answers on each of [`SPLITS`].
type OfCheckpoint = [Answers; 3];

impl Data {
    fn read(config: &Config, inputs: &Inputs, vocabulary: &Vocabulary) -> Result<Data, Error> {
        let (train, ranges) = rows::read_sample(&inputs.train, config.train_rows, vocabulary)?;
        let validation = rows::read("validation", &inputs.validation, vocabulary)?;
        let test = rows::read("test", &inputs.test, vocabulary)?;
        let memory = Memory::read(&inputs.memorizers)?;
        let exposure = read_table::<Exposure>(&inputs.exposure)?;
        let answer_seen: HashMap<i64, i64> =
            exposure.iter().map(|row| (row.example_id, row.answer_as_target)).collect();
        for (split, rows) in [("validation", &validation), ("test", &test)] {
            let known = |row: &&Row| answer_seen.contains_key(&row.example.example_id);
            if let Some(row) = rows.iter().find(|row| !known(row)) {
                let message =
                    format!("example {} of {split} is not in its exposure ledger", row.example.example_id);
                return Err(Error::OtherData { message });
            }
            if !rows.is_empty()
                && !memory.get(split).is_some_and(|m| rows.iter().any(|row| m.knows(row.example.example_id)))
            {
                return Err(Error::OtherData {
                    message: format!("no memoriser was asked for a row of {split}"),
                });
            }
        }
        let tasks = Tasks::read(&inputs.definition)?;
        Ok(Data { rows: [train, validation, test], ranges, memory, answer_seen, tasks })
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Row)> {
        SPLITS.into_iter().zip(&self.rows).flat_map(|(split, rows)| rows.iter().map(move |row| (split, row)))
    }

    fn longest(&self) -> usize {
        self.all().map(|(_, row)| row.span().len()).max().unwrap_or(0)
    }

    /// Refuses a model that cannot read the rows.
    fn fits(&self, model: &transformer::Config, vocabulary: &Vocabulary) -> Result<(), Error> {
        let tokens = vocabulary.tokens().len();
        for (split, row) in self.all() {
            let needed = row.example.tokens.len() - 1;
            if needed > model.n_ctx || tokens > model.d_vocab {
                return Err(Error::TooLong {
                    split: split.to_owned(),
                    example_id: row.example.example_id,
                    reads: format!("{} tokens of {}", model.n_ctx, model.d_vocab),
                    needs: format!("{needed} of {tokens}"),
                });
            }
        }
        Ok(())
    }

    /// Lets each checkpoint answer the rows of every split.
    fn answers(
        &self,
        config: &Config,
        models: &Models,
        checkpoints: &[Checkpoint],
        generate: Generate,
        what: &str,
    ) -> Result<Vec<OfCheckpoint>, Error> {
        let done = AtomicU64::new(0);
        let answered = checkpoints.par_iter().map(|checkpoint| {
            let model = models.load(checkpoint)?;
            let (seed, step) = (checkpoint.seed, checkpoint.step);
            let split = |rows: &Vec<Row>| {
                scoring::answers(&model, models.config.n_ctx, rows, config.batch, generate)
                    .map(|answers| Answers { seed, step, answers })
                    .map_err(|message| Error::Model { seed, step, message })
            };
            let answered = [split(&self.rows[0])?, split(&self.rows[1])?, split(&self.rows[2])?];
            let (done, total) = (done.fetch_add(1, Ordering::Relaxed) + 1, checkpoints.len() as u64);
            tracing::info!(target: "progress", task = "evaluate", done, total, unit = "seeds", "{what} seed {seed}");
            Ok(answered)
        });
        answered.collect()
    }

    fn write_predictions(
        &self,
        checkpoints: &[OfCheckpoint],
        vocabulary: &Vocabulary,
        path: &Path,
        provenance: &Provenance,
    ) -> Result<(), Error> {
        let mut table = TableWriter::<Prediction>::create(path, provenance)?;
        for checkpoint in checkpoints {
            for ((split, rows), of) in SPLITS.iter().zip(&self.rows).zip(checkpoint) {
                for (row, answer) in rows.iter().zip(&of.answers) {
                    let (prediction, class) =
                        self.tasks.judge(split, row, &answer.said, vocabulary, &self.ranges)?;
                    table.push(&Prediction {
                        seed: of.seed,
                        step: of.step,
                        split: (*split).to_owned(),
                        example_id: row.example.example_id,
                        task: row.example.task.clone(),
                        prediction,
                        correct: answer.correct,
                        teacher_forced: answer.teacher_forced,
                        top5: answer.rank <= 5,
                        log_probability: Some(answer.log_probability as f32),
                        rank: answer.rank,
                        logit_difference: answer.logit_difference.map(|difference| difference as f32),
                        error_class: class.name().to_owned(),
                    })?;
                }
            }
        }
        table.finish()?;
        Ok(())
    }

    fn scores(&self, model: &str, checkpoints: &[OfCheckpoint], config: &Config) -> Vec<Score> {
        let (mut scores, mut train) = (Vec::new(), None::<BTreeMap<String, Drawn>>);
        for (number, (name, rows)) in SPLITS.into_iter().zip(&self.rows).enumerate() {
            let answers: Vec<&Answers> = checkpoints.iter().map(|of| &of[number]).collect();
            let memory = self.memory.get(name).filter(|_| name != "train");
            let split = Split { name, rows, memory, answer_seen: &self.answer_seen };
            let (found, whole) = aggregate::scores(
                model,
                &split,
                &answers,
                config.bootstrap_draws,
                number as u64,
                train.as_ref(),
            );
            scores.extend(found);
            train.get_or_insert(whole);
        }
        scores
    }

    /// Refuses ceilings that are not those of the memorisers' own answers.
    fn agrees_with(&self, ceilings: &Ceilings, scores: &[Score]) -> Result<(), Error> {
        let whole =
            scores.iter().filter(|s| s.model == "trained" && s.seed == OVER_SEEDS && s.slice == "all");
        for score in whole {
            let key = (score.split.clone(), score.task.clone(), score.metric.clone());
            let (Some(&stated), Some(found)) = (ceilings.get(&key), score.value) else { continue };
            if (stated - found).abs() > 1e-9 {
                let (split, task, metric) = key;
                let message = format!(
                    "its ceilings state {metric} = {stated} for split {split}, task `{task}`; its memorisers' answers \
                     to these rows give {found}"
                );
                return Err(Error::OtherData { message });
            }
        }
        Ok(())
    }

    /// Scores the rule itself, which must be right on every row.
    fn oracle(&self, vocabulary: &Vocabulary) -> Result<Vec<Score>, Error> {
        let mut scores = Vec::new();
        for (split, rows) in SPLITS.into_iter().zip(&self.rows) {
            let right = rows.iter().map(|row| self.tasks.oracle(split, row, vocabulary));
            let right = right.collect::<Result<Vec<bool>, Error>>()?;
            if let Some(wrong) = right.iter().position(|right| !right) {
                return Err(Error::Row {
                    split: split.to_owned(),
                    example_id: rows[wrong].example.example_id,
                    message: format!("task `{}` answers otherwise by its own rule", rows[wrong].example.task),
                });
            }
            let groups = aggregate::groups(rows, &self.answer_seen);
            scores.extend(groups.into_iter().map(|group| Score {
                model: "oracle".to_owned(),
                seed: OVER_SEEDS,
                step: -1,
                split: split.to_owned(),
                task: group.task,
                slice: group.slice,
                metric: "accuracy".to_owned(),
                value: Some(1.0),
                low: None,
                high: None,
                n: group.rows.len() as i64,
            }));
        }
        Ok(scores)
    }
}

/// Says what a person wants to read first.
fn summarise(scores: &[Score]) {
    let value = |metric: &str| {
        let row = scores.iter().find(|s| {
            s.model == "trained"
                && s.seed == OVER_SEEDS
                && s.split == "test"
                && s.task.is_empty()
                && s.slice == "all"
                && s.metric == metric
        });
        let number = |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:.3}"));
        row.map_or("null".to_owned(), |s| {
            format!("{} [{}, {}]", number(s.value), number(s.low), number(s.high))
        })
    };
    tracing::info!(
        "test accuracy {}, u_best {}, rule_index {}, beyond_memory {}",
        value("accuracy"),
        value("u_best"),
        value("rule_index"),
        value("beyond_memory")
    );
}
