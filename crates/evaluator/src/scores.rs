//! The scores of the models and of the rule itself, split by split.

use std::collections::BTreeMap;

use statistics::{Clusters, Difference};

use crate::aggregate::{self, Drawn};
use crate::bootstrap::Bootstrap;
use crate::data::{Data, SPLITS};
use crate::found::Found;
use crate::groups::{self, Answers, Split};
use crate::memory::Ceilings;
use crate::predictions::OfCheckpoint;
use crate::{Config, Error};

/// How far seeds lie apart, by split and task.
pub(crate) type Differences = BTreeMap<(&'static str, String), Difference>;

/// Returns the scores, and how far seeds lie apart on the rows of each task of each split.
pub(crate) fn of_model(
    data: &Data,
    model: &'static str,
    checkpoints: &[OfCheckpoint],
    config: &Config,
) -> (Vec<Found>, Differences) {
    let (mut scores, mut train, mut differences) =
        (Vec::new(), None::<BTreeMap<String, Drawn>>, Differences::new());
    for (number, (name, rows)) in SPLITS.into_iter().zip(&data.rows).enumerate() {
        let answers: Vec<&Answers> = checkpoints.iter().map(|of| &of[number]).collect();
        let memory = data.memory.get(name).filter(|_| name != "train");
        let split = Split { name, rows, memory, answer_seen: &data.answer_seen };
        let bootstrap = Bootstrap { draws: config.bootstrap_draws, stream: number as u64 };
        let (found, whole) = aggregate::scores(model, &split, &answers, bootstrap, train.as_ref());
        scores.extend(found);
        differences.extend(
            whole.iter().filter_map(|(task, drawn)| Some(((name, task.clone()), drawn.seed_difference()?))),
        );
        train.get_or_insert(whole);
    }
    (scores, differences)
}

/// Refuses ceilings that are not those of the memorisers' own answers.
pub(crate) fn agree_with(ceilings: &Ceilings, scores: &[Found]) -> Result<(), Error> {
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
pub(crate) fn oracle(data: &Data) -> Result<Vec<Found>, Error> {
    let mut scores = Vec::new();
    for (split, rows) in SPLITS.into_iter().zip(&data.rows) {
        let right = rows.iter().map(|row| data.tasks.oracle(split, row, &data.vocabulary));
        let right = right.collect::<Result<Vec<bool>, Error>>()?;
        if let Some(wrong) = right.iter().position(|right| !right) {
            return Err(Error::Row {
                split: split.to_owned(),
                example_id: rows[wrong].example.example_id,
                message: format!("task `{}` answers otherwise by its own rule", rows[wrong].example.task),
            });
        }
        let of_split = Split { name: split, rows, memory: None, answer_seen: &data.answer_seen };
        scores.extend(groups::groups(rows, &data.answer_seen).into_iter().map(|group| {
            let (places, count) = groups::places(&of_split, &group);
            let mut sizes = vec![0.0; count];
            places.iter().for_each(|place| sizes[*place] += 1.0);
            Found {
                model: "oracle",
                step: -1,
                split,
                n: group.rows.len() as u64,
                task: group.task,
                slice: group.slice,
                metric: "accuracy",
                value: Some(1.0),
                clusters: Some(Clusters::of(sizes.into_iter())),
                ..Found::default()
            }
        }));
    }
    Ok(scores)
}
