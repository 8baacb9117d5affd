//! Whether a model that fails fails as a look-up table does: only this makes a failure memory.
//!
//! Of the rows that a table answers wrongly, the share on which the model gives that same wrong answer. A table that gives one
//! of several answers that are as good says nothing there. A table with few such rows is not asked: of the others, the one
//! that agrees most counts, so that its interval is corrected for how many were asked.

use artifact::tables::FEW_CLUSTERS;
use statistics::{ALPHA, Clusters, Draws, mean, percentile, sums, wilson};

use crate::bootstrap::{Bootstrap, over_seeds};
use crate::found::Found;
use crate::groups::{Answers, Group, Split, places};

/// One table beside the models, cluster by cluster.
struct Table {
    number: usize,
    /// By seed and cluster: how many of the table's wrong answers the model gives too, and how many there are.
    seeds: Vec<Vec<[f64; 2]>>,
    clusters: Clusters,
    rows: u64,
}

impl Table {
    fn share(&self) -> f64 {
        let of_seeds: Vec<[f64; 2]> = self.seeds.iter().map(sums).collect();
        mean(&sums(&of_seeds)).unwrap_or(0.0)
    }
}

/// Returns the agreement of each seed and over seeds with the table that agrees most over seeds, the simplest of equals; null
/// where every table has fewer than 20 effective clusters of wrong answers.
pub(crate) fn scores(
    split: &Split<'_>,
    group: &Group,
    answers: &[&Answers],
    bootstrap: Bootstrap,
) -> Vec<Found> {
    let Some(memory) = split.memory else { return Vec::new() };
    let (places, count) = places(split, group);
    let table = |number: usize| {
        let wrong = group.rows.iter().zip(&places).filter_map(|(&row, &place)| {
            Some((row, place, memory.wrong(number, split.rows[row].example.example_id)?))
        });
        let wrong: Vec<_> = wrong.collect();
        let seeds = answers.iter().map(|answers| {
            let mut sums = vec![[0.0; 2]; count];
            for (row, place, id) in &wrong {
                sums[*place][0] += f64::from(u8::from(answers.matched[*row] == Some(*id)));
                sums[*place][1] += 1.0;
            }
            sums
        });
        let mut sizes = vec![0.0; count];
        wrong.iter().for_each(|(_, place, _)| sizes[*place] += 1.0);
        let (seeds, rows) = (seeds.collect(), wrong.len() as u64);
        Table { number, seeds, clusters: Clusters::of(sizes.into_iter()), rows }
    };
    let tables: Vec<Table> = memory.tables().map(table).collect();
    let (asked, few): (Vec<&Table>, Vec<&Table>) =
        tables.iter().partition(|table| table.clusters.effective >= FEW_CLUSTERS);
    // Of equals the first, which is the simplest.
    let most = asked.iter().rev().max_by(|a, b| a.share().total_cmp(&b.share())).copied();
    let found = |seed: Option<i32>, seeds: usize, step: i64| Found {
        model: "trained",
        seed,
        seeds,
        step,
        split: split.name,
        task: group.task.clone(),
        slice: group.slice.clone(),
        metric: "agreement",
        table: most.map(|table| memory.name(table.number)),
        asked: (asked.len(), tables.len()),
        ..Found::default()
    };
    // Without any, the table that comes nearest to enough says how few they are.
    let shown = most.or_else(|| {
        few.iter().rev().max_by(|a, b| a.clusters.effective.total_cmp(&b.clusters.effective)).copied()
    });
    let (n, clusters) = shown.map_or((0, Clusters::default()), |table| (table.rows, table.clusters));
    let alpha = ALPHA / asked.len().max(1) as f64;
    let filled = |found: Found, sums: [f64; 2], draws: Option<&Draws<2>>| {
        let value = most.and_then(|_| mean(&sums));
        let own = value.and_then(|value| wilson(value, clusters.effective, alpha));
        let drawn = draws.and_then(|draws| percentile(draws.iter().map(mean), alpha));
        let interval = own.map(|own| drawn.map_or(own, |drawn| own.hull(drawn)));
        Found { value, n, clusters: Some(clusters), ..found }.within(interval)
    };
    let of_seed = |number: usize| most.map_or([0.0; 2], |table| sums(&table.seeds[number]));
    let mut scores: Vec<Found> = (answers.iter().enumerate())
        .map(|(number, of)| filled(found(Some(of.seed), 1, of.step), of_seed(number), None))
        .collect();
    let step = answers.iter().map(|answers| answers.step).max().unwrap_or(-1);
    let all = sums(&(0..answers.len()).map(of_seed).collect::<Vec<_>>());
    let draws = most.filter(|_| answers.len() > 1).map(|table| {
        let seeds = table.seeds.iter().map(|seed| bootstrap.clusters(seed));
        let seeds: Vec<Draws<2>> = seeds.collect();
        over_seeds(&seeds.iter().map(Vec::as_slice).collect::<Vec<_>>())
    });
    scores.push(filled(found(None, answers.len(), step), all, draws.as_ref()));
    scores
}

#[cfg(test)]
mod tests;
