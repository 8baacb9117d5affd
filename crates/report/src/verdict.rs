//! Says in one sentence what the scores mean: rule or memory, and whether a shallow table does as well.
//!
//! Nothing is computed but which side of a stated border a value of the tables lies on.

use serde::Serialize;

use crate::number::{count, counted, share, with_interval};
use crate::scores::{ACCURACY, BEYOND_MEMORY, Ceilings, OVER_SEEDS, RULE_INDEX, Scores};

/// A seed whose rule_index is at least this has the rule.
pub(crate) const RULE: f64 = 0.9;
/// A seed whose rule_index is below this (or whose interval reaches 0) is at the level of memory.
pub(crate) const MEMORY: f64 = 0.1;
/// A seed that gets fewer of its training rows right has not even memorised them.
pub(crate) const FITTED: f64 = 0.9;
/// Above this U_best the evaluator gives no rule_index.
const MEASURABLE: f64 = 0.95;
/// A shallow table that comes this near to the model explains it as well.
pub(crate) const AS_CLOSE: f64 = 0.05;

/// A value with its interval, as a table gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Estimate {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub n: i64,
}

impl Estimate {
    fn text(&self) -> String {
        with_interval(self.value, self.low, self.high)
    }
}

/// One trained seed on the rows that the verdict is about.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Seed {
    pub seed: i32,
    pub accuracy: Estimate,
    pub rule_index: Estimate,
    /// Accuracy on rows of train.
    pub train: Option<f64>,
}

/// What the verdict rests on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Evidence {
    /// `test` or `validation`.
    pub split: String,
    /// `transition`, `random`, ...; empty where no build config says it.
    pub level: String,
    /// Whether every family of the data draws its answers at random.
    pub random_answers: bool,
    /// Whether all gates passed; `None` without a certificate.
    pub certified: Option<bool>,
    pub seeds: Vec<Seed>,
    /// Accuracy over seeds.
    pub accuracy: Estimate,
    pub rule_index: Estimate,
    pub beyond_memory: Estimate,
    pub oracle: Option<f64>,
    pub ceilings: Ceilings,
}

/// How one seed came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Rule,
    Partly,
    Memory,
    NotFitted,
    Unknown,
}

/// The answer to "rule or memory?".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// Class of colour: `rule`, `shallow`, `mixed`, `memory`, `none`.
    pub tone: &'static str,
    /// Two or three words.
    pub headline: String,
    /// The sentence with its figures.
    pub sentence: String,
    /// What a reader has to know beside it.
    pub caveats: Vec<String>,
}

impl Evidence {
    /// Picks what concerns `task` (`""` = all tasks) from the tables.
    pub(crate) fn pick(scores: &Scores, split: &str, task: &str, ceilings: Ceilings) -> Self {
        let estimate =
            |seed, metric| {
                scores.get("trained", seed, split, task, metric).map_or_else(Estimate::default, |row| {
                    Estimate { value: row.value, low: row.low, high: row.high, n: row.n }
                })
            };
        let seed = |seed| Seed {
            seed,
            accuracy: estimate(seed, ACCURACY),
            rule_index: estimate(seed, RULE_INDEX),
            train: scores.get("trained", seed, "train", task, ACCURACY).and_then(|row| row.value),
        };
        let oracle =
            [OVER_SEEDS, 0].iter().find_map(|&seed| scores.get("oracle", seed, split, task, ACCURACY));
        Self {
            split: split.to_owned(),
            seeds: scores
                .seeds()
                .into_iter()
                .map(seed)
                .filter(|seed| seed.accuracy.value.is_some())
                .collect(),
            accuracy: estimate(OVER_SEEDS, ACCURACY),
            rule_index: estimate(OVER_SEEDS, RULE_INDEX),
            beyond_memory: estimate(OVER_SEEDS, BEYOND_MEMORY),
            oracle: oracle.and_then(|row| row.value),
            ceilings,
            ..Self::default()
        }
    }

    /// Returns how each seed came out.
    pub(crate) fn outcome(&self, seed: &Seed) -> Outcome {
        match seed.rule_index.value {
            None => Outcome::Unknown,
            Some(index) if index >= RULE => Outcome::Rule,
            Some(index) if index >= MEMORY && seed.rule_index.low.is_none_or(|low| low > 0.0) => {
                Outcome::Partly
            }
            Some(_) if seed.train.is_some_and(|train| train < FITTED) => Outcome::NotFitted,
            Some(_) => Outcome::Memory,
        }
    }

    /// Returns the verdict.
    pub(crate) fn verdict(&self) -> Verdict {
        let (tone, headline, sentence) = self.decide();
        Verdict { tone, headline: headline.to_owned(), sentence, caveats: self.caveats() }
    }

    fn decide(&self) -> (&'static str, &'static str, String) {
        if self.certified == Some(false) {
            let text = "The certificate did not pass: held-out rows leak into training, so no score below says \
                        anything about rule or memory.";
            return ("memory", "Leak", text.to_owned());
        }
        if self.seeds.is_empty() {
            let text = "There are no scores of trained seeds among the inputs, so nothing can be said yet.";
            return ("none", "No verdict", text.to_owned());
        }
        let Some((u_best, memorizer)) = &self.ceilings.u_best else {
            let text = format!(
                "{} {}, but what memorising alone would score is not among the inputs, so this is neither rule nor \
                 memory yet.",
                self.who(self.seeds.len()),
                self.answers(),
            );
            return ("none", "No verdict", text);
        };
        let memory = format!("the best look-up table ({memorizer}) gets {} (U_best)", share(*u_best));
        if self.level == "random" {
            return self.control(&memory);
        }
        if self.seeds.iter().all(|seed| seed.rule_index.value.is_none()) {
            if *u_best <= MEASURABLE {
                let text = format!(
                    "{} {}, where {memory}; the scores hold no rule_index, so the page cannot say which it is.",
                    self.who(self.seeds.len()),
                    self.answers(),
                );
                return ("none", "No verdict", text);
            }
            let text = format!(
                "{} {}, but {memory} on the same rows: a look-up table leaves no room to tell rule from memory, and \
                 rule_index is not measurable.",
                self.who(self.seeds.len()),
                self.answers(),
            );
            return ("none", "Not measurable", text);
        }
        self.compare(&memory)
    }

    /// Level `random`: the score may be pure memory, unless the answers are random too.
    fn control(&self, memory: &str) -> (&'static str, &'static str, String) {
        let answers = format!("{} {}", self.who(self.seeds.len()), self.answers());
        if !self.random_answers {
            let text = format!(
                "This is the leaky control: only whole rows are held out at level random, so the score may be pure \
                 memory; {}, and {memory}.",
                lower_first(&answers),
            );
            return ("none", "Leaky control", text);
        }
        let index = self.rule_index.text();
        let reaches_zero = self.rule_index.low.or(self.rule_index.value).is_none_or(|low| low <= 0.0);
        if reaches_zero {
            let text = format!(
                "As it must be for answers drawn at random, nothing generalises: {}, {memory}, and rule_index {index} \
                 is at most 0 within its interval.",
                lower_first(&answers),
            );
            ("rule", "Control passed", text)
        } else {
            let text = format!(
                "The answers are drawn at random, yet {}, where {memory}: rule_index {index} lies above 0, so \
                 something leaks or the score is wrong.",
                lower_first(&answers),
            );
            ("memory", "Control failed", text)
        }
    }

    /// Memory against rule, and the shallow table as the third way.
    fn compare(&self, memory: &str) -> (&'static str, &'static str, String) {
        let all = self.seeds.len();
        let number = |outcome| self.seeds.iter().filter(|seed| self.outcome(seed) == outcome).count();
        let (rule, partly, unfitted) =
            (number(Outcome::Rule), number(Outcome::Partly), number(Outcome::NotFitted));
        let who = self.who(all);
        let answers = self.answers();
        let index = self
            .rule_index
            .value
            .map_or(String::new(), |_| format!("; rule_index {}", self.rule_index.text()));
        let versus = format!("{answers}, where {memory}{index}");
        let shallow = self.shallow();
        if rule == all {
            let text = match &shallow {
                Some((true, shallow)) => format!(
                    "{who} {versus}; but {shallow}, as much as the model, so the rule it has learned is a local one \
                     in this notation."
                ),
                Some((false, shallow)) => {
                    format!("{who} {versus}; {shallow}, so combining single pieces does not explain it.")
                }
                None => format!("{who} {versus}."),
            };
            return match shallow {
                Some((true, _)) => ("shallow", "A rule, but a shallow one", text),
                _ => ("rule", "Rule", text),
            };
        }
        let tail = shallow.map_or(String::new(), |(_, shallow)| format!("; {shallow}"));
        if unfitted == all {
            let text = format!(
                "No seed learned even its training rows (below {} of them right), so this is a failure to train, \
                 not memory: {}, and {memory}.",
                share(FITTED),
                lower_first(&format!("{who} {answers}")),
            );
            return ("none", "Nothing learned", text);
        }
        if rule > 0 {
            let text = format!(
                "Seeds disagree: {rule} of {all} infer the rule (rule_index at least {}), {} not; together they {versus}{tail}.",
                share(RULE),
                all - rule,
            );
            return ("mixed", "Seeds disagree", text);
        }
        if partly > 0 {
            let text = format!(
                "More than memory, less than the rule: {partly} of {all} seeds lie above the look-up tables, none \
                 reaches a rule_index of {}; {} {versus}{tail}.",
                share(RULE),
                lower_first(&who),
            );
            return ("mixed", "Partly", text);
        }
        let fitted = if unfitted > 0 {
            format!(" ({unfitted} of {all} did not fit even their training rows)")
        } else if self.seeds.iter().all(|seed| seed.train.is_some()) {
            ", though every seed fits its training rows".to_owned()
        } else {
            String::new()
        };
        (
            "memory",
            "Memory",
            format!("The rule was not inferred{fitted}: {} {versus}{tail}.", lower_first(&who)),
        )
    }

    /// Whether the best shallow table comes as close as the model, and the words for it.
    fn shallow(&self) -> Option<(bool, String)> {
        let (value, name) = self.ceilings.s_best.as_ref()?;
        let accuracy = self.accuracy.value.or_else(|| self.range().map(|(low, _)| low))?;
        let text = format!("a shallow table ({name}) gets {} (S_best)", share(*value));
        Some((accuracy - value <= AS_CLOSE, text))
    }

    fn who(&self, seeds: usize) -> String {
        match seeds {
            1 => "The one seed".to_owned(),
            2 => "Both seeds".to_owned(),
            seeds => format!("All {seeds} seeds"),
        }
    }

    fn answers(&self) -> String {
        let verb = if self.seeds.len() == 1 { "answers" } else { "answer" };
        let n = self.seeds.iter().map(|seed| seed.accuracy.n).max().unwrap_or(0);
        let rows = format!("of {} {} rows right", count(n), self.split);
        let range = self.range().filter(|(low, high)| low != high);
        let spread =
            range.map_or(String::new(), |(low, high)| format!(" (seeds {} to {})", share(low), share(high)));
        match self.accuracy.value {
            Some(_) => format!("{verb} {} {rows}{spread}", self.accuracy.text()),
            None => match self.range() {
                Some((low, high)) if low != high => {
                    format!("{verb} between {} and {} {rows}", share(low), share(high))
                }
                Some((value, _)) => format!("{verb} {} {rows}", share(value)),
                None => format!("{verb} no row that was scored"),
            },
        }
    }

    /// Returns the least and the greatest accuracy of a seed.
    fn range(&self) -> Option<(f64, f64)> {
        let values = self.seeds.iter().filter_map(|seed| seed.accuracy.value);
        values.fold(None, |range, value| {
            Some(range.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
        })
    }

    fn caveats(&self) -> Vec<String> {
        let mut caveats = Vec::new();
        let seeds = self.seeds.len();
        if (1..6).contains(&seeds) {
            caveats.push(format!(
                "{}: no test over seeds can reach p = 0.05 with fewer than 6.",
                counted(seeds as i64, "seed")
            ));
        }
        match self.level.as_str() {
            "window" => caveats.push(
                "At level window only the last terms of a row are held out together; single transitions may stand in \
                 training."
                    .to_owned(),
            ),
            "step" | "range" | "length" | "notation" | "family" => caveats.push(format!(
                "At level {} transitions are shared with training by design: the score is about extrapolation, not \
                 about transitions never seen.",
                self.level
            )),
            _ => {}
        }
        if self.certified.is_none() && seeds > 0 {
            caveats.push("No certificate among the inputs: that nothing leaks is not shown here.".to_owned());
        }
        if self.split == "validation" && seeds > 0 {
            caveats.push(
                "Nothing was scored on test rows; validation rows are shown in their place.".to_owned(),
            );
        }
        if let Some(oracle) = self.oracle.filter(|&oracle| oracle < 1.0) {
            caveats.push(format!(
                "The oracle, which applies the rule itself, scores {} instead of 1: rows or scoring are defective.",
                share(oracle)
            ));
        }
        let measurable = self.seeds.iter().filter(|seed| seed.rule_index.value.is_some()).count();
        if measurable > 0 && measurable < seeds {
            caveats
                .push(format!("rule_index is not measurable for {} of {seeds} seeds.", seeds - measurable));
        }
        caveats
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

impl Outcome {
    /// Returns the words for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Partly => "partly",
            Self::Memory => "memory",
            Self::NotFitted => "not fitted",
            Self::Unknown => "not measurable",
        }
    }
}

#[cfg(test)]
mod tests;
