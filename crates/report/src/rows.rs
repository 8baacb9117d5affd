//! Shares of rows answered right, line by line on one axis from 0 to 1: every seed beside what memorising alone would get.

use maud::{Markup, html};

use crate::figure::{Csv, cell, text};
use crate::number::share;
use crate::plot::{Axis, hundredths, level, mark, upright};
use crate::verdict::tone;

/// What one seed got, or all over seeds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dot {
    /// The seed, or `OVER_SEEDS`.
    pub seed: i32,
    pub label: String,
    /// The evaluator's word for it; empty over seeds.
    pub outcome: String,
    pub value: f64,
    /// The ends of its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// With its interval, as text.
    pub text: String,
}

/// What a share is to be read beside.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Marks {
    /// Best look-up table, and its name.
    pub u_best: Option<(f64, String)>,
    /// What at least one look-up table gets.
    pub u_union: Option<f64>,
    /// Best shallow table, and its name.
    pub s_best: Option<(f64, String)>,
    pub untrained: Option<f64>,
    pub oracle: Option<f64>,
    /// What others published.
    pub published: Vec<f64>,
}

impl Marks {
    /// Returns class, value and meaning of each.
    pub(crate) fn all(&self) -> Vec<(&'static str, f64, String)> {
        let named = |mark: &Option<(f64, String)>, words: &str| {
            mark.as_ref().map(|(value, name)| (*value, format!("{words} ({name})")))
        };
        let plain = |value: Option<f64>, words: &str| value.map(|value| (value, words.to_owned()));
        let known = [
            ("u-best", named(&self.u_best, "best look-up table, U_best")),
            ("u-union", plain(self.u_union, "rows that any look-up table gets, U_union")),
            ("s-best", named(&self.s_best, "best shallow table, S_best")),
            ("control", plain(self.untrained, "untrained model")),
            ("control", plain(self.oracle, "the rule itself (oracle)")),
        ];
        let known =
            known.into_iter().filter_map(|(class, mark)| mark.map(|(value, words)| (class, value, words)));
        let published =
            self.published.iter().map(|value| ("published", *value, "published by others".to_owned()));
        known.chain(published).collect()
    }
}

/// One line of the figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub name: String,
    /// Where more of it stands in the page.
    pub link: Option<String>,
    /// The verdict in two or three words, and the class of its colour.
    pub headline: String,
    pub tone: &'static str,
    pub dots: Vec<Dot>,
    /// Over seeds; nothing where they disagree.
    pub mean: Option<Dot>,
    /// What stands in place of a mean of seeds that disagree.
    pub counted: Option<String>,
    pub marks: Marks,
}

impl Row {
    /// Returns what came out over seeds.
    pub(crate) fn text(&self) -> String {
        match (&self.counted, &self.mean) {
            (Some(counted), _) => counted.clone(),
            (None, Some(mean)) => mean.text.clone(),
            (None, None) => String::new(),
        }
    }
}

/// Returns the mark of a seed: shapes differ as colours do, for whoever sees none.
pub(crate) fn dot(dot: &Dot, (x, y): (f64, f64), said: &str) -> Markup {
    let shape = match dot.outcome.as_str() {
        "memory" | "control_failed" => 1,
        "not_inferred" | "not_transferred" => 2,
        "partly" => 3,
        "not_measurable" | "leaky_control" => 4,
        _ => 0,
    };
    mark(shape, x, y, &class(dot), said)
}

/// Returns the class of a seed's colour.
pub(crate) fn class(dot: &Dot) -> String {
    if dot.outcome == "not_fitted" {
        "seed hollow".to_owned()
    } else {
        format!("seed {}", tone(&dot.outcome))
    }
}

/// Returns the keys of the marks and of the outcomes that a figure has.
pub(crate) fn legend(rows: &[Row]) -> Vec<(Markup, String)> {
    let mut legend = Vec::new();
    let mut words = Vec::new();
    for dot_ in rows.iter().flat_map(|row| &row.dots) {
        if !words.contains(&&dot_.outcome) {
            words.push(&dot_.outcome);
            let outcome = if dot_.outcome.is_empty() {
                String::new()
            } else {
                format!(": {}", dot_.outcome.replace('_', " "))
            };
            legend.push((dot(dot_, (50.0, 7.0), ""), format!("a seed{outcome}")));
        }
    }
    if rows.iter().any(|row| row.mean.is_some()) {
        let key = html! { (level("whisker mean", (0.0, 100.0), 7.0)) (mark(3, 50.0, 7.0, "mean", "")) };
        legend.push((key, "over seeds, with its 95 % interval".to_owned()));
    }
    let mut seen = Vec::new();
    for (class, value, words) in rows.iter().flat_map(|row| row.marks.all()) {
        // One line alone has its values in the legend, several have them on each mark.
        let words = match rows {
            [_] => format!("{words}: {}", share(value)),
            _ => words.split(" (").next().unwrap_or_default().to_owned(),
        };
        if !seen.contains(&(class, words.clone())) {
            seen.push((class, words.clone()));
            let zone = html! { @if class == "u-best" { rect.zone width="50%" height="14" {} } };
            legend.push((html! { (zone) (upright(class, 50.0, (0.0, 14.0))) }, words));
        }
    }
    legend
}

/// Returns the picture: each line with its name, what came out over seeds, and the seeds on the axis.
pub(crate) fn picture(rows: &[Row], about: &str) -> Markup {
    let mut top = 0.0;
    let mut placed = Vec::new();
    for row in rows {
        // Seeds stand beneath each other, so that equal ones do not hide each other.
        let strip = (10.0 + 5.0 * row.dots.len() as f64).clamp(20.0, 64.0);
        let head = if row.headline.is_empty() { 18.0 } else { 34.0 };
        placed.push((row, top, head, strip));
        top += head + strip + 14.0;
    }
    // What is called an image cannot hold links.
    let role = if rows.iter().any(|row| row.link.is_some()) { "group" } else { "img" };
    html! {
        div.panel.wide {
            svg height=(top + 36.0) role=(role) aria-label=(about) {
                @for (row, top, head, strip) in placed {
                    (line(row, top, head, strip))
                }
                (scale(top, "share of held-out rows answered right"))
            }
        }
    }
}

/// Returns the labels of an axis from 0 to 1.
pub(crate) fn scale(top: f64, name: &str) -> Markup {
    html! {
        @for value in [0.0, 0.25, 0.5, 0.75, 1.0] {
            @let class = if value == 0.0 { "start" } else if value == 1.0 { "end" } else { "middle" };
            text class=(class) x={ (100.0 * value) "%" } y=(top + 8.0) { (value) }
        }
        text.end x="100%" y=(top + 28.0) { (name) }
    }
}

fn line(row: &Row, top: f64, head: f64, strip: f64) -> Markup {
    let (from, to) = (top + head, top + head + strip);
    let name = html! { text.name x="0" y=(top + 13.0) { (short(&row.name)) } };
    html! {
        @if let Some(link) = &row.link { a href=(link) { (name) } } @else { (name) }
        text.name.end x="100%" y=(top + 13.0) { (row.text()) }
        @if !row.headline.is_empty() { text class={ "tone " (row.tone) } x="0" y=(top + 29.0) { (row.headline) } }
        (track(&row.marks, (from, to), &row.name))
        @for (index, seed) in row.dots.iter().enumerate() {
            @let y = hundredths(from + strip * (index as f64 + 1.0) / (row.dots.len() as f64 + 1.0));
            @let x = Axis::SHARE.at(seed.value);
            @if let (Some((low, high)), true) = (seed.interval, row.dots.len() <= 12) {
                (level(&format!("whisker {}", class(seed)), (Axis::SHARE.at(low), Axis::SHARE.at(high)), y))
            }
            (dot(seed, (x, y), &said(&row.name, seed)))
        }
        @if let Some(mean) = &row.mean {
            @let y = to + 5.0;
            @if let Some((low, high)) = mean.interval {
                (level("whisker mean", (Axis::SHARE.at(low), Axis::SHARE.at(high)), y))
            }
            (mark(3, Axis::SHARE.at(mean.value), y, "mean", &said(&row.name, mean)))
        }
    }
}

/// Returns what lies behind the dots: the axis, shaded up to the best look-up table, and the marks.
pub(crate) fn track(marks: &Marks, (from, to): (f64, f64), name: &str) -> Markup {
    html! {
        rect.track x="0" y=(from) width="100%" height=(to - from) {}
        @if let Some((value, _)) = &marks.u_best {
            rect.zone x="0" y=(from) width={ (Axis::SHARE.at(*value)) "%" } height=(to - from) {}
        }
        @for x in [25.0, 50.0, 75.0] { (upright("grid", x, (from, to))) }
        @for (class, value, words) in marks.all() {
            @let x = Axis::SHARE.at(value);
            g data-tip={ (before(name)) (words) ": " (share(value)) } {
                (upright(class, x, (from - 3.0, to)))
                (upright("hit", x, (from - 3.0, to)))
            }
        }
    }
}

fn before(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}, ") }
}

fn said(row: &str, dot: &Dot) -> String {
    let outcome =
        if dot.outcome.is_empty() { String::new() } else { format!(", {}", dot.outcome.replace('_', " ")) };
    format!("{}{}: {}{outcome}", before(row), dot.label, dot.text)
}

fn short(name: &str) -> String {
    if name.chars().count() <= 34 { name.to_owned() } else { name.chars().take(33).chain(['…']).collect() }
}

/// Adds the data of a row behind `cells`: a line a seed, the mean and each mark.
pub(crate) fn record(csv: &mut Csv, cells: &[String], row: &Row) {
    let mut line = |what: &str, outcome: &str, value: f64, interval: Option<(f64, f64)>| {
        let (low, high) = interval.unzip();
        let rest = [text(what), text(outcome), cell(Some(value)), cell(low), cell(high)];
        csv.line(cells.iter().map(|cell| text(cell)).chain(rest));
    };
    for dot in row.dots.iter().chain(&row.mean) {
        line(&dot.label, &dot.outcome, dot.value, dot.interval);
    }
    for (_, value, words) in row.marks.all() {
        line(&words, "", value, None);
    }
}

/// The columns of [`record`] behind those of the figure.
pub(crate) const COLUMNS: [&str; 5] = ["what", "outcome", "value", "low", "high"];

/// Returns the data of all rows, named by one column.
pub(crate) fn data(column: &str, rows: &[Row]) -> Csv {
    let mut csv = Csv::new(&[&[column], COLUMNS.as_slice()].concat());
    rows.iter().for_each(|row| record(&mut csv, std::slice::from_ref(&row.name), row));
    csv
}
