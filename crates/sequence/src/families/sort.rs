//! A list and the same list sorted: `3 1 2 | 1 2 3`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Key, NONE, Range, Rule, UnitKind, Units};

/// Sorts a list: a row is the list, then the sorted list, which is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// Whether a value may stand in a list more than once.
    #[serde(default)]
    pub repeats: bool,
}

impl Rule for Sort {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn check_terms(&self, terms: usize) -> Result<(), Error> {
        if terms >= 4 && terms.is_multiple_of(2) {
            return Ok(());
        }
        let help = "a list of at least 2 values stands twice: give an even number from 4 on";
        Err(Error::parameter("terms", format!("{terms} terms found"), help))
    }

    fn parameters(&self) -> Vec<i64> {
        vec![NONE]
    }

    fn axes(&self, _: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        let length = terms / 2;
        if self.check_terms(terms).is_err() || !self.repeats && bounds.values.count() < length as u128 {
            return vec![Range::EMPTY];
        }
        let mut axes = vec![bounds.values; length];
        axes[0] = axes[0].and(bounds.start);
        axes
    }

    fn next(&self, _: i64, before: &[i64], terms: usize, _: &Bounds) -> Option<i64> {
        let (list, sorted) = before.split_at_checked(terms / 2)?;
        let Some(last) = sorted.last() else {
            let twice = |(place, term)| list[..place].contains(term);
            return list
                .iter()
                .min()
                .copied()
                .filter(|_| self.repeats || !list.iter().enumerate().any(twice));
        };
        if list.iter().filter(|term| *term <= last).count() > sorted.len() {
            return Some(*last);
        }
        list.iter().filter(|term| *term > last).min().copied()
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Multiset
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        Box::new(Lists { repeats: self.repeats, bounds: *bounds })
    }

    fn injective(&self) -> bool {
        false
    }

    fn levels(&self) -> Option<&'static [&'static str]> {
        Some(&["random", "transition", "length", "range"])
    }

    fn context(&self, terms: usize) -> usize {
        terms / 2
    }

    fn answer_in_context(&self) -> bool {
        true
    }

    fn operators(&self) -> &'static [&'static str] {
        &["MID"]
    }

    fn operator(&self, position: usize, terms: usize) -> Option<&'static str> {
        (position == terms / 2).then_some("MID")
    }
}

/// The lists, each sorted and by itself.
#[derive(Debug)]
struct Lists {
    repeats: bool,
    bounds: Bounds,
}

impl Units for Lists {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let (rule, bounds) = (Sort { repeats: self.repeats }, &self.bounds);
        let fits = bounds.lengths().contains(&(2 * unit.len())) && rule.check_terms(2 * unit.len()).is_ok();
        let in_order = unit.windows(2).all(|pair| pair[0] < pair[1] || self.repeats && pair[0] == pair[1]);
        if fits
            && in_order
            && unit.iter().all(|&term| bounds.values.contains(term))
            && unit.iter().any(|&term| bounds.start.contains(term))
        {
            found(NONE, Key::Unit { family: "sort", unit: unit.to_vec() });
        }
    }

    fn population(&self, _: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        let rule = Sort { repeats: self.repeats };
        let lengths = self.bounds.lengths().filter(move |&terms| rule.check_terms(terms).is_ok());
        Box::new(lengths.flat_map(move |terms| {
            let first = self.fill(Vec::new(), self.bounds.values.min, terms / 2);
            let lists = std::iter::successors(first, |list| self.after(list));
            let begins = |list: &Vec<i64>| list.iter().any(|&term| self.bounds.start.contains(term));
            lists.filter(begins).map(|unit| Key::Unit { family: "sort", unit })
        }))
    }
}

impl Lists {
    /// Returns the list filled up to `length` with the least values from `value` on.
    fn fill(&self, mut list: Vec<i64>, value: i64, length: usize) -> Option<Vec<i64>> {
        let mut value = Some(value);
        while list.len() < length {
            let term = value.filter(|&value| self.bounds.values.contains(value))?;
            list.push(term);
            value = if self.repeats { Some(term) } else { term.checked_add(1) };
        }
        Some(list)
    }

    /// Returns the next sorted list in the order of dictionaries.
    fn after(&self, list: &[i64]) -> Option<Vec<i64>> {
        (0..list.len())
            .rev()
            .find_map(|place| self.fill(list[..place].to_vec(), list[place].checked_add(1)?, list.len()))
    }
}
