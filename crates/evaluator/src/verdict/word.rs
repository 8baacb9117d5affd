//! Which word the scores deserve.

use artifact::guarantee;
use artifact::number::with_interval;
use serde_json::Value;
use statistics::{Clusters, Difference};

use crate::metrics::MEASURABLE;

/// rule_index from which on it is the rule.
pub(super) const RULE: f64 = 0.9;
/// rule_index from which on, its interval above 0, it is more than memory.
pub(super) const PARTLY: f64 = 0.1;
/// Lower end of the agreement from which on failure is memory.
pub(super) const MEMORY: f64 = 0.5;
/// Accuracy on trained rows below which nothing was fitted.
pub(super) const FITTED: f64 = 0.9;
/// A shallow table that comes this near to the model explains it as well.
pub(super) const AS_CLOSE: f64 = 0.05;
/// Seeds whose accuracies differ by no more than this do not disagree.
pub(super) const DISAGREE: f64 = 0.1;

/// So often an answer has to be a target of training, as where rows are built by default.
pub(crate) const MIN_SEEN: i64 = 3;

/// A value with its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

impl Estimate {
    pub(super) fn text(&self) -> String {
        with_interval(self.value, self.low, self.high)
    }
}

/// What is known of one seed, or of all of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Scored {
    pub(crate) accuracy: Estimate,
    pub(crate) rule_index: Estimate,
    pub(crate) agreement: Estimate,
    /// Accuracy on rows that were trained.
    pub(crate) train: Option<f64>,
}

/// What a verdict rests on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) split: &'static str,
    /// Empty for all tasks.
    pub(crate) task: String,
    /// As the definition of the data has it.
    pub(crate) level: Value,
    /// Whether the rows are of other data than those that the model was trained on.
    pub(crate) other_data: bool,
    /// Whether the answers are drawn at random.
    pub(crate) random_answers: bool,
    pub(crate) rows: u64,
    /// Rows in notations of one token a value whose answer was trained fewer than three times as a target.
    pub(crate) unanswerable: u64,
    pub(crate) clusters: Clusters,
    pub(crate) seeds: Vec<(i32, Scored)>,
    pub(crate) over: Scored,
    /// Accuracy and name of the best memory and the best shallow table.
    pub(crate) u_best: Option<(f64, String)>,
    pub(crate) s_best: Option<(f64, String)>,
    /// The table that agrees most.
    pub(crate) agrees: String,
    /// How many tables were asked for that, of how many.
    pub(crate) asked: (usize, usize),
    /// Between the two seeds that differ most.
    pub(crate) difference: Option<Difference>,
}

/// How a model came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Rule,
    ShallowRule,
    Partly,
    Memory,
    NotInferred,
    NotFitted,
    NotTransferred,
    SeedsDisagree,
    NotMeasurable,
    ControlPassed,
    ControlFailed,
    LeakyControl,
}

impl Word {
    /// Returns the word as written in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Word::Rule => "rule",
            Word::ShallowRule => "shallow_rule",
            Word::Partly => "partly",
            Word::Memory => "memory",
            Word::NotInferred => "not_inferred",
            Word::NotFitted => "not_fitted",
            Word::NotTransferred => "not_transferred",
            Word::SeedsDisagree => "seeds_disagree",
            Word::NotMeasurable => "not_measurable",
            Word::ControlPassed => "control_passed",
            Word::ControlFailed => "control_failed",
            Word::LeakyControl => "leaky_control",
        }
    }
}

impl Evidence {
    /// Returns the word over seeds.
    pub(crate) fn word(&self) -> Word {
        let word = self.of(&self.over);
        let apart = self.difference.filter(|found| found.value > DISAGREE && found.interval.low > 0.0);
        match word {
            Word::ControlPassed | Word::ControlFailed | Word::LeakyControl => word,
            _ if apart.is_some() => Word::SeedsDisagree,
            word => word,
        }
    }

    /// Returns the word for one seed, or for the mean of all.
    pub(super) fn of(&self, scored: &Scored) -> Word {
        let index = &scored.rule_index;
        if guarantee::named(&self.level).0 == "random" {
            return match (self.random_answers, index.low) {
                (false, _) => Word::LeakyControl,
                (true, None) => Word::NotMeasurable,
                (true, Some(low)) if low > 0.0 => Word::ControlFailed,
                (true, Some(_)) => Word::ControlPassed,
            };
        }
        // A model cannot say what it never learned to say.
        if 2 * self.unanswerable > self.rows {
            return Word::NotMeasurable;
        }
        match (index.value, index.low, index.high) {
            (Some(value), Some(low), _) if value >= RULE && low > 0.0 => {
                if self.is_shallow(scored) {
                    Word::ShallowRule
                } else {
                    Word::Rule
                }
            }
            (Some(value), Some(low), _) if value >= PARTLY && low > 0.0 => Word::Partly,
            // Neither above memory, nor shown to lack the rule.
            (Some(value), _, high) if value >= PARTLY || high.is_none_or(|high| high >= RULE) => {
                Word::NotMeasurable
            }
            (Some(_), ..) => self.failure(scored),
            // A table leaves no room above it. What lies clearly below it can still be told.
            (None, ..) => match (scored.accuracy.high, &self.u_best) {
                (Some(high), Some((table, _))) if *table > MEASURABLE && high < table - AS_CLOSE => {
                    self.failure(scored)
                }
                _ => Word::NotMeasurable,
            },
        }
    }

    fn failure(&self, scored: &Scored) -> Word {
        let transfers = matches!(guarantee::named(&self.level).0, "notation" | "family") || self.other_data;
        match () {
            () if scored.train.is_some_and(|train| train < FITTED) => Word::NotFitted,
            () if scored.agreement.low.is_some_and(|low| low >= MEMORY) => Word::Memory,
            () if transfers => Word::NotTransferred,
            () => Word::NotInferred,
        }
    }

    fn is_shallow(&self, scored: &Scored) -> bool {
        let both = self.s_best.as_ref().zip(scored.accuracy.value);
        both.is_some_and(|((table, _), accuracy)| accuracy - table <= AS_CLOSE)
    }

    pub(super) fn rule_seeds(&self) -> usize {
        let words = self.seeds.iter().map(|(_, seed)| self.of(seed));
        words.filter(|word| matches!(word, Word::Rule | Word::ShallowRule)).count()
    }

    /// Whether every seed has the same word.
    pub(super) fn alike(&self) -> bool {
        let words: Vec<Word> = self.seeds.iter().map(|(_, seed)| self.of(seed)).collect();
        words.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Returns the least and the greatest accuracy of a seed.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let values = self.seeds.iter().filter_map(|(_, seed)| seed.accuracy.value);
        values.fold(None, |range, value| {
            Some(range.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
        })
    }
}
