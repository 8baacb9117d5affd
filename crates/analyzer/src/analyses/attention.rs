//! Where each head looks: mean patterns, and how much of the weight lies where a known kind of head puts it.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::tables::{AttentionPattern, Measurement};
use artifact::{Provenance, write_table};
use transformer::HookPoint;

use super::Analysis;
use crate::Error;
use crate::context::{Context, Model};
use crate::hooks::Watch;
use crate::patterns::scores;
use crate::rows::{Group, Row, Task};
use crate::statistics::{Resamples, mean};

pub(super) const ANALYSIS: Analysis = Analysis {
    name: "attention",
    summary: "Says where each head looks: mean patterns, weight by offset, previous-token and duplicate scores.",
    table: "attention",
    run,
};

/// The scores whose largest value over heads is summed up over seeds; heads of two seeds are not the same heads.
const SUMMED_UP: [&str; 3] = ["duplicate_token", "previous_token", "same_kind"];

/// What one model does on the rows of the most common length of a task.
struct Found {
    patterns: Vec<AttentionPattern>,
    /// By layer and head.
    scores: BTreeMap<(i32, i32), Scores>,
}

/// Each score by name, as sum and number of rows in each cluster.
type Scores = BTreeMap<String, Vec<[f64; 2]>>;

fn run(context: &Context, out: &Path, provenance: &Provenance) -> Result<Vec<Measurement>, Error> {
    let found = context.each(|model, task| look(context, model, task))?;
    let mut measurements = Vec::new();
    for (number, task) in context.tasks.iter().enumerate() {
        let resamples = Resamples::new(task.clusters, context.config.bootstrap_draws);
        let mut largest = BTreeMap::<&str, Vec<[f64; 2]>>::new();
        for (model, found) in context.models.iter().zip(&found) {
            let subject = context.subject(ANALYSIS.name, model, task);
            let mut of_seed = BTreeMap::<&str, f64>::new();
            for (&(layer, head), scores) in &found[number].scores {
                let hook = HookPoint::Pattern(layer as usize).to_string();
                for (metric, clusters) in scores {
                    let sums = clusters.iter().fold([0.0; 2], |sums, c| [sums[0] + c[0], sums[1] + c[1]]);
                    let (value, interval) = (mean(&sums), resamples.interval(clusters, mean));
                    let row = subject.measurement(metric, value, interval, sums[1] as usize);
                    measurements.push(Measurement { hook: hook.clone(), layer, head, ..row });
                    if let (Some(value), true) = (value, SUMMED_UP.contains(&metric.as_str())) {
                        of_seed.entry(metric).and_modify(|best| *best = best.max(value)).or_insert(value);
                    }
                }
            }
            of_seed
                .into_iter()
                .for_each(|(metric, best)| largest.entry(metric).or_default().push([best, 1.0]));
        }
        for (metric, seeds) in largest {
            let value = mean(&[seeds.iter().map(|seed| seed[0]).sum(), seeds.len() as f64]);
            let interval = Resamples::new(seeds.len(), context.config.bootstrap_draws).interval(&seeds, mean);
            let subject = context.over_seeds(ANALYSIS.name, task);
            measurements.push(subject.measurement(format!("largest_{metric}"), value, interval, seeds.len()));
        }
    }
    let patterns = found.into_iter().flatten().flat_map(|found| found.patterns);
    write_table(&out.join("attention.parquet"), provenance, patterns)?;
    Ok(measurements)
}

fn look(context: &Context, model: &Model, task: &Task) -> candle_core::Result<Found> {
    let mut found = Found { patterns: Vec::new(), scores: BTreeMap::new() };
    let Some(group) = task.most_common_length() else { return Ok(found) };
    let points = (0..context.shape.n_layers).map(HookPoint::Pattern).collect();
    for (layer, patterns) in Watch::run(&model.transformer, &group.tokens, points)?.into_iter().enumerate() {
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
            let by_metric = found.scores.entry((layer as i32, head as i32)).or_default();
            for (number, row) in group.rows.iter().enumerate() {
                sums.iter_mut().zip(of_row(number)).for_each(|(sum, weight)| *sum += f64::from(*weight));
                for (metric, value) in scores(of_row(number), size, row, &context.vocabulary) {
                    let clusters = by_metric.entry(metric).or_insert_with(|| vec![[0.0; 2]; task.clusters]);
                    clusters[row.cluster] =
                        [clusters[row.cluster][0] + value, clusters[row.cluster][1] + 1.0];
                }
            }
            let head = Head { context, model, task, layer, head, size };
            let mean: Vec<f32> = sums.iter().map(|sum| (sum / rows as f64) as f32).collect();
            found.patterns.extend(head.pattern(&mean, rows, None));
            for (number, row) in shown(group, context.config.example_rows) {
                found.patterns.extend(head.pattern(of_row(number), 1, Some(row)));
            }
        }
    }
    Ok(found)
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
