//! One measured value on its way into a table.

use artifact::tables::{Control, Score, SeedScore};
use statistics::{Clusters, Interval};

/// A value with its interval and denominators, before it is a row of one of the tables of scores.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found {
    /// `trained`, `untrained` or `oracle`.
    pub(crate) model: &'static str,
    /// Nothing over seeds.
    pub(crate) seed: Option<i32>,
    /// How many seeds it is over; 0 for what is not about the model.
    pub(crate) seeds: usize,
    pub(crate) step: i64,
    pub(crate) split: &'static str,
    /// Empty for all tasks.
    pub(crate) task: String,
    pub(crate) slice: String,
    pub(crate) metric: &'static str,
    /// The look-up table that it is about, and its view.
    pub(crate) table: Option<(String, String)>,
    pub(crate) value: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) n: u64,
    /// Nothing for a metric that is not about rows.
    pub(crate) clusters: Option<Clusters>,
    /// How many tables were asked, of how many; 0 for a metric that asks none.
    pub(crate) asked: (usize, usize),
}

impl Found {
    /// Returns the same with both ends of an interval; none without a value.
    pub(crate) fn within(mut self, interval: Option<Interval>) -> Found {
        let interval = interval.filter(|_| self.value.is_some());
        (self.low, self.high) = (interval.map(|i| i.low), interval.map(|i| i.high));
        self
    }

    fn held(&self) -> i64 {
        self.clusters.map_or(0, |clusters| clusters.held as i64)
    }

    fn effective(&self) -> Option<f64> {
        self.clusters.map(|clusters| clusters.effective)
    }

    /// Returns a row of the model over seeds.
    pub(crate) fn score(self) -> Score {
        let (clusters, n_eff) = (self.held(), self.effective());
        let (memorizer, view) = self.table.unwrap_or_default();
        Score {
            model: self.model.to_owned(),
            step: self.step,
            split: self.split.to_owned(),
            task: self.task,
            slice: self.slice,
            metric: self.metric.to_owned(),
            memorizer,
            view,
            value: self.value,
            low: self.low,
            high: self.high,
            n: self.n as i64,
            clusters,
            n_eff,
            seeds: self.seeds as i64,
        }
    }

    /// Returns a row of one seed.
    pub(crate) fn seed_score(self) -> SeedScore {
        let (clusters, n_eff) = (self.held(), self.effective());
        let (memorizer, view) = self.table.unwrap_or_default();
        SeedScore {
            model: self.model.to_owned(),
            seed: self.seed.unwrap_or_default(),
            step: self.step,
            split: self.split.to_owned(),
            task: self.task,
            slice: self.slice,
            metric: self.metric.to_owned(),
            memorizer,
            view,
            value: self.value,
            low: self.low,
            high: self.high,
            n: self.n as i64,
            clusters,
            n_eff,
        }
    }

    /// Returns a row of a control.
    pub(crate) fn control(self) -> Control {
        let (clusters, n_eff) = (self.held(), self.effective());
        Control {
            model: self.model.to_owned(),
            step: self.step,
            split: self.split.to_owned(),
            task: self.task,
            slice: self.slice,
            metric: self.metric.to_owned(),
            value: self.value,
            low: self.low,
            high: self.high,
            n: self.n as i64,
            clusters,
            n_eff,
            seeds: self.seeds as i64,
        }
    }
}
