//! Says what the scores mean: rule or memory, and whether a shallow table does as well.
//!
//! A word is decided by stated borders, from the model over its seeds; each seed gets one of its own beside it. That a model
//! fails does not make it memory: only that it fails as a look-up table does.

use artifact::guarantee;
use artifact::number::{count, counted, share};
use artifact::tables::{FEW_CLUSTERS, SeedVerdict, Verdict};
use statistics::{Clusters, PAIRED, may_differ};

use crate::metrics::MEASURABLE;

mod sentence;
mod word;

use word::{AS_CLOSE, DISAGREE, FITTED, MEMORY, PARTLY, RULE, Word};
pub(crate) use word::{Estimate, Evidence, MIN_SEEN, Scored};

impl Evidence {
    /// Returns the rows of the seeds.
    pub(crate) fn of_seeds(&self) -> impl Iterator<Item = SeedVerdict> {
        self.seeds.iter().map(|(seed, scored)| SeedVerdict {
            seed: *seed,
            split: self.split.to_owned(),
            task: self.task.clone(),
            verdict: self.of(scored).name().to_owned(),
            train_accuracy: scored.train,
        })
    }

    /// Returns the row of the table.
    pub(crate) fn verdict(&self) -> Verdict {
        let word = self.word();
        let Scored { accuracy, rule_index, agreement, train } = self.over;
        Verdict {
            split: self.split.to_owned(),
            task: self.task.clone(),
            verdict: word.name().to_owned(),
            headline: self.headline(word),
            sentence: self.sentence(word),
            caveats: self.caveats().join("\n"),
            holdout: guarantee::named(&self.level).0.to_owned(),
            other_data: self.other_data,
            n: self.rows as i64,
            clusters: self.clusters.held as i64,
            n_eff: self.clusters.effective,
            seeds: self.seeds.len() as i64,
            rule_seeds: self.rule_seeds() as i64,
            accuracy: accuracy.value,
            accuracy_low: accuracy.low,
            accuracy_high: accuracy.high,
            rule_index: rule_index.value,
            rule_index_low: rule_index.low,
            rule_index_high: rule_index.high,
            u_best: self.u_best.as_ref().map(|(value, _)| *value),
            s_best: self.s_best.as_ref().map(|(value, _)| *value),
            train_accuracy: train,
            agreement: agreement.value,
            agreement_low: agreement.low,
            agreement_memorizer: self.agrees.clone(),
            seed_difference: self.difference.map(|found| found.value),
            seed_difference_low: self.difference.map(|found| found.interval.low),
            rule_from: RULE,
            partly_from: PARTLY,
            memory_from: MEMORY,
            fitted_from: FITTED,
            measurable_to: MEASURABLE,
            shallow_within: AS_CLOSE,
            disagree_above: DISAGREE,
        }
    }

    /// Returns what a reader has to know beside the sentence.
    fn caveats(&self) -> Vec<String> {
        let (mut caveats, seeds) = (Vec::new(), self.seeds.len());
        let Clusters { held, effective } = self.clusters;
        if effective < FEW_CLUSTERS {
            caveats.push(format!(
                "Few independent rows: {} in {} that count as {effective:.1} of equal size. Below {FEW_CLUSTERS} they bear little, as \
                 the intervals say.",
                counted(self.rows as i64, "row"),
                counted(held as i64, "cluster"),
            ));
        }
        let spread = self.range().map_or(0.0, |(low, high)| high - low);
        if seeds > 1 && self.alike() && self.word() != Word::SeedsDisagree {
            caveats.push(format!(
                "{seeds} seeds alike: up to {} of new seeds may differ in their verdict.",
                share(may_differ(seeds))
            ));
        } else if seeds > 1 && spread > DISAGREE && self.difference.is_none() {
            caveats.push(format!(
                "Whether seeds disagree cannot be told: they have fewer than {PAIRED} effective clusters of rows in common."
            ));
        }
        if seeds < 6 {
            let seeds = counted(seeds as i64, "seed");
            caveats.push(format!("{seeds}: no test over seeds can reach p = 0.05 with fewer than 6."));
        }
        if self.unanswerable > 0 {
            caveats.push(format!(
                "{} of {} have an answer that was trained as one fewer than {MIN_SEEN} times: no model could learn to give it.",
                count(self.unanswerable as i64),
                counted(self.rows as i64, "row"),
            ));
        }
        if self.other_data {
            caveats.push(
                "The rows are of other data than those that the model was trained on; the audit compared them with all that \
                 it and those it goes on from saw."
                    .to_owned(),
            );
        }
        caveats.extend(guarantee::caveat(&self.level));
        if self.split == "validation" {
            caveats.push(
                "Nothing was scored on test rows; validation rows are shown in their place.".to_owned(),
            );
        }
        caveats
    }
}

#[cfg(test)]
mod tests;
