//! Which rows stand in which split, worked out again from the text of the definition and of the levels.
//!
//! It shares with the builder the assignment of a key, and which key a unit has. Rows, windows, drops and gates are found by
//! brute force over lists of all rows.

use sequence::Key;

use super::*;
use crate::levels::Level;

/// One row that some task makes.
#[derive(Clone)]
struct Row {
    task: usize,
    parameter: i64,
    terms: Vec<i64>,
}

/// The rows of a notation with the same operators, by context: all their answers.
type Answers = HashMap<(String, &'static str, Vec<i64>), BTreeSet<Vec<i64>>>;

/// A definition with all its rows.
struct Oracle {
    definition: Value,
    world: world::World,
    rows: Vec<Row>,
    /// What the rows of each task and parameter hold out, in the one order in which it is compared.
    pieces: HashMap<(usize, i64), BTreeSet<Vec<i64>>>,
    answers: Answers,
}

/// Returns the terms of the rows in each split, each with the name of its task.
pub(super) fn splits(definition: &Value) -> [BTreeSet<(String, Vec<i64>)>; 3] {
    let oracle = Oracle::new(definition);
    let mut seen: BTreeSet<(String, &str, Vec<i64>)> = BTreeSet::new();
    let mut kept: [Vec<&Row>; 3] = Default::default();
    for row in &oracle.rows {
        let task = oracle.task(row.task);
        if !seen.insert((task["notation"].to_string(), operators(task), row.terms.clone())) {
            continue;
        }
        if let Some(split) = oracle.split(row)
            && (split == 0 || oracle.level() == "random" || oracle.is_fair(row))
        {
            kept[split].push(row);
        }
    }
    let mut targets: HashMap<(String, String), u64> = HashMap::new();
    for row in &kept[0] {
        let task = oracle.task(row.task);
        for token in row.terms[1..].iter().flat_map(|&term| tokens(task, term)) {
            *targets.entry((task["notation"].to_string(), token)).or_default() += 1;
        }
    }
    let least = definition["holdout"]["min_seen"].as_u64().unwrap_or(3);
    let answerable = |row: &&Row| {
        let task = oracle.task(row.task);
        let seen = |token| targets.get(&(task["notation"].to_string(), token)).is_some_and(|&n| n >= least);
        let answer = row.terms.len() - answer(task, row.terms.len());
        least == 0 || row.terms[answer..].iter().all(|&term| tokens(task, term).into_iter().all(seen))
    };
    if oracle.level() != "random" {
        kept[1..].iter_mut().for_each(|rows| rows.retain(answerable));
    }
    kept.map(|rows| rows.into_iter().map(|row| (oracle.name(row.task), row.terms.clone())).collect())
}

impl Oracle {
    fn new(definition: &Value) -> Oracle {
        let (_, world) = world(definition.clone());
        let tasks = definition["tasks"].as_object().unwrap();
        let rows: Vec<Row> = tasks.values().enumerate().flat_map(|(task, text)| rows(task, text)).collect();
        let (pieces, answers) = (HashMap::new(), HashMap::new());
        let mut oracle = Oracle { definition: definition.clone(), world, rows, pieces, answers };
        let mut pieces: HashMap<(usize, i64), BTreeSet<Vec<i64>>> = HashMap::new();
        let mut answers: Answers = HashMap::new();
        for row in &oracle.rows {
            let task = oracle.task(row.task);
            let held = match oracle.shape(row.task) {
                "window" => windows("window", oracle.m(), &row.terms),
                _ => oracle.own(row.task, &row.terms),
            };
            pieces.entry((row.task, row.parameter)).or_default().extend(held);
            let context = row.terms.len() - answer(task, row.terms.len());
            let asked = (task["notation"].to_string(), operators(task), row.terms[..context].to_vec());
            answers.entry(asked).or_default().insert(row.terms[context..].to_vec());
        }
        (oracle.pieces, oracle.answers) = (pieces, answers);
        oracle
    }

    fn m(&self) -> usize {
        match &self.world.level {
            Level::Window(window) => window.m.unwrap() as usize,
            _ => 2,
        }
    }

    /// What rows of the task hold out.
    fn shape(&self, task: usize) -> &'static str {
        match family(self.task(task)) {
            _ if self.level() == "window" => "window",
            "addition" | "modular_addition" => "unordered",
            "sort" => "multiset",
            _ => "pair",
        }
    }

    /// What the split of a row hangs on.
    fn own(&self, task: usize, terms: &[i64]) -> Vec<Vec<i64>> {
        match self.shape(task) {
            "window" => vec![terms[terms.len() - self.m()..].to_vec()],
            "unordered" => windows("unordered", 2, &terms[..2]),
            "multiset" => windows("multiset", terms.len() / 2, &terms[..terms.len() / 2]),
            _ => windows("pair", 2, terms),
        }
    }

    /// Everything in the terms that has the shape of what some task holds out.
    fn foreign(&self, terms: &[i64]) -> BTreeSet<(&'static str, Vec<i64>)> {
        let tasks = self.definition["tasks"].as_object().unwrap();
        let all = tasks.values().enumerate().flat_map(|(task, text)| {
            let shape = self.shape(task);
            let widths = match shape {
                "multiset" => numbers(&text["terms"]).into_iter().map(|terms| terms as usize / 2).collect(),
                "window" => vec![self.m()],
                _ => vec![2],
            };
            let found = widths.into_iter().flat_map(move |width| windows(shape, width, terms));
            found.map(move |window| (shape, window))
        });
        all.collect()
    }

    fn level(&self) -> &str {
        self.world.level.name()
    }

    fn task(&self, task: usize) -> &Value {
        self.definition["tasks"].as_object().unwrap().values().nth(task).unwrap()
    }

    fn name(&self, task: usize) -> String {
        self.definition["tasks"].as_object().unwrap().keys().nth(task).unwrap().clone()
    }

    /// The split of a row before the gates, or nothing if it is dropped.
    fn split(&self, row: &Row) -> Option<usize> {
        let task = self.task(row.task);
        let train_only = task["train_only"] == json!(true);
        let held = &self.definition["holdout"]["level"][self.level()];
        let named = |value: &Value| {
            let is = |list: &str| held[list].as_array().is_some_and(|names| names.contains(value));
            if is("test") { 2 } else { usize::from(is("validation")) }
        };
        let from = |measure: i64| {
            let at = |list: &str| held[list].as_i64().is_some_and(|least| measure >= least);
            if at("test") { 2 } else { usize::from(at("validation")) }
        };
        let (kind, shared) = match self.level() {
            "random" => (0, true),
            "window" | "transition" => return self.split_by_windows(row, train_only),
            "step" => (named(&json!(row.parameter)), true),
            "family" => (named(&json!(family(task))), true),
            "range" => (from(*row.terms.iter().max().unwrap()), true),
            "length" => (from(length(task, &row.terms)), true),
            "notation" => {
                let held = named(&json!(notation(task)));
                (if row.terms.len() > 2 { held } else { 0 }, held == 0)
            }
            other => panic!("{other}"),
        };
        match kind {
            0 if train_only || !shared => Some(0),
            0 => Some(self.assignment_of_row(row)),
            _ if train_only => None,
            kind => Some(kind),
        }
    }

    /// One piece, one assignment; any stricter window of the row drops it.
    fn split_by_windows(&self, row: &Row, train_only: bool) -> Option<usize> {
        let (shape, own) = (self.shape(row.task), self.own(row.task, &row.terms));
        let own: BTreeSet<usize> = own.iter().map(|piece| self.assignment(row.task, shape, piece)).collect();
        let own = if train_only { [0].into() } else { own };
        let split = own.iter().next().copied().filter(|_| own.len() == 1)?;
        let mut foreign = self.foreign(&row.terms).into_iter();
        foreign.all(|(shape, window)| self.assignment(row.task, shape, &window) <= split).then_some(split)
    }

    /// The strictest assignment of a piece under all tasks that may hold it out, pins first.
    fn assignment(&self, row_of: usize, shape: &str, piece: &[i64]) -> usize {
        for (split, list) in ["train", "validation", "test"].into_iter().enumerate() {
            for pin in self.definition["pins"][list].as_array().into_iter().flatten() {
                let terms: Vec<i64> = serde_json::from_value(pin["terms"].clone()).unwrap();
                if self.foreign(&terms).iter().any(|(other, window)| *other == shape && window == piece) {
                    return split;
                }
            }
        }
        let mut strictest = 0;
        for (&(task, parameter), pieces) in &self.pieces {
            let text = self.task(task);
            if text["train_only"] == json!(true)
                || domain(text) != domain(self.task(row_of))
                || self.shape(task) != shape
                || !pieces.contains(piece)
            {
                continue;
            }
            let mut seen = |under: i64, key: &Key| {
                if under == parameter {
                    strictest = strictest.max(self.world.assigned(task, parameter, key) as usize);
                }
            };
            match shape {
                "window" => seen(parameter, &Key::Unit { family: leak(family(text)), unit: piece.to_vec() }),
                _ => self.world.tasks[task].space.keys(piece, &mut |under, key| seen(under, &key)),
            }
        }
        strictest
    }

    fn assignment_of_row(&self, row: &Row) -> usize {
        let same = |other: &&Row| {
            other.terms == row.terms && domain(self.task(other.task)) == domain(self.task(row.task))
        };
        let assignments =
            self.rows.iter().filter(same).filter(|other| self.task(other.task)["train_only"] != json!(true));
        // Of several parameters of one task the first has the row.
        let mut first = BTreeSet::new();
        let assignments = assignments.filter(|other| first.insert(other.task)).map(|other| {
            let key = Key::Unit { family: leak(family(self.task(other.task))), unit: row.terms.clone() };
            self.world.assigned(other.task, other.parameter, &key) as usize
        });
        assignments.max().unwrap()
    }

    /// No copy and no second answer.
    fn is_fair(&self, row: &Row) -> bool {
        let task = self.task(row.task);
        let context = row.terms.len() - answer(task, row.terms.len());
        let copies = row.terms[context..].iter().any(|term| row.terms[..context].contains(term));
        let asked = (task["notation"].to_string(), operators(task), row.terms[..context].to_vec());
        let conflicts = self.answers[&asked].len() > 1;
        (family(task) == "sort" || !copies) && !conflicts
    }
}

/// All windows of a width, in the one order in which they are compared.
fn windows(shape: &str, width: usize, terms: &[i64]) -> Vec<Vec<i64>> {
    let mut windows: Vec<Vec<i64>> = terms.windows(width).map(<[i64]>::to_vec).collect();
    if shape == "unordered" || shape == "multiset" {
        windows.iter_mut().for_each(|window| window.sort_unstable());
    }
    windows
}

fn operators(task: &Value) -> &'static str {
    match family(task) {
        "addition" | "modular_addition" => "PLUS EQUALS",
        "sort" => "MID",
        _ => "",
    }
}

fn leak(text: &str) -> &'static str {
    sequence::FAMILIES.iter().find(|entry| entry.name == text).unwrap().name
}

fn family(task: &Value) -> &str {
    task["family"].as_str().unwrap_or_else(|| task["family"].as_object().unwrap().keys().next().unwrap())
}

fn notation(task: &Value) -> &str {
    task["notation"].as_str().unwrap_or_else(|| task["notation"].as_object().unwrap().keys().next().unwrap())
}

fn domain(task: &Value) -> &str {
    match notation(task) {
        "numeral" | "digits" | "words" => "integer",
        other => other,
    }
}

/// How many of the terms are the answer.
fn answer(task: &Value, terms: usize) -> usize {
    if family(task) == "sort" { terms / 2 } else { 1 }
}

fn length(task: &Value, terms: &[i64]) -> i64 {
    match family(task) {
        "addition" => terms[0].max(terms[1]).to_string().len() as i64,
        _ => terms.len() as i64,
    }
}

/// The tokens of a value, as text.
fn tokens(task: &Value, term: i64) -> Vec<String> {
    let width = task["notation"]["digits"]["width"].as_u64().unwrap_or(0) as usize;
    match notation(task) {
        "digits" => format!("{term:0>width$}").chars().map(String::from).collect(),
        _ => vec![term.to_string()],
    }
}

fn numbers(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(list) => list.iter().map(|number| number.as_i64().unwrap()).collect(),
        Value::Object(range) => (range["min"].as_i64().unwrap()..=range["max"].as_i64().unwrap()).collect(),
        Value::Null => vec![i64::MIN],
        number => vec![number.as_i64().unwrap()],
    }
}

/// All rows of a task, by walking from every start.
fn rows(task: usize, text: &Value) -> Vec<Row> {
    let rule = &text["family"][family(text)];
    let natural = match family(text) {
        "modular" | "modular_addition" => 0..rule["modulus"].as_i64().unwrap(),
        "cyclic" => 1..13,
        "addition" => 0..10_i64.pow(rule["digits"].as_u64().unwrap() as u32),
        _ => 0..0,
    };
    let starts = ["start", "values"].into_iter().find(|word| !text[*word].is_null());
    let starts = starts.map_or(natural.clone().collect(), |word| numbers(&text[word]));
    let values = if text["values"].is_null() { None } else { Some(numbers(&text["values"])) };
    let parameters = ["step", "steps", "ratio", "ratios"].into_iter().find(|word| !rule[*word].is_null());
    let lengths = if text["terms"].is_null() { vec![3] } else { numbers(&text["terms"]) };
    let mut rows = Vec::new();
    for parameter in parameters.map_or(vec![i64::MIN], |word| numbers(&rule[word])) {
        for &terms in &lengths {
            for begin in begins(family(text), &starts, terms as usize) {
                let mut row = begin;
                if family(text) == "sort" {
                    let mut sorted = row.clone();
                    sorted.sort_unstable();
                    row.extend(sorted);
                }
                while row.len() < terms as usize {
                    row.push(next(family(text), rule, parameter, &row));
                }
                let distinct = family(text) != "sort"
                    || rule["repeats"] == json!(true)
                    || row[..row.len() / 2].iter().collect::<BTreeSet<_>>().len() == row.len() / 2;
                if distinct
                    && values.as_ref().is_none_or(|values| row.iter().all(|term| values.contains(term)))
                {
                    rows.push(Row { task, parameter, terms: row });
                }
            }
        }
    }
    rows
}

/// The terms that a row may begin with.
fn begins(family: &str, starts: &[i64], terms: usize) -> Vec<Vec<i64>> {
    let free = match family {
        "fibonacci" | "addition" | "modular_addition" => 2,
        "sort" => terms / 2,
        _ => 1,
    };
    let longer = |begins: Vec<Vec<i64>>| -> Vec<Vec<i64>> {
        let more = |begin: &Vec<i64>| {
            starts.iter().map(|start| [&begin[..], &[*start]].concat()).collect::<Vec<_>>()
        };
        begins.iter().flat_map(more).collect()
    };
    (0..free).fold(vec![vec![]], |begins, _| longer(begins))
}

fn next(family: &str, rule: &Value, parameter: i64, before: &[i64]) -> i64 {
    let last = before[before.len() - 1];
    let modulus = rule["modulus"].as_i64().unwrap_or(1);
    match family {
        "arithmetic" => last + parameter,
        "geometric" => last * parameter,
        "fibonacci" => before[before.len() - 2] + last,
        "modular" if rule["ratios"].is_null() => (last + parameter) % modulus,
        "modular" => last * parameter % modulus,
        "cyclic" => (last - 1 + parameter) % 12 + 1,
        "addition" => before[0] + before[1],
        "modular_addition" => (before[0] + before[1]) % modulus,
        other => panic!("{other}"),
    }
}
