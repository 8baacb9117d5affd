//! How a scalar becomes a row of `measurements.parquet`.

use artifact::tables::Measurement;

use crate::statistics::Interval;

/// What a measurement is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) analysis: &'static str,
    /// -1 for over seeds.
    pub(crate) seed: i32,
    pub(crate) step: i64,
    pub(crate) task: &'a str,
}

impl Subject<'_> {
    /// Returns the row of a scalar of the whole model; layer, head and hook are for the caller to fill in.
    pub(crate) fn measurement(
        &self,
        metric: impl Into<String>,
        value: Option<f64>,
        interval: Option<Interval>,
        n: usize,
    ) -> Measurement {
        Measurement {
            analysis: self.analysis.to_owned(),
            seed: self.seed,
            step: self.step,
            task: self.task.to_owned(),
            hook: String::new(),
            layer: -1,
            head: -1,
            position: -1,
            metric: metric.into(),
            value,
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            n: n as i64,
        }
    }
}
