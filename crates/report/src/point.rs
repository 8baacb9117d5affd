//! One point of the matrix (the only one, without a matrix): what several of its sections read.

use artifact::tables::{Ceiling, Certificate};
use serde_json::Value;

use crate::Error;
use crate::figure::Figures;
use crate::folder::Source;
use crate::log::log;
use crate::pins::{self, Pins};
use crate::published::{Metric, Published};
use crate::rows::{Dot, Marks, Row};
use crate::scores::{ACCURACY, Ceilings, Estimate, OVER_SEEDS, Scores};
use crate::verdict::{Verdict, Verdicts};

/// What is known of a point.
pub(crate) struct Point<'a> {
    /// Its anchor in the page.
    pub id: String,
    /// `k=2,loss=all`; empty without a matrix.
    pub label: String,
    pub source: &'a Source<'a>,
    pub figures: &'a Figures,
    /// What others found there.
    pub published: Vec<&'a Published>,
    /// What the dataset says of its definition; null where it is not among the inputs.
    pub definition: Value,
    pub scores: Option<Scores>,
    /// The split that the page speaks of.
    pub split: &'static str,
    pub verdicts: Verdicts,
    pub ceilings: Vec<Ceiling>,
    /// Whether the certificate passed; `None` without one.
    pub certified: Option<bool>,
    pub pins: Option<Pins>,
    /// What its first figure is about.
    pub answer: Answer,
    seeds: Vec<i32>,
}

/// What answers a point's question at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// When the rows were learned: others published it.
    Learned,
    /// Each task of several.
    Tasks,
    /// Each number of terms.
    Terms,
    /// Each seed.
    Seeds,
}

impl<'a> Point<'a> {
    /// Reads what stands in the tables of `source`, the `index`-th point.
    pub(crate) fn read(
        source: &'a Source<'a>,
        index: usize,
        published: Vec<&'a Published>,
        figures: &'a Figures,
    ) -> Result<Self, Error> {
        let scores = Scores::read(source)?;
        let split = scores.as_ref().map_or("test", Scores::split);
        let certificate = source.read::<Certificate>("certificate")?;
        let definition = source.definition()?;
        let pins = pins::read(source, &definition)?;
        let of_learning = |one: &&Published| one.metric != Metric::Accuracy;
        let several = |parts: usize| scores.as_ref().is_some_and(|_| parts > 1);
        let tasks = scores.as_ref().map_or(0, |scores| scores.tasks(split).len());
        let terms = scores.as_ref().map_or(0, |scores| scores.terms(split).len());
        let seeds = match &scores {
            Some(scores) => scores.seeds(),
            None => log(source)?.into_keys().collect(),
        };
        let answer = match () {
            () if published.iter().any(of_learning) => Answer::Learned,
            () if several(tasks) => Answer::Tasks,
            () if several(terms) => Answer::Terms,
            () => Answer::Seeds,
        };
        Ok(Self {
            id: format!("p{index}"),
            label: source.label(),
            source,
            figures,
            published,
            definition,
            scores,
            split,
            verdicts: Verdicts::read(source)?,
            ceilings: source.read::<Ceiling>("ceilings")?.unwrap_or_default(),
            certified: certificate.map(|rows| rows.iter().all(|row| !row.gate || row.passed)),
            pins,
            answer,
            seeds,
        })
    }

    /// Returns the verdict on a task (`""` = all tasks).
    pub(crate) fn verdict(&self, task: &str) -> Verdict {
        self.verdicts.of(task, self.certified)
    }

    /// Returns the tasks, where there are several.
    pub(crate) fn tasks(&self) -> Vec<String> {
        let tasks = self.scores.as_ref().map_or_else(Vec::new, |scores| scores.tasks(self.split));
        if tasks.len() > 1 { tasks } else { Vec::new() }
    }

    /// Returns the trained seeds: those that were scored, or else those that were logged.
    pub(crate) fn seeds(&self) -> Vec<i32> {
        self.seeds.clone()
    }

    /// Returns a score on the page's split.
    pub(crate) fn score(&self, model: &str, seed: i32, task: &str, metric: &str) -> Estimate {
        let scores = self.scores.as_ref();
        let found = scores.and_then(|scores| scores.get(model, seed, self.split, task, metric));
        found.copied().unwrap_or_default()
    }

    /// Returns what every seed gets on a task, beside what memorising gets.
    pub(crate) fn row(&self, task: &str) -> Row {
        let verdict = self.verdict(task);
        let Ceilings { u_best, u_union, s_best } = Ceilings::pick(&self.ceilings, self.split, task);
        let control = |model| self.score(model, OVER_SEEDS, task, ACCURACY).value;
        let of_accuracy = |one: &&&Published| one.metric == Metric::Accuracy && task.is_empty();
        let marks = Marks {
            u_best,
            u_union,
            s_best,
            untrained: control("untrained"),
            oracle: control("oracle"),
            published: self.published.iter().filter(of_accuracy).map(|one| one.value).collect(),
        };
        let dots = |accuracy: &dyn Fn(i32) -> Estimate| {
            let of_seed = |seed: i32| {
                let outcome = self.verdicts.seed(task, seed).0;
                accuracy(seed).dot(seed, outcome)
            };
            self.seeds().into_iter().filter_map(of_seed).collect()
        };
        let accuracy = |seed| self.score("trained", seed, task, ACCURACY);
        Row {
            name: task.to_owned(),
            link: None,
            headline: verdict.headline,
            tone: verdict.tone,
            dots: dots(&accuracy),
            mean: accuracy(OVER_SEEDS).dot(OVER_SEEDS, String::new()).filter(|_| verdict.counted.is_none()),
            counted: verdict.counted,
            marks,
        }
    }
}

impl Estimate {
    /// Returns it as the dot of a seed, or over seeds; `None` where it was not measured.
    pub(crate) fn dot(&self, seed: i32, outcome: String) -> Option<Dot> {
        let label = if seed == OVER_SEEDS { "over seeds".to_owned() } else { format!("seed {seed}") };
        let interval = self.low.zip(self.high);
        Some(Dot { seed, label, outcome, value: self.value?, interval, text: self.text() })
    }
}
