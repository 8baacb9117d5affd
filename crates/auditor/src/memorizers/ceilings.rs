//! What memorising alone scores: the ceilings that every score is read beside.

use std::collections::BTreeMap;

use artifact::tables::Ceiling;

use super::given::Given;
use super::memorizer::Class;

/// Counts right answers: by split and task, over all tasks where the task is empty.
#[derive(Default)]
pub(crate) struct Ceilings {
    groups: BTreeMap<(usize, u64), Group>,
    /// Rows that some memory solves, by (split, row).
    solved: BTreeMap<usize, Vec<bool>>,
}

#[derive(Default)]
struct Group {
    split: String,
    task: String,
    /// By memoriser, the simplest first, and view: its name and class, how many answers, how many of them right.
    counts: BTreeMap<(usize, &'static str), (&'static str, Class, i64, i64)>,
    union: i64,
}

impl Ceilings {
    /// Counts one answer to a row of a task, given by its key and its name.
    pub(crate) fn add(&mut self, given: &Given<'_>, (task, name): (u64, &str)) {
        let memorizer = given.memorizer;
        let (split, row) = given.place;
        let solved = self.solved.entry(split).or_default();
        solved.resize(solved.len().max(row + 1), false);
        let newly = memorizer.class == Class::Memory && given.correct && !solved[row];
        solved[row] |= newly;
        let all = (!name.is_empty()).then_some((0, ""));
        for (task, name) in all.into_iter().chain([(task, name)]) {
            let group = self.groups.entry((split, task)).or_insert_with(|| Group {
                split: given.split.to_owned(),
                task: name.to_owned(),
                ..Group::default()
            });
            let key = (given.rank, given.view);
            let (.., answers, right) =
                group.counts.entry(key).or_insert((memorizer.name, memorizer.class, 0, 0));
            *answers += 1;
            *right += i64::from(given.correct);
            group.union += i64::from(newly);
        }
    }

    /// Returns `u_best`, `u_union` and `s_best` for every split, over all tasks and task by task. Of equal baselines the
    /// simplest is named.
    pub(crate) fn finish(self) -> Vec<Ceiling> {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by(|a, b| (&a.split, &a.task).cmp(&(&b.split, &b.task)));
        groups.iter().flat_map(Group::ceilings).collect()
    }
}

impl Group {
    fn ceilings(&self) -> [Ceiling; 3] {
        let n = self.counts.values().map(|(.., answers, _)| *answers).max().unwrap_or(0);
        let ceiling = |metric: &str, (memorizer, view): (&str, &str), solved: i64| Ceiling {
            split: self.split.clone(),
            task: self.task.clone(),
            metric: metric.to_owned(),
            memorizer: memorizer.to_owned(),
            view: view.to_owned(),
            value: solved as f64 / n.max(1) as f64,
            n,
        };
        let best = |class: Class| {
            let of_class = self.counts.iter().filter(|(_, (_, found, ..))| *found == class);
            let best = of_class.max_by_key(|(key, (.., right))| (*right, std::cmp::Reverse(**key)));
            best.map_or((("", ""), 0), |((_, view), (name, .., right))| ((*name, *view), *right))
        };
        let ((memory, most), (shallow, shallow_most)) = (best(Class::Memory), best(Class::Shallow));
        [
            ceiling("u_best", memory, most),
            ceiling("u_union", ("", ""), self.union),
            ceiling("s_best", shallow, shallow_most),
        ]
    }
}
