//! Levels that hold out rows by a name that they have.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    level::{Advice, Separation},
    split::Split,
    task::Sequences,
};

/// Names that a message lists, at the most.
const LISTED: usize = 20;

/// The kinds of rows that are held out, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held<T> {
    /// For the validation; a share of the rows of the trained kinds if left out.
    validation: Option<Vec<T>>,
    /// For the test.
    test: Vec<T>,
}

/// What the names of a level are.
pub(super) struct Names<'a> {
    /// The level.
    pub(super) level: &'a str,
    /// What is named.
    pub(super) what: &'a str,
    /// The fewest terms of a row that is held out.
    pub(super) fewest: usize,
    /// The names that rows of a task have.
    pub(super) of: &'a dyn Fn(&Sequences) -> Vec<String>,
}

impl<T> Held<T> {
    pub(super) fn names_validation(&self) -> bool {
        self.validation.is_some()
    }

    /// Returns the split of a row whose name `is` knows.
    pub(super) fn split(&self, is: impl Fn(&T) -> bool) -> Split {
        match &self.validation {
            _ if self.test.iter().any(&is) => Split::Test,
            Some(validation) if validation.iter().any(&is) => Split::Validation,
            _ => Split::Train,
        }
    }

    /// Returns every name that is held out, with its split and its place in the list.
    fn all(&self) -> impl Iterator<Item = (Split, usize, &T)> {
        let validation = self.validation.iter().flatten().enumerate();
        let test = self.test.iter().enumerate();
        let validation = validation.map(|(place, name)| (Split::Validation, place, name));
        validation.chain(test.map(|(place, name)| (Split::Test, place, name)))
    }
}

impl<T: Display> Held<T> {
    /// Refuses names that nothing has, and names that leave nothing to train.
    pub(super) fn check(&self, tasks: &[Sequences], names: Names) -> Result<(), Error> {
        let Names { level, what, fewest, of } = names;
        let path = format!("holdout.level.{level}");
        for (list, names) in [("validation", self.validation.as_deref()), ("test", Some(&self.test[..]))] {
            if names.is_some_and(<[T]>::is_empty) {
                let help =
                    if list == "test" { "name at least one" } else { "name at least one, or leave it out" };
                return Err(Error::config(format!("{path}.{list}"), "nothing is named", help));
            }
        }
        let had: Vec<(&Sequences, Vec<String>)> = tasks.iter().map(|task| (task, of(task))).collect();
        let mut named = Vec::new();
        for (split, place, name) in self.all() {
            let (at, name) = (format!("{path}.{}.{place}", split.name()), name.to_string());
            if named.contains(&name) {
                return Err(Error::config(at, format!("`{name}` is named twice"), "name it once"));
            }
            let having: Vec<&Sequences> =
                had.iter().filter(|(_, names)| names.contains(&name)).map(|(task, _)| *task).collect();
            if having.is_empty() {
                let help = format!("the tasks have: {}", listed(had.iter().flat_map(|(_, names)| names)));
                return Err(Error::config(at, format!("no task has the {what} `{name}`"), help));
            }
            let mut holding = having.iter().filter(|task| task.space.bounds.terms.1 >= fewest);
            if let Some(task) = holding.clone().find(|task| task.task.train_only) {
                let message = format!(
                    "task `{}` is train_only, but has the {what} `{name}`, which is held out",
                    task.name
                );
                let help = "leave it out there, or take `train_only` from the task";
                return Err(Error::config(at, message, help));
            }
            if holding.next().is_none() {
                // Only notations are held out in long rows alone.
                let message = format!("no row of more than two terms is written in `{name}`");
                return Err(Error::config(
                    at,
                    message,
                    "give its tasks more terms, or name another notation",
                ));
            }
            named.push(name);
        }
        let trained = |(task, names): &(&Sequences, Vec<String>)| {
            task.space.bounds.terms.0 < fewest
                || names.is_empty()
                || names.iter().any(|name| !named.contains(name))
        };
        if had.iter().any(trained) {
            return Ok(());
        }
        let message = format!("every {what} is held out, and none is left to train");
        Err(Error::config(path, message, "leave one out"))
    }
}

/// Returns the names, each once: `1, 2, 3, ...`.
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut known: Vec<&str> = Vec::new();
    for name in names {
        if !known.contains(&name.as_str()) {
            known.push(name);
        }
    }
    let more = if known.len() > LISTED { ", ..." } else { "" };
    known.truncate(LISTED);
    format!("{}{more}", known.join(", "))
}

/// Refuses a task of whose notation no row is of a trained kind.
pub(super) fn untrained(level: &dyn Separation, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
    let mut same = tasks.iter().filter(|other| other.script == task.script);
    let trained = same.any(|other| {
        other.space.family.parameters().into_iter().any(|parameter| level.trains(other, parameter))
    });
    (!trained).then_some((
        "no held-out row could be answered: no trained row is written in its notation",
        "write a task that is trained in the same notation",
    ))
}

/// Makes the name of an entry of a list: an unknown one is refused where it is read, with those that there are.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $list:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub(crate) struct $name(#[schemars(extend("enum" = Self::NAMES))] &'static str);

        impl $name {
            const NAMES: &[&str] = &super::held::names::<{ $list.len() }>($list);
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str(self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                let known = Self::NAMES.iter().find(|known| **known == name);
                let unknown = || serde::de::Error::unknown_variant(&name, Self::NAMES);
                known.copied().map($name).ok_or_else(unknown)
            }
        }
    };
}
pub(super) use name;

pub(super) const fn names<const N: usize>(list: &[sequence::Entry]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut place = 0;
    while place < N {
        names[place] = list[place].name;
        place += 1;
    }
    names
}
