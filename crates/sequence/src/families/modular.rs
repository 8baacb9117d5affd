//! Progressions of residues: `110 112 1 3` modulo 113.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Bounds, Candidates, Error, Range, Rule, UnitKind, Units, Values, config::singular, orbit, orbit::Walk,
};

/// Adds the same step, or multiplies by the same ratio, modulo a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = one_or_many)]
pub struct Modular {
    /// The modulus: values are 0 to one less.
    pub modulus: i64,
    /// The steps: a number, a list, or `{ min, max }`; taken modulo the modulus. Either steps or ratios.
    #[serde(default, alias = "step", skip_serializing_if = "Option::is_none")]
    pub steps: Option<Values>,
    /// The ratios, coprime to the modulus, so that the rule runs back too.
    #[serde(default, alias = "ratio", skip_serializing_if = "Option::is_none")]
    pub ratios: Option<Values>,
}

/// Lets the schema say the parameters in the singular too, and ask for one of them.
fn one_or_many(schema: &mut schemars::Schema) {
    singular(schema, &["steps", "ratios"]);
}

impl Rule for Modular {
    fn check(&self) -> Result<(), Error> {
        let (word, values, neutral) = match (&self.steps, &self.ratios) {
            (Some(steps), None) => ("steps", steps, 0),
            (None, Some(ratios)) => ("ratios", ratios, 1),
            _ => {
                let help = "give either `steps` or `ratios`";
                return Err(Error::parameter("family.modular", "one of them is expected", help));
            }
        };
        let at = format!("family.modular.{word}");
        orbit::check_size("family.modular.modulus", self.modulus, 1)?;
        values.check_modulo(&at, self.modulus, neutral)?;
        if let Some(ratios) = &self.ratios
            && let Some(bad) = ratios.iter().find(|&ratio| inverse(ratio, self.modulus).is_none())
        {
            let help = format!("take ratios coprime to {}, so that the rule runs back too", self.modulus);
            return Err(Error::parameter(&at, format!("{bad} shares a factor with the modulus"), help));
        }
        orbit::check_size("family.modular.modulus", self.modulus, self.parameters().len())
    }

    fn parameters(&self) -> Vec<i64> {
        let values = self.steps.iter().chain(&self.ratios).flat_map(|values| values.iter());
        values.filter_map(|value| value.checked_rem_euclid(self.modulus)).collect()
    }

    fn axes(&self, _: i64, _: usize, bounds: &Bounds) -> Vec<Range> {
        vec![bounds.start.and(bounds.values).and(Range { min: 0, max: self.modulus - 1 })]
    }

    fn next(&self, parameter: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        self.step(parameter, *before.last()?)
    }

    fn candidates(&self, begin: &[i64]) -> Candidates {
        let [first, second, ..] = *begin else { return Candidates::Any };
        if self.steps.is_some() {
            let step = second.checked_sub(first).and_then(|step| step.checked_rem_euclid(self.modulus));
            return step.map_or(Candidates::None, Candidates::One);
        }
        match inverse(first, self.modulus) {
            Some(inverse) => Candidates::One(inverse * (second % self.modulus) % self.modulus),
            None => Candidates::Any,
        }
    }

    fn natural(&self) -> Option<Range> {
        Some(Range { min: 0, max: self.modulus - 1 })
    }

    fn period(&self) -> Option<i64> {
        Some(self.modulus)
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

impl Walk for Modular {
    const FAMILY: &'static str = "modular";

    fn opposite(&self, parameter: i64) -> i64 {
        match self.steps {
            Some(_) => self.modulus - parameter,
            None => inverse(parameter, self.modulus).unwrap_or(parameter),
        }
    }

    fn step(&self, parameter: i64, value: i64) -> Option<i64> {
        let next =
            if self.steps.is_some() { value.checked_add(parameter) } else { value.checked_mul(parameter) };
        // Most are residues already, and a division is dear.
        next.and_then(|next| {
            if (0..self.modulus).contains(&next) { Some(next) } else { next.checked_rem_euclid(self.modulus) }
        })
    }
}

/// Returns the number by which the value has to be multiplied to give 1, by Euclid's algorithm.
fn inverse(value: i64, modulus: i64) -> Option<i64> {
    let (mut one, mut other) = ((modulus, 0), (value.checked_rem_euclid(modulus)?, 1));
    while other.0 != 0 {
        let quotient = one.0 / other.0;
        (one, other) = (other, (one.0 - quotient * other.0, one.1 - quotient * other.1));
    }
    (one.0 == 1).then(|| one.1.rem_euclid(modulus))
}
