//! Which rows stand in which split, worked out again from the text of the definition and of the levels.
//!
//! It shares with the builder the colour of a key, and which key a unit has. Rows, windows, drops and gates are found by
//! brute force over lists of all rows.

use sequence::Key;

use super::*;

/// One row that some task makes.
#[derive(Clone)]
struct Row {
    task: usize,
    parameter: i64,
    terms: Vec<i64>,
}

/// A definition with all its rows.
struct Oracle {
    definition: Value,
    world: world::World,
    rows: Vec<Row>,
    /// The rows by task and parameter, as sets of their windows.
    windows: HashMap<(usize, i64), BTreeSet<Vec<i64>>>,
    m: usize,
}

/// Returns the terms of the rows in each split, each with the name of its task.
pub(super) fn splits(definition: &Value) -> [BTreeSet<(String, Vec<i64>)>; 3] {
    let oracle = Oracle::new(definition);
    let mut seen: BTreeSet<(String, bool, Vec<i64>)> = BTreeSet::new();
    let mut kept: [Vec<&Row>; 3] = Default::default();
    for row in &oracle.rows {
        let task = oracle.task(row.task);
        let operators = family(task).contains("addition");
        if !seen.insert((task["notation"].to_string(), operators, row.terms.clone())) {
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
        let m = match &world.level {
            Level::Window(window) => window.m.unwrap() as usize,
            _ => 2,
        };
        let mut windows: HashMap<(usize, i64), BTreeSet<Vec<i64>>> = HashMap::new();
        for row in &rows {
            let windows = windows.entry((row.task, row.parameter)).or_default();
            windows.extend(row.terms.windows(m).map(<[i64]>::to_vec));
        }
        Oracle { definition: definition.clone(), world, rows, windows, m }
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
            0 => Some(self.colour_of_row(row)),
            _ if train_only => None,
            kind => Some(kind),
        }
    }

    /// One piece, one colour; any stricter window of the row drops it.
    fn split_by_windows(&self, row: &Row, train_only: bool) -> Option<usize> {
        let colours = |window: &[i64]| self.colour(row.task, window);
        let all: Vec<usize> = row.terms.windows(self.m).map(colours).collect();
        let own: BTreeSet<usize> = match self.level() {
            _ if train_only => [0].into(),
            "window" => all.last().copied().into_iter().collect(),
            _ => all.iter().copied().collect(),
        };
        let split = own.iter().next().copied().filter(|_| own.len() == 1)?;
        (*all.iter().max().unwrap() <= split).then_some(split)
    }

    /// The strictest colour of a window under all tasks that may hold it out, pins first.
    fn colour(&self, row_of: usize, window: &[i64]) -> usize {
        for (split, list) in ["train", "validation", "test"].into_iter().enumerate() {
            for pin in self.definition["pins"][list].as_array().into_iter().flatten() {
                let terms: Vec<i64> = serde_json::from_value(pin["terms"].clone()).unwrap();
                if terms.windows(window.len()).any(|other| other == window) {
                    return split;
                }
            }
        }
        let mut strictest = 0;
        for (&(task, parameter), windows) in &self.windows {
            let text = self.task(task);
            if text["train_only"] == json!(true)
                || domain(text) != domain(self.task(row_of))
                || !windows.contains(window)
            {
                continue;
            }
            let mut seen = |under: i64, key: &Key| {
                if under == parameter {
                    strictest = strictest.max(self.world.colour(task, parameter, key) as usize);
                }
            };
            match self.level() {
                "window" => seen(parameter, &Key::Unit { family: leak(family(text)), unit: window.to_vec() }),
                _ => self.world.tasks[task].space.keys(window, &mut |under, key| seen(under, &key)),
            }
        }
        strictest
    }

    fn colour_of_row(&self, row: &Row) -> usize {
        let same = |other: &&Row| {
            other.terms == row.terms && domain(self.task(other.task)) == domain(self.task(row.task))
        };
        let colours =
            self.rows.iter().filter(same).filter(|other| self.task(other.task)["train_only"] != json!(true));
        // Of several parameters of one task the first has the row.
        let mut first = BTreeSet::new();
        let colours = colours.filter(|other| first.insert(other.task)).map(|other| {
            let key = Key::Unit { family: leak(family(self.task(other.task))), unit: row.terms.clone() };
            self.world.colour(other.task, other.parameter, &key) as usize
        });
        colours.max().unwrap()
    }

    /// No copy and no second answer.
    fn is_fair(&self, row: &Row) -> bool {
        let task = self.task(row.task);
        let context = row.terms.len() - answer(task, row.terms.len());
        let copies = row.terms[context..].iter().any(|term| row.terms[..context].contains(term));
        let operators = |task: &Value| family(task).contains("addition");
        let conflicts = self.rows.iter().any(|other| {
            let text = self.task(other.task);
            let of = other.terms.len() - answer(text, other.terms.len());
            text["notation"] == task["notation"]
                && operators(text) == operators(task)
                && of == context
                && other.terms[..of] == row.terms[..of]
                && other.terms[of..] != row.terms[of..]
        });
        (family(task) == "sort" || !copies) && !conflicts
    }
}

fn leak(text: &str) -> &'static str {
    sequence::FAMILIES.iter().find(|entry| entry.name == text).unwrap().name
}

fn family(task: &Value) -> &str {
    task["family"].as_object().unwrap().keys().next().unwrap()
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

fn length(_: &Value, terms: &[i64]) -> i64 {
    terms.len() as i64
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
    let values = if text["values"].is_null() { vec![] } else { numbers(&text["values"]) };
    let starts = if text["start"].is_null() { values.clone() } else { numbers(&text["start"]) };
    let parameters = ["step", "steps", "ratio", "ratios"].into_iter().find(|word| !rule[*word].is_null());
    let mut rows = Vec::new();
    for parameter in parameters.map_or(vec![i64::MIN], |word| numbers(&rule[word])) {
        for terms in numbers(&text["terms"]) {
            for &start in &starts {
                let next = |before: &[i64]| match family(text) {
                    "arithmetic" => before[before.len() - 1] + parameter,
                    "geometric" => before[before.len() - 1] * parameter,
                    other => panic!("{other}"),
                };
                let mut row = vec![start];
                while (row.len() as i64) < terms {
                    row.push(next(&row));
                }
                if text["values"].is_null() || row.iter().all(|term| values.contains(term)) {
                    rows.push(Row { task, parameter, terms: row });
                }
            }
        }
    }
    rows
}
