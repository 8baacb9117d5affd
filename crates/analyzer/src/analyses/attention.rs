//! Where each head looks: mean patterns, and how much of the weight lies where a known kind of head puts it.

use std::collections::BTreeMap;

use artifact::tables::AttentionPattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::{mean, sums};
use transformer::HookPoint;

use crate::analyze::{Analyze, Output};
use crate::component::Component;
use crate::context::{Context, Model};
use crate::error::Error;
use crate::hooks::run_with_cache;
use crate::measure::of_part;
use crate::patterns::scores;
use crate::rows::{Group, Row, Task};

/// Which attention patterns are kept beside their mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attention {
    /// Of how many rows of each task the patterns are kept one by one.
    example_rows: usize,
}

impl Default for Attention {
    fn default() -> Self {
        Self { example_rows: 4 }
    }
}

/// The scores whose largest value over heads is summed up over seeds; heads of two seeds are not the same heads.
const SUMMED_UP: [&str; 3] = ["duplicate_token", "previous_token", "same_kind"];

/// What one model does on the rows of the most common length of a task.
struct Found {
    patterns: Vec<AttentionPattern>,
    /// By layer and head.
    scores: BTreeMap<(usize, usize), Scores>,
}

/// Each score by name, as sum and number of rows in each cluster.
type Scores = BTreeMap<String, Vec<[f64; 2]>>;

impl Analyze for Attention {
    fn check(&self) -> Result<(), Error> {
        Error::unless_within("example_rows", self.example_rows, 0..=4096, 4)
    }

    fn analyze(&self, context: &Context, output: &mut Output<'_>) -> Result<(), Error> {
        let found = context.each(|model, task| self.look(context, model, task))?;
        for (number, task) in context.tasks.iter().enumerate() {
            let resamples = context.resamples(task.clusters);
            let mut largest = BTreeMap::<&str, Vec<[f64; 2]>>::new();
            for (model, found) in context.models.iter().zip(&found) {
                let subject = context.subject(model, task);
                let mut of_seed = BTreeMap::<&str, f64>::new();
                for (&(layer, head), scores) in &found[number].scores {
                    let (part, hook) = (Component::Head { layer, head }, HookPoint::Pattern(layer));
                    for (metric, clusters) in scores {
                        let sums = sums(clusters);
                        let (value, interval) = (mean(&sums), resamples.interval(clusters, mean));
                        let row = subject.measurement(metric, value, interval, sums[1] as usize);
                        output.measure(of_part(part, hook, row));
                        if let (Some(value), true) = (value, SUMMED_UP.contains(&metric.as_str())) {
                            of_seed.entry(metric).and_modify(|best| *best = best.max(value)).or_insert(value);
                        }
                    }
                }
                for (metric, best) in of_seed {
                    largest.entry(metric).or_default().push([best, 1.0]);
                }
            }
            for (metric, seeds) in largest {
                let value = mean(&[seeds.iter().map(|seed| seed[0]).sum(), seeds.len() as f64]);
                let interval = context.resamples(seeds.len()).interval(&seeds, mean);
                let metric = format!("largest_{metric}");
                output.measure(context.over_seeds(task).measurement(metric, value, interval, seeds.len()));
            }
        }
        output.table(found.into_iter().flatten().flat_map(|found| found.patterns))
    }
}

impl Attention {
    /// Returns the patterns and scores of one model on one task.
    fn look(&self, context: &Context, model: &Model, task: &Task) -> candle_core::Result<Found> {
        let mut found = Found { patterns: Vec::new(), scores: BTreeMap::new() };
        let Some(group) = task.most_common_length() else { return Ok(found) };
        let points: Vec<_> = (0..context.shape.n_layers).map(HookPoint::Pattern).collect();
        let cache = run_with_cache(&model.transformer, &group.tokens, &points)?;
        for (layer, patterns) in cache.into_iter().enumerate() {
            let (rows, heads, size, _) = patterns.dims4()?; // [row, head, query, key]
            let patterns: Vec<f32> = patterns.flatten_all()?.to_vec1()?;
            if patterns.iter().any(|weight| !weight.is_finite()) {
                candle_core::bail!(
                    "some attention weights are not finite; train again with a smaller learning rate"
                );
            }
            for head in 0..heads {
                let of_row = |row: usize| &patterns[(row * heads + head) * size * size..][..size * size];
                let mut sums = vec![0.0_f64; size * size];
                let by_metric = found.scores.entry((layer, head)).or_default();
                for (number, row) in group.rows.iter().enumerate() {
                    sums.iter_mut().zip(of_row(number)).for_each(|(sum, weight)| *sum += f64::from(*weight));
                    for (metric, value) in scores(of_row(number), size, &row.tokens, &context.vocabulary) {
                        let clusters =
                            by_metric.entry(metric).or_insert_with(|| vec![[0.0; 2]; task.clusters]);
                        clusters[row.cluster] =
                            [clusters[row.cluster][0] + value, clusters[row.cluster][1] + 1.0];
                    }
                }
                let head = Head { context, model, task, layer, head, size };
                let mean: Vec<f32> = sums.iter().map(|sum| (sum / rows as f64) as f32).collect();
                found.patterns.extend(head.pattern(&mean, rows, None));
                for (number, row) in shown(group, self.example_rows) {
                    found.patterns.extend(head.pattern(of_row(number), 1, Some(row)));
                }
            }
        }
        Ok(found)
    }
}

/// Returns the rows whose patterns are kept, spread evenly over the group.
fn shown(group: &Group, most: usize) -> impl Iterator<Item = (usize, &Row)> {
    let every = group.rows.len().div_ceil(most.max(1)).max(1);
    group.rows.iter().enumerate().step_by(every).take(most)
}

/// Whose patterns are written.
struct Head<'a> {
    context: &'a Context,
    model: &'a Model,
    task: &'a Task,
    layer: usize,
    head: usize,
    size: usize,
}

impl Head<'_> {
    /// Returns the table's rows of one pattern: each query with the keys that it may attend to.
    fn pattern<'a>(
        &'a self,
        weights: &'a [f32],
        n: usize,
        example: Option<&'a Row>,
    ) -> impl Iterator<Item = AttentionPattern> + 'a {
        let token = |id: &u16| self.context.vocabulary[usize::from(*id)].token.as_str();
        let tokens =
            example.map_or(Vec::new(), |row| row.tokens[..self.size].iter().map(token).collect()).join(" ");
        let pairs = (0..self.size).flat_map(|query| (0..=query).map(move |key| (query, key)));
        pairs.map(move |(query, key)| AttentionPattern {
            seed: self.model.seed,
            step: self.model.step,
            task: self.task.name.clone(),
            layer: self.layer as i32,
            head: self.head as i32,
            query: query as i32,
            key: key as i32,
            weight: weights[query * self.size + key],
            n: n as i64,
            example_id: example.map_or(-1, |row| row.example_id),
            tokens: tokens.clone(),
        })
    }
}
