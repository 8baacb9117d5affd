use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use artifact::tables::{Checkpoint, Exposure, Prediction, Token, TrainedRange, Training};
use artifact::{Provenance, Seen, TableWriter, certified, read_table, read_vocabularies, write_table};
use rayon::prelude::*;
use sequence::{Kind, Vocabulary};
use transformer::engine::Predictor;

use crate::aggregate::{self, Answers, Bootstrap, Drawn, Split};
use crate::found::Found;
use crate::memory::{Ceilings, Memory, read_ceilings};
use crate::models::Models;
use crate::oracle::{Ranges, Tasks};
use crate::rows::{self, Row};
use crate::scoring::{self, Generate};
use crate::statistics::{Clusters, Difference, FEW};
use crate::verdict::Evidence;
use crate::{Config, Error, grokking};

mod evidence;

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
    /// The vocabulary that the models were trained with.
    pub model_vocabulary: PathBuf,
    /// Which rows the models saw, and those that they go on from.
    pub trained_on: PathBuf,
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
    /// The audit's ranges of trained values.
    pub ranges: PathBuf,
    /// The list of checkpoints; their paths are relative to its folder.
    pub checkpoints: PathBuf,
    /// The model's configuration, `model.json`.
    pub model: PathBuf,
    /// The log of training.
    pub training: PathBuf,
}

/// Scores every seed's last checkpoint and both controls; writes `predictions.parquet`, `scores.parquet`,
/// `seed_scores.parquet`, `controls.parquet`, `verdicts.parquet` and `seed_verdicts.parquet` into `out`.
///
/// Rows of train are scored where the model was trained on those of the dataset.
///
/// # Errors
/// When the certificate did not pass, belongs to other data, or compares with something else than what the model saw, when a
/// table or checkpoint is not what it should be, or when a model does not answer with numbers.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    config.check()?;
    let seen = certified(&inputs.trained_on, &inputs.audited, &inputs.certificate, provenance)?;
    let vocabulary = vocabulary(inputs)?;
    let data = Data::read(config, inputs, &vocabulary, seen)?;
    let models = Models::read(&inputs.checkpoints, &inputs.model)?;
    data.fits(&models.config, &vocabulary)?;
    let generate = Generate::ToEnd { longest: data.longest() };
    let mut trained = data.answers(config, &models, &models.trained, generate, "trained")?;
    data.listen(&mut trained, &vocabulary)?;
    let untrained =
        data.answers(config, &models, &models.untrained, Generate::ToFirstMistake, "untrained")?;
    if untrained.is_empty() {
        tracing::warn!("no checkpoint at step 0: the untrained control is missing");
    }
    data.write_predictions(&trained, &vocabulary, &out.join("predictions.parquet"), provenance)?;
    let log = read_table::<Training>(&inputs.training)?;
    let (mut found, differences) = data.scores("trained", &trained, config);
    data.agrees_with(&read_ceilings(&inputs.ceilings)?, &found)?;
    if data.own_data {
        // Else the log tells when other rows were learned.
        found.extend(grokking::scores(&log, config.threshold));
    }
    let mut controls = data.oracle(&vocabulary)?;
    if !untrained.is_empty() {
        let of_untrained = data.scores("untrained", &untrained, config).0;
        controls.splice(0..0, of_untrained.into_iter().filter(|found| found.seed.is_none()));
    }
    let evidence = data.evidence(&found, &differences, &log);
    summarise(&evidence);
    let of_seeds = evidence.iter().flat_map(Evidence::of_seeds);
    write_table(&out.join("seed_verdicts.parquet"), provenance, of_seeds)?;
    write_table(&out.join("verdicts.parquet"), provenance, evidence.iter().map(Evidence::verdict))?;
    write_table(&out.join("controls.parquet"), provenance, controls.into_iter().map(Found::control))?;
    let (seeds, over): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|found| found.seed.is_some());
    write_table(&out.join("seed_scores.parquet"), provenance, seeds.into_iter().map(Found::seed_score))?;
    write_table(&out.join("scores.parquet"), provenance, over.into_iter().map(Found::score))?;
    Ok(())
}

/// Returns the vocabulary of the models, of which that of the rows has to be the beginning.
fn vocabulary(inputs: &Inputs) -> Result<Vocabulary, Error> {
    let token = |t: Token| match Kind::from_name(&t.kind) {
        Some(kind) => Ok(sequence::Token { token: t.token, kind, value: t.value.unwrap_or(sequence::NONE) }),
        None => Err(Error::Definition {
            path: inputs.vocabulary.clone(),
            message: format!("`{}` of token {} is no kind of token", t.kind, t.token_id),
        }),
    };
    let tokens = read_vocabularies(&inputs.vocabulary, &inputs.model_vocabulary)?.into_iter().map(token);
    Ok(Vocabulary::from_tokens(tokens.collect::<Result<Vec<_>, _>>()?))
}

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
    /// Whether the model was trained on these data, last of all.
    own_data: bool,
    /// Whether it never saw their train rows.
    other_data: bool,
}

/// What one checkpoint answers on each of [`SPLITS`].
type OfCheckpoint = [Answers; 3];

/// How far seeds lie apart, by split and task.
type Differences = BTreeMap<(&'static str, String), Difference>;

impl Data {
    fn read(config: &Config, inputs: &Inputs, vocabulary: &Vocabulary, seen: Seen) -> Result<Data, Error> {
        // Train rows that were not trained on, or not last, are neither held out nor learned: nothing is said of them.
        let own_data = seen == Seen::Own;
        let train: &[PathBuf] = if own_data { &inputs.train } else { &[] };
        let train = rows::read_sample(train, config.train_rows, vocabulary)?;
        let ranges = read_table::<TrainedRange>(&inputs.ranges)?.into_iter();
        let ranges = ranges.map(|row| (row.domain, (row.least, row.most))).collect();
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
        let other_data = seen == Seen::Never;
        let rows = [train, validation, test];
        Ok(Data { rows, ranges, memory, answer_seen, tasks, own_data, other_data })
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
            let (seed, step) = (checkpoint.seed, checkpoint.step);
            let model = Predictor::new(&models.load(checkpoint)?);
            let model = model.map_err(|error| Error::Model { seed, step, message: error.to_string() })?;
            let split = |rows: &Vec<Row>| {
                scoring::answers(&model, models.config.n_ctx, rows, config.batch, generate)
                    .map(|answers| Answers { seed, step, words: vec![None; answers.len()], answers })
                    .map_err(|message| Error::Model { seed, step, message })
            };
            let answered = [split(&self.rows[0])?, split(&self.rows[1])?, split(&self.rows[2])?];
            let (done, total) = (done.fetch_add(1, Ordering::Relaxed) + 1, checkpoints.len() as u64);
            tracing::info!(target: "progress", task = "evaluate", done, total, unit = "seeds", "{what} seed {seed}");
            Ok(answered)
        });
        answered.collect()
    }

    /// Notes which wrong answers to held-out rows a look-up table gives too.
    fn listen(&self, checkpoints: &mut [OfCheckpoint], vocabulary: &Vocabulary) -> Result<(), Error> {
        let of_splits = checkpoints.par_iter_mut().flat_map(|of| of.par_iter_mut().enumerate());
        of_splits.try_for_each(|(number, of)| {
            let (split, rows) = (SPLITS[number], &self.rows[number]);
            let Some(memory) = self.memory.get(split) else { return Ok(()) };
            for ((row, answer), word) in rows.iter().zip(&of.answers).zip(&mut of.words) {
                if !answer.correct {
                    let judged = self.tasks.judge(split, row, &answer.said, vocabulary, &self.ranges)?;
                    *word = memory.word(&judged.prediction);
                }
            }
            Ok(())
        })
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
                    let judged = self.tasks.judge(split, row, &answer.said, vocabulary, &self.ranges)?;
                    table.push(&Prediction {
                        seed: of.seed,
                        step: of.step,
                        split: (*split).to_owned(),
                        example_id: row.example.example_id,
                        task: row.example.task.clone(),
                        n_terms: row.example.terms.len() as i32,
                        answer: judged.answer,
                        prediction: judged.prediction,
                        answer_value: judged.answer_value,
                        prediction_value: judged.prediction_value,
                        correct: answer.correct,
                        teacher_forced: answer.teacher_forced,
                        top5: answer.rank <= 5,
                        log_probability: Some(answer.log_probability as f32),
                        rank: answer.rank,
                        logit_difference: answer.logit_difference.map(|difference| difference as f32),
                        error_class: judged.class.name().to_owned(),
                    })?;
                }
            }
        }
        table.finish()?;
        Ok(())
    }

    /// Returns the scores, and how far seeds lie apart on the rows of each task of each split.
    fn scores(
        &self,
        model: &'static str,
        checkpoints: &[OfCheckpoint],
        config: &Config,
    ) -> (Vec<Found>, Differences) {
        let (mut scores, mut train, mut differences) =
            (Vec::new(), None::<BTreeMap<String, Drawn>>, Differences::new());
        for (number, (name, rows)) in SPLITS.into_iter().zip(&self.rows).enumerate() {
            let answers: Vec<&Answers> = checkpoints.iter().map(|of| &of[number]).collect();
            let memory = self.memory.get(name).filter(|_| name != "train");
            let split = Split { name, rows, memory, answer_seen: &self.answer_seen };
            let bootstrap = Bootstrap { draws: config.bootstrap_draws, stream: number as u64 };
            let (found, whole) = aggregate::scores(model, &split, &answers, bootstrap, train.as_ref());
            scores.extend(found);
            differences.extend(
                whole
                    .iter()
                    .filter_map(|(task, drawn)| Some(((name, task.clone()), drawn.seed_difference()?))),
            );
            train.get_or_insert(whole);
        }
        (scores, differences)
    }

    /// Refuses ceilings that are not those of the memorisers' own answers.
    fn agrees_with(&self, ceilings: &Ceilings, scores: &[Found]) -> Result<(), Error> {
        let whole = scores.iter().filter(|s| s.seed.is_none() && s.slice == "all");
        for score in whole {
            let key = (score.split.to_owned(), score.task.clone(), score.metric.to_owned());
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
    fn oracle(&self, vocabulary: &Vocabulary) -> Result<Vec<Found>, Error> {
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
            let of_split = Split { name: split, rows, memory: None, answer_seen: &self.answer_seen };
            scores.extend(aggregate::groups(rows, &self.answer_seen).into_iter().map(|group| {
                let (places, count) = aggregate::places(&of_split, &group);
                let mut sizes = vec![0.0; count];
                places.iter().for_each(|place| sizes[*place] += 1.0);
                Found {
                    model: "oracle",
                    seed: None,
                    seeds: 0,
                    step: -1,
                    split,
                    n: group.rows.len() as u64,
                    task: group.task,
                    slice: group.slice,
                    metric: "accuracy",
                    table: None,
                    value: Some(1.0),
                    low: None,
                    high: None,
                    clusters: Some(Clusters::of(sizes.into_iter())),
                    asked: (0, 0),
                }
            }));
        }
        Ok(scores)
    }
}

/// Says what a person wants to read first: the verdict, and what it rests on.
fn summarise(evidence: &[Evidence]) {
    // With one task the row over all says the same.
    let tasks = evidence.iter().filter(|of| evidence.len() > 2 && !of.task.is_empty());
    for few in tasks.filter(|of| of.clusters.effective < FEW) {
        let (task, rows, effective) = (&few.task, few.rows, few.clusters.effective);
        tracing::info!("task {task}: few independent rows, {rows} that count as {effective:.1} clusters");
    }
    for verdict in evidence.iter().filter(|of| of.task.is_empty()).map(Evidence::verdict) {
        verdict.caveats.lines().for_each(|caveat| tracing::info!("{caveat}"));
        tracing::info!("{}: {}", verdict.headline, verdict.sentence);
    }
}
