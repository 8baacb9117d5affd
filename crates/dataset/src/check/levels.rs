//! What is refused of a level: one that does not fit the tasks, or under which nothing can be answered.

use std::{collections::BTreeSet, fmt::Display};

use sequence::Row;

use crate::{
    Config, Error, Held, Level, Thresholds,
    split::Split,
    world::{Sequences, World},
};

/// Rows that are looked at, at the most, to find out whether a level leaves each split some.
const LOOKED_AT: u64 = 100_000;
/// Names that a message lists, at the most.
const LISTED: usize = 20;

impl Config {
    /// Refuses a level that a family does not allow, or that names what is not there.
    pub(super) fn check_level(&self, world: &World) -> Result<(), Error> {
        let level = &world.level;
        for task in &world.tasks {
            let allowed = task.space.family.levels();
            if !allowed.contains(&level.name()) {
                let family = task.space.family.name();
                let message = format!("`{family}` makes no sense at level `{}`", level.name());
                let help = format!("its levels are: {}", allowed.join(", "));
                return Err(Error::config(format!("tasks.{}.family", task.name), message, help));
            }
        }
        let one = |name: &str| vec![name.to_owned()];
        match level {
            Level::Random | Level::Transition => Ok(()),
            Level::Window(window) => check_window(world, window.m.unwrap_or(0) as usize),
            Level::Range(from) => check_thresholds(world, *from, "largest values"),
            Level::Length(from) => check_thresholds(world, *from, "lengths"),
            Level::Step(held) => check_names(world, held, "parameter", |task| {
                let parameters = task.space.family.parameters().into_iter();
                parameters.filter(|&parameter| parameter != sequence::NONE).map(|p| p.to_string()).collect()
            }),
            Level::Notation(held) => {
                check_names(world, held, "notation", |task| one(task.task.notation.name()))
            }
            Level::Family(held) => check_names(world, held, "family", |task| one(task.space.family.name())),
        }
    }

    /// Refuses pins where a row's kind decides.
    pub(super) fn check_pins(&self) -> Result<(), Error> {
        let lists =
            [("train", &self.pins.train), ("validation", &self.pins.validation), ("test", &self.pins.test)];
        match lists.into_iter().find(|(_, pins)| !pins.is_empty()) {
            Some((list, _)) if self.holdout.level.names_kinds() => {
                let level = self.holdout.level.name();
                let message = format!(
                    "at level `{level}` a row's kind says which split it is in, so no row can be pinned"
                );
                let help = "leave the pins out, or pin at level `transition`, `window` or `random`";
                Err(Error::config(format!("pins.{list}.0"), message, help))
            }
            _ => Ok(()),
        }
    }

    /// Refuses more held-out rows than there are that can neither be copied nor have two answers.
    pub(super) fn check_fair(&self, world: &World) -> Result<(), Error> {
        let least = &self.holdout.min_rows;
        let [validation, test] = [(least.validation, self.rows.validation), (least.test, self.rows.test)]
            .map(|(least, rows)| rows.map_or(least, |rows| rows.min(least)));
        // By the split of a row's kind. Where no kinds are named, rows of the one kind are shared out.
        let asked = match (world.level.names_kinds(), world.level.names_validation()) {
            (false, _) => [validation.saturating_add(test), 0, 0],
            (true, false) => [validation, 0, test],
            (true, true) => [0, validation, test],
        };
        let (mut found, mut unfair) = ([0; 3], [const { None }; 3]);
        for task in world.tasks.iter().filter(|task| !task.task.train_only) {
            let (rows, all) = rows(world, task);
            for row in rows {
                let kind = world.level.of_kind(task, row.parameter, &row.terms) as usize;
                match world.gate(task, &row.terms) {
                    Err(reason) if world.level != Level::Random => {
                        unfair[kind].get_or_insert((task, reason, row.terms));
                    }
                    _ => found[kind] += 1,
                }
                if (0..3).all(|kind| found[kind] >= asked[kind]) {
                    return Ok(());
                }
            }
            if !all {
                return Ok(());
            }
        }
        let Some(kind) = (0..3).find(|&kind| found[kind] < asked[kind]) else { return Ok(()) };
        let message =
            format!("{} held-out rows are asked for, but only {} can be held out", asked[kind], found[kind]);
        Err(match &unfair[kind] {
            Some((task, reason, terms)) => {
                let message = format!("{message}, not {terms:?} for one: {}", reason.words());
                let help = "give more terms, leave out a rule that meets it, or lower `holdout.min_rows`";
                Error::config(format!("tasks.{}.terms", task.name), message, help)
            }
            None => {
                let help =
                    "widen the bounds, add tasks, or ask for fewer: `min_rows: { validation: 1, test: 1 }`";
                Error::config("holdout.min_rows", message, help)
            }
        })
    }

    /// Refuses what no training can make answerable: answers that are never its targets.
    pub(super) fn check_answerable(&self, world: &World) -> Result<(), Error> {
        let (test, validation) = self.holdout.shares();
        let pinned = self.pins.test.len() + self.pins.validation.len() > 0;
        let held = test + validation > 0.0 || pinned || world.level.names_kinds();
        if world.level == Level::Random || !held || self.holdout.min_seen == 0 {
            return Ok(());
        }
        for task in world.tasks.iter().filter(|task| !task.task.train_only) {
            let same = || world.tasks.iter().filter(|other| other.script == task.script);
            let (message, help) = match &world.level {
                Level::Transition if only_rule(task, same()) => INJECTIVE,
                Level::Window(window) if window.m == Some(2) && only_rule(task, same()) => INJECTIVE,
                Level::Range(from) if is_never_below(world, task, *from) => (
                    "no held-out row could be answered: the answer is a value that no train row has, and its token \
                     is untrained",
                    "write digits, or hold out another kind of row",
                ),
                Level::Step(_) | Level::Family(_) if !same().any(|other| trains(world, other)) => (
                    "no held-out row could be answered: no trained row is written in its notation",
                    "write a task that is trained in the same notation",
                ),
                Level::Notation(_)
                    if !world.level.shares(task, sequence::NONE)
                        && !same().any(|other| other.space.bounds.terms.0 == 2) =>
                {
                    (
                        "no held-out row could be answered: no train row is written in its notation, where rows of \
                         two terms are trained",
                        "let its rows have 2 terms too (`terms: { min: 2, .. }`), or add a task of such rows",
                    )
                }
                _ => continue,
            };
            return Err(Error::config(format!("tasks.{}.notation", task.name), message, help));
        }
        Ok(())
    }
}

/// The message and the help for rows that are answered by one rule alone.
const INJECTIVE: (&str, &str) = (
    "no held-out row could be answered: each answer follows one value only, so holding that step out leaves its token \
     untrained",
    "write digits, give more steps or ratios, or add a second task that is train_only",
);

/// Says whether all tasks of a notation with one token a value have one rule together, under which a value follows one
/// other value only.
fn only_rule<'a>(task: &Sequences, same: impl Iterator<Item = &'a Sequences>) -> bool {
    let rules = same.flat_map(|other| {
        let name = other.space.family.name();
        other.space.family.parameters().into_iter().map(move |parameter| (name, parameter))
    });
    task.task.notation.one_token()
        && task.space.family.injective()
        && task.space.family.unit() == sequence::UnitKind::Pair
        && rules.collect::<BTreeSet<_>>().len() == 1
}

/// Says whether some row of the task is of a trained kind.
fn trains(world: &World, task: &Sequences) -> bool {
    task.space.family.parameters().into_iter().any(|parameter| world.level.shares(task, parameter))
}

/// Says whether every test row of a notation with one token a value has an answer that no train row has as a value.
fn is_never_below(world: &World, task: &Sequences, from: Thresholds) -> bool {
    let least = from.validation.map_or(from.test, |validation| validation.min(from.test));
    let (rows, all) = rows(world, task);
    let mut held =
        rows.filter(|row| from.split(row.terms.iter().copied().max().unwrap_or(i64::MIN)) == Split::Test);
    let answer = |row: Row| row.terms[task.space.family.context(row.terms.len())..].to_vec();
    task.task.notation.one_token() && all && !held.any(|row| answer(row).iter().all(|&term| term < least))
}

fn check_window(world: &World, m: usize) -> Result<(), Error> {
    let shortest = world.tasks.iter().min_by_key(|task| task.space.bounds.terms.0);
    let Some((name, fewest)) = shortest.map(|task| (&task.name, task.space.bounds.terms.0)) else {
        return Ok(());
    };
    if (2..=fewest).contains(&m) {
        return Ok(());
    }
    let message =
        format!("windows of {m} terms, but the shortest rows, those of task `{name}`, have {fewest}");
    let help = format!("a window has 2 to {fewest} terms; left out, `m` is {fewest}");
    Err(Error::config("holdout.level.window.m", message, help))
}

/// Refuses names that nothing has, and names that leave nothing to train.
fn check_names<T: Display>(
    world: &World,
    held: &Held<T>,
    what: &str,
    of: impl Fn(&Sequences) -> Vec<String>,
) -> Result<(), Error> {
    let notation = matches!(world.level, Level::Notation(_));
    let path = format!("holdout.level.{}", world.level.name());
    for (list, names) in [("validation", held.validation.as_deref()), ("test", Some(&held.test[..]))] {
        if names.is_some_and(<[T]>::is_empty) {
            let help =
                if list == "test" { "name at least one" } else { "name at least one, or leave it out" };
            return Err(Error::config(format!("{path}.{list}"), "nothing is named", help));
        }
    }
    let had: Vec<(&Sequences, Vec<String>)> = world.tasks.iter().map(|task| (task, of(task))).collect();
    let mut named = Vec::new();
    for (split, place, name) in held.all() {
        let (at, name) = (format!("{path}.{}.{place}", split.name()), name.to_string());
        if named.contains(&name) {
            return Err(Error::config(at, format!("`{name}` is named twice"), "name it once"));
        }
        let having: Vec<&Sequences> =
            had.iter().filter(|(_, names)| names.contains(&name)).map(|(task, _)| *task).collect();
        if having.is_empty() {
            let mut known: Vec<&str> = Vec::new();
            for name in had.iter().flat_map(|(_, names)| names) {
                if !known.contains(&name.as_str()) {
                    known.push(name);
                }
            }
            let more = if known.len() > LISTED { ", ..." } else { "" };
            known.truncate(LISTED);
            let help = format!("the tasks have: {}{more}", known.join(", "));
            return Err(Error::config(at, format!("no task has the {what} `{name}`"), help));
        }
        // Rows of two terms are trained in every notation.
        let mut holding = having.iter().filter(|task| !notation || task.space.bounds.terms.1 > 2);
        if let Some(task) = holding.clone().find(|task| task.task.train_only) {
            let message =
                format!("task `{}` is train_only, but has the {what} `{name}`, which is held out", task.name);
            let help = "leave it out there, or take `train_only` from the task";
            return Err(Error::config(at, message, help));
        }
        if holding.next().is_none() {
            let message = format!("no row of more than two terms is written in `{name}`");
            return Err(Error::config(at, message, "give its tasks more terms, or name another notation"));
        }
        named.push(name);
    }
    let trained = |(task, names): &(&Sequences, Vec<String>)| {
        (notation && task.space.bounds.terms.0 == 2)
            || names.is_empty()
            || names.iter().any(|name| !named.contains(name))
    };
    if had.iter().any(trained) {
        return Ok(());
    }
    Err(Error::config(path, format!("every {what} is held out, and none is left to train"), "leave one out"))
}

/// Refuses thresholds with no row on one of their sides.
fn check_thresholds(world: &World, from: Thresholds, what: &str) -> Result<(), Error> {
    let path = format!("holdout.level.{}", world.level.name());
    let at = |split: Split| format!("{path}.{}", split.name());
    if let Some(validation) = from.validation.filter(|&validation| validation >= from.test) {
        let message = format!("{validation} is not below the {} of the test", from.test);
        return Err(Error::config(
            at(Split::Validation),
            message,
            "validation lies between training and test",
        ));
    }
    let (mut least, mut greatest, mut found, mut exact) = (i64::MAX, i64::MIN, [false; 3], true);
    for task in &world.tasks {
        let (rows, all) = rows(world, task);
        exact &= all;
        for row in rows {
            let Some((_, measure)) = world.level.measure(task, &row.terms) else { continue };
            let split = from.split(measure);
            found[split as usize] |= split == Split::Train || !task.task.train_only;
            (least, greatest) = (least.min(measure), greatest.max(measure));
        }
    }
    found[Split::Validation as usize] |= from.validation.is_none();
    // Where not every row was looked at, the build will say what is missing.
    let Some(split) = Split::ALL.into_iter().find(|split| exact && !found[*split as usize]) else {
        return Ok(());
    };
    let named = if split == Split::Train && from.validation.is_some() {
        Split::Validation
    } else {
        split.max(Split::Validation)
    };
    let named = if from.validation.is_none() { Split::Test } else { named };
    let message = format!(
        "no row is left for `{}`: the {what} of the rows go from {least} to {greatest}",
        split.name()
    );
    let help = format!("choose thresholds above {least} and up to {greatest}");
    Err(Error::config(at(named), message, help))
}

/// Returns rows of a task spread over all of them, and whether these are all.
fn rows<'a>(world: &World, task: &'a Sequences) -> (impl Iterator<Item = Row> + 'a, bool) {
    let stride = task.space.capacity().div_ceil(LOOKED_AT / world.tasks.len() as u64).max(1) as usize;
    let numbers = (0..task.space.capacity()).step_by(stride);
    (numbers.filter_map(|index| task.space.row(index)), stride == 1)
}
