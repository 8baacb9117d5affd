//! What is refused of a level: one that does not fit the tasks, or under which nothing can be answered.

use crate::{Config, Error, task::LOOKED_AT, world::World};

impl Config {
    /// Refuses a level that a family does not allow, or that names what is not there.
    pub(super) fn check_level(&self, world: &World) -> Result<(), Error> {
        let level = &world.level;
        for task in &world.tasks {
            let allowed = task.space.family.levels();
            if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&level.name())) {
                let family = task.space.family.name();
                let message = format!("`{family}` makes no sense at level `{}`", level.name());
                let help = format!("its levels are: {}", allowed.join(", "));
                return Err(Error::config(format!("tasks.{}.family", task.name), message, help));
            }
        }
        level.check(&world.tasks)
    }

    /// Refuses pins where a row's kind decides.
    pub(super) fn check_pins(&self) -> Result<(), Error> {
        let lists =
            [("train", &self.pins.train), ("validation", &self.pins.validation), ("test", &self.pins.test)];
        match lists.into_iter().find(|(_, pins)| !pins.is_empty()) {
            Some((list, _)) if self.holdout.level.names_test() => {
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
        let asked = match (world.level.names_test(), world.level.names_validation()) {
            (false, _) => [validation.saturating_add(test), 0, 0],
            (true, false) => [validation, 0, test],
            (true, true) => [0, validation, test],
        };
        let (mut found, mut unfair) = ([0; 3], [const { None }; 3]);
        for task in world.tasks.iter().filter(|task| !task.task.train_only) {
            let (rows, all) = task.spread(LOOKED_AT / world.tasks.len() as u64);
            for row in rows {
                let kind = world.level.kind(task, row.parameter, &row.terms) as usize;
                match world.gate(task, &row.terms) {
                    Err(reason) if !world.level.is_control() => {
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
        let [test, validation] = self.holdout.shares();
        let pinned = self.pins.test.len() + self.pins.validation.len() > 0;
        let held = test + validation > 0.0 || pinned || world.level.names_test();
        if world.level.is_control() || !held || self.holdout.min_seen == 0 {
            return Ok(());
        }
        for task in world.tasks.iter().filter(|task| !task.task.train_only) {
            if let Some((message, help)) = world.level.unanswerable(&world.tasks, task) {
                return Err(Error::config(format!("tasks.{}.notation", task.name), message, help));
            }
        }
        Ok(())
    }
}
