//! Steps round a named cycle: `November December January`.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    Bounds, Candidates, Cycle, Error, Range, Rule, UnitKind, Units, Values, config::singular, orbit,
    orbit::Walk,
};

/// Steps round a cycle, or along it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = one_or_many)]
pub struct Cyclic {
    /// The cycle, whose values are numbered from 1.
    pub cycle: Cycle,
    /// The steps: a number, a list, or `{ min, max }`. Round a cycle they are taken modulo its length.
    #[serde(alias = "step")]
    pub steps: Values,
    /// Whether the first value follows the last.
    #[serde(default = "yes")]
    pub wrap: bool,
}

fn yes() -> bool {
    true
}

/// Lets the schema say the parameter in the singular too.
fn one_or_many(schema: &mut Schema) {
    singular(schema, &["steps"]);
}

impl Rule for Cyclic {
    fn check(&self) -> Result<(), Error> {
        orbit::check_size("family.cyclic.cycle", self.cycle.length(), 1)?;
        let at = "family.cyclic.steps";
        if self.wrap {
            self.steps.check_modulo(at, self.cycle.length(), 0)?;
        } else {
            self.steps.check(at, &[0, i64::MIN], "a step of 0 repeats one value: leave it out")?;
        }
        orbit::check_size("family.cyclic.cycle", self.cycle.length(), self.parameters().len())
    }

    fn parameters(&self) -> Vec<i64> {
        self.steps.iter().filter_map(|step| self.normal(step)).collect()
    }

    fn axes(&self, _: i64, _: usize, bounds: &Bounds) -> Vec<Range> {
        vec![bounds.start.and(bounds.values).and(Range { min: 1, max: self.cycle.length() })]
    }

    fn next(&self, step: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        self.step(step, *before.last()?)
    }

    fn candidates(&self, begin: &[i64]) -> Candidates {
        let [first, second, ..] = begin else { return Candidates::Any };
        let step = second.checked_sub(*first).and_then(|step| self.normal(step));
        step.map_or(Candidates::None, Candidates::One)
    }

    fn natural(&self) -> Option<Range> {
        Some(Range { min: 1, max: self.cycle.length() })
    }

    fn period(&self) -> Option<i64> {
        self.wrap.then(|| self.cycle.length())
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Pair
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        Box::new(orbit::Orbits::new(self.clone(), bounds))
    }

    fn injective(&self) -> bool {
        true
    }
}

impl Cyclic {
    /// Returns the step as it is compared: modulo the cycle's length, if it closes.
    fn normal(&self, step: i64) -> Option<i64> {
        if self.wrap { step.checked_rem_euclid(self.cycle.length()) } else { Some(step) }
    }
}

impl Walk for Cyclic {
    const FAMILY: &'static str = "cyclic";

    fn opposite(&self, step: i64) -> i64 {
        if self.wrap { self.cycle.length() - step } else { -step }
    }

    fn step(&self, step: i64, value: i64) -> Option<i64> {
        let (length, value) = (self.cycle.length(), value.checked_add(step)?);
        if self.wrap {
            Some(value.checked_sub(1)?.checked_rem_euclid(length)? + 1)
        } else {
            (1..=length).contains(&value).then_some(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(definition: &str, step: i64, value: i64) -> Option<i64> {
        let cyclic: Cyclic = serde_json::from_str(definition).unwrap();
        cyclic.step(step, value)
    }

    #[test]
    fn a_cycle_closes_and_a_path_ends() {
        assert_eq!(next(r#"{"cycle":"months","step":1}"#, 1, 12), Some(1));
        assert_eq!(next(r#"{"cycle":"days","step":-2}"#, 5, 1), Some(6));
        assert_eq!(next(r#"{"cycle":"letters","step":1,"wrap":false}"#, 1, 26), None);
        assert_eq!(next(r#"{"cycle":5,"step":1,"wrap":false}"#, -2, 3), Some(1));
    }
}
