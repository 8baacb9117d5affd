//! Steps round a named cycle: `November December January`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    Bounds, Candidates, Error, Range, Rule, UnitKind, Units, Values, config::singular, orbit, orbit::Walk,
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

/// A cycle: `months`, `days`, `letters`, or a number of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// January to December.
    Months,
    /// Monday to Sunday.
    Days,
    /// A to Z.
    Letters,
    /// So many values.
    Of(i64),
}

impl Cycle {
    const NAMES: [(Cycle, &'static str); 3] =
        [(Cycle::Months, "months"), (Cycle::Days, "days"), (Cycle::Letters, "letters")];

    /// Returns the number of values.
    pub fn length(self) -> i64 {
        match self {
            Cycle::Months => 12,
            Cycle::Days => 7,
            Cycle::Letters => 26,
            Cycle::Of(length) => length,
        }
    }
}

impl Serialize for Cycle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Self::NAMES.iter().find(|(cycle, _)| cycle == self) {
            Some((_, name)) => name.serialize(serializer),
            None => self.length().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cycle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Cycle;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("`months`, `days`, `letters`, or a number of values")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Cycle, E> {
                let named = Cycle::NAMES.iter().find(|(_, known)| *known == name);
                named
                    .map(|(cycle, _)| *cycle)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(name), &self))
            }

            fn visit_i64<E: de::Error>(self, length: i64) -> Result<Cycle, E> {
                Ok(Cycle::Of(length))
            }

            fn visit_u64<E: de::Error>(self, length: u64) -> Result<Cycle, E> {
                Ok(Cycle::Of(i64::try_from(length).unwrap_or(i64::MAX)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Cycle {
    fn schema_name() -> Cow<'static, str> {
        "Cycle".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "enum": ["months", "days", "letters"] }, { "type": "integer", "minimum": 2 }] })
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
        let message = serde_json::from_str::<Cycle>(r#""weeks""#).unwrap_err().to_string();
        assert!(message.contains("`months`, `days`, `letters`, or a number of values"), "{message}");
    }
}
