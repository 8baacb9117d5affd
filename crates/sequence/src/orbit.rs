//! Orbits of few values, each walked once beforehand: no formula says where a value stands on them.

use std::fmt::Debug;

use crate::{Bounds, Candidates, Error, Key, Map, Range, Rule, Units, rule::arc, rule::block};

/// The most values of a rule whose orbits are walked.
const MOST_VALUES: i64 = 100_000;
/// The most places that are kept: values times parameters.
const MOST_PLACES: i64 = 10_000_000;

/// A rule that runs to and fro over a few values of its own, [`Rule::natural`].
pub(crate) trait Walk: Rule + Debug {
    /// The name of the family.
    const FAMILY: &'static str;

    /// Returns the parameter under which the rule runs back.
    fn opposite(&self, parameter: i64) -> i64;

    /// Returns the value after this one.
    fn step(&self, parameter: i64, value: i64) -> Option<i64>;
}

/// Refuses a number of values, or of values and parameters, whose places on their orbits are too many to keep.
pub(crate) fn check_size(at: &str, values: i64, parameters: usize) -> Result<(), Error> {
    if !(2..=MOST_VALUES).contains(&values) {
        let help = format!("its orbits are walked, so it has 2 to {MOST_VALUES} values");
        return Err(Error::parameter(at, format!("{values} found"), help));
    }
    if values.saturating_mul(parameters as i64) > MOST_PLACES {
        let help = format!("every orbit is walked: their product is at most {MOST_PLACES}");
        return Err(Error::parameter(at, format!("{values} values with {parameters} parameters"), help));
    }
    Ok(())
}

/// The orbits of every parameter, divided into arcs.
#[derive(Debug)]
pub(crate) struct Orbits<R> {
    rule: R,
    bounds: Bounds,
    values: Range,
    parameters: Vec<i64>,
    /// By parameter, the one of it and its opposite whose orbits are walked: both have the same keys.
    walked: Map<i64, i64>,
    /// By walked parameter, the place of every value.
    places: Map<i64, Vec<Place>>,
}

/// Where a value stands: the least value of its orbit, and the arc.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    root: u32,
    arc: u32,
}

impl<R: Walk> Orbits<R> {
    pub(crate) fn new(rule: R, bounds: &Bounds) -> Self {
        let values = rule.natural().unwrap_or(Range::EMPTY);
        let parameters = rule.parameters();
        let canonical = |parameter: i64| {
            [parameter, rule.opposite(parameter)].into_iter().min_by_key(|&p| (p < 0, p)).unwrap_or(parameter)
        };
        let walked: Map<i64, i64> = parameters.iter().map(|&p| (p, canonical(p))).collect();
        let places = walked.values().map(|&p| (p, places(&rule, p, values, bounds))).collect();
        Orbits { rule, bounds: *bounds, values, parameters, walked, places }
    }

    fn key(&self, parameter: i64, value: i64) -> Option<Key> {
        let next = self.rule.step(parameter, value)?;
        let back = self.rule.opposite(parameter);
        let inside = |value| self.values.contains(value) && self.bounds.values.contains(value);
        let forward = |[_, last]: [i64; 2]| Some([last, self.rule.step(parameter, last)?]);
        let backward = |[first, _]: [i64; 2]| Some([self.rule.step(back, first)?, first]);
        let starts = |[first, _]: [i64; 2]| self.bounds.start.contains(first);
        let produced =
            produces([value, next], &self.bounds, forward, backward, |p| p.into_iter().all(inside), starts);
        if !produced {
            return None;
        }
        let walked = self.walked[&parameter];
        let lower = if walked == parameter { value } else { next };
        let Place { root, arc } = self.places[&walked][(lower - self.values.min) as usize];
        Some(Key::Orbit { family: R::FAMILY, parameter: walked, root: [root.into(), 0], block: arc.into() })
    }
}

impl<R: Walk> Units for Orbits<R> {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let mut try_one = |parameter: i64| {
            if self.rule.step(parameter, unit[0]) == Some(unit[1])
                && let Some(key) = self.key(parameter, unit[0])
            {
                found(parameter, key);
            }
        };
        match self.rule.candidates(unit) {
            Candidates::Any => self.parameters.iter().copied().for_each(try_one),
            Candidates::One(parameter) if self.walked.contains_key(&parameter) => try_one(parameter),
            Candidates::One(_) | Candidates::None => {}
        }
    }

    fn population(&self, parameter: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        let values = self.values.min..=self.values.max;
        let mut keys: Vec<Key> = values.filter_map(|value| self.key(parameter, value)).collect();
        keys.sort_unstable();
        keys.dedup();
        Box::new(keys.into_iter())
    }
}

/// Walks every orbit from its least value, which is its first where it does not close.
fn places<R: Walk>(rule: &R, parameter: i64, values: Range, bounds: &Bounds) -> Vec<Place> {
    let mut places: Vec<Option<Place>> = vec![None; values.count() as usize];
    let at = |value: i64| (value - values.min) as usize;
    for least in values.min..=values.max {
        if places[at(least)].is_some() {
            continue;
        }
        let on = |&value: &i64| rule.step(parameter, value).filter(|&next| next != least);
        let orbit: Vec<i64> = std::iter::successors(Some(least), on).collect();
        let closed = rule.step(parameter, orbit[orbit.len() - 1]) == Some(least);
        let total = orbit.len() as u64 - u64::from(!closed);
        let size = arc(total, bounds);
        for (&value, position) in orbit.iter().zip(0..) {
            places[at(value)] = Some(Place { root: least as u32, arc: block(position, total, size) as u32 });
        }
    }
    places.into_iter().map(Option::unwrap_or_default).collect()
}

/// Says whether a row within the bounds has the unit: some pair at most so far before it is one that a row may begin
/// with, and all between them and after the unit, as far as the shortest such row goes, is inside.
pub(crate) fn produces(
    unit: [i64; 2],
    bounds: &Bounds,
    forward: impl Fn([i64; 2]) -> Option<[i64; 2]>,
    backward: impl Fn([i64; 2]) -> Option<[i64; 2]>,
    inside: impl Fn([i64; 2]) -> bool,
    starts: impl Fn([i64; 2]) -> bool,
) -> bool {
    let (fewest, most) = bounds.terms;
    let pairs = std::iter::successors(Some(unit), |&pair| forward(pair));
    let after = pairs.take(fewest.max(2) - 1).take_while(|&pair| inside(pair)).count();
    let pairs = std::iter::successors(Some(unit), |&pair| backward(pair));
    let mut before = pairs.take(most - 1).take_while(|&pair| inside(pair)).enumerate();
    before.any(|(place, pair)| starts(pair) && fewest.max(place + 2) - 1 - place <= after)
}
