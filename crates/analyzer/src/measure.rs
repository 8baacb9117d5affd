//! How a scalar becomes a row of `measurements.parquet`.

use artifact::tables::Measurement;
use statistics::Interval;
use transformer::HookPoint;

use crate::component::Component;

/// What a measurement is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// -1 for over seeds.
    pub(crate) seed: i32,
    pub(crate) step: i64,
    pub(crate) task: &'a str,
}

impl Subject<'_> {
    /// Returns the row of a scalar of the whole model; whose it is, the output knows.
    pub(crate) fn measurement(
        &self,
        metric: impl Into<String>,
        value: Option<f64>,
        interval: Option<Interval>,
        n: usize,
    ) -> Measurement {
        Measurement {
            analysis: String::new(),
            seed: self.seed,
            step: self.step,
            task: self.task.to_owned(),
            hook: String::new(),
            component: String::new(),
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

/// Returns the measurement as one of a part of the model at `hook`.
pub(crate) fn of_part(part: Component, hook: HookPoint, measurement: Measurement) -> Measurement {
    Measurement {
        hook: hook.to_string(),
        component: part.to_string(),
        layer: part.layer(),
        head: part.head(),
        ..measurement
    }
}
