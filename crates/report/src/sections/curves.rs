//! Learning curves of every seed, thinned to what a screen can show.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::{Ceiling, Training};
use maud::{Markup, html};

use crate::Error;
use crate::figure::{Csv, Figure, cell};
use crate::log::{Log, log};
use crate::number::{counted, maybe_share, significant};
use crate::plot::{Axis, Panel, level};
use crate::point::Point;
use crate::scores::Ceilings;
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "curves",
    title: "Learning curves",
    table: "training",
    // Points of a line.
    limit: Limit { most: 150, all: 600, least: 10 },
    build,
    script: include_str!("../script/curves.js"),
};

/// A value of the log: its name and column, whether it is a loss, and where it stands.
type Value = (&'static str, &'static str, bool, fn(&Training) -> Option<f32>);

const VALUES: [Value; 4] = [
    ("Accuracy, train", "train_accuracy", false, |row| row.train_accuracy),
    ("Accuracy, validation", "validation_accuracy", false, |row| row.validation_accuracy),
    ("Loss, train", "train_loss", true, |row| row.train_loss),
    ("Loss, validation", "validation_loss", true, |row| row.validation_loss),
];

fn build(point: &Point<'_>, points: usize) -> Result<Option<Markup>, Error> {
    let log = log(point.source)?;
    if log.is_empty() {
        return Ok(None);
    }
    let shown: BTreeMap<i32, Vec<&Training>> =
        log.iter().map(|(&seed, rows)| (seed, thin(rows, points))).collect();
    let most = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let (logged, drawn) = (most(&mut log.values().map(Vec::len)), most(&mut shown.values().map(Vec::len)));
    let seeds: Vec<i32> = shown.keys().copied().collect();
    let figure = Figure {
        kind: "curves",
        caption: html! {
            "What the training logged of " (counted(seeds.len() as i64, "seed")) ", a line each"
            @if drawn < logged {
                "; of up to " (logged) " logged steps " (drawn) " are drawn, evenly chosen, nothing averaged (all of them: " code { "training.parquet" } ")"
            }
            ". Accuracy is the share of rows whose every answer token is the likeliest; loss is in nats a token."
        },
        picture: html! {
            div.panels { @for value in &VALUES { (panel(value, &shown, &point.ceilings)) } }
            (chooser(&seeds))
        },
        legend: vec![(
            html! { line.line x1="0" x2="100%" y1="7" y2="7" {} },
            "one seed; the pointer or the arrow keys read the values of all".to_owned(),
        )],
        data: data(&shown),
    };
    Ok(Some(html! { (point.figures.show(figure)) (last(&log)) }))
}

/// Returns a button a seed, which a script makes useful.
pub(crate) fn chooser(seeds: &[i32]) -> Markup {
    html! {
        @if seeds.len() > 1 {
            p.seeds data-seeds hidden { "Seed " @for seed in seeds { button type="button" aria-pressed="false" value=(seed) { (seed) } } }
        }
    }
}

fn panel(
    (name, column, loss, pick): &Value,
    shown: &BTreeMap<i32, Vec<&Training>>,
    ceilings: &[Ceiling],
) -> Markup {
    let lines: Vec<(i32, Vec<(f64, f64)>)> =
        shown.iter().map(|(&seed, rows)| (seed, line(rows, *pick))).collect();
    let values = || lines.iter().flat_map(|(_, xy)| xy.iter().map(|(_, value)| *value));
    if values().next().is_none() {
        return html! {};
    }
    let (least, greatest) = values()
        .filter(|value| *value > 0.0)
        .fold((f64::MAX, 0.0), |(low, high), value| (value.min(low), value.max(high)));
    let log = *loss && greatest / least > 20.0;
    let y = match (loss, log) {
        (false, _) => Axis::SHARE,
        (true, true) => Axis::over(values(), true),
        (true, false) => Axis::over(values().chain([0.0]), false),
    };
    let steps = shown.values().flatten().map(|row| row.step as f64);
    let about =
        format!("{name} against the step, one line for each of {}", counted(lines.len() as i64, "seed"));
    let panel = Panel {
        title: name,
        about: &about,
        x: Axis::over(steps.chain([0.0]), false),
        x_name: "optimizer step",
        x_ticks: Vec::new(),
        y,
        y_name: if *loss { "nats a token" } else { "share of rows" },
        height: 160.0,
    };
    let ceiling =
        Ceilings::pick(ceilings, "validation", "").u_best.filter(|_| *column == "validation_accuracy");
    panel.draw(&html! {
        @if let Some((value, table)) = ceiling {
            g data-tip={ "best look-up table, U_best (" (table) "): " (maybe_share(Some(value))) } { (level("u-best", (0.0, 100.0), panel.down(value))) (level("hit", (0.0, 100.0), panel.down(value))) }
            text.end x="100%" y=(panel.down(value) - 5.0) { "best look-up table" }
        }
        g data-column=(column) { (panel.lines(&html! {
            @for (seed, xy) in &lines { path.line data-seed=(seed) d=(panel.path(xy.iter().copied())) {} }
        })) }
    })
}

fn line(rows: &[&Training], pick: fn(&Training) -> Option<f32>) -> Vec<(f64, f64)> {
    rows.iter().filter_map(|row| Some((row.step as f64, significant(f64::from(pick(row)?), 3)?))).collect()
}

/// Returns the data of some rows of the log.
pub(crate) fn data(shown: &BTreeMap<i32, Vec<&Training>>) -> Csv {
    let columns: Vec<&str> =
        ["seed", "step"].into_iter().chain(VALUES.map(|(_, column, ..)| column)).collect();
    let mut csv = Csv::new(&columns);
    for (seed, rows) in shown {
        for row in rows {
            let value =
                |(.., pick): Value| cell(pick(row).and_then(|value| significant(f64::from(value), 3)));
            csv.line([seed.to_string(), row.step.to_string()].into_iter().chain(VALUES.map(value)));
        }
    }
    csv
}

fn last(log: &Log) -> Markup {
    html! {
        details { summary { "Last logged values as a table" }
            div.scroll { table {
                thead { tr { th.n scope="col" { "Seed" } th.n scope="col" { "Step" } @for (name, ..) in VALUES { th.n scope="col" { (name) } } } }
                tbody { @for (seed, rows) in log { @if let Some(row) = rows.last() { tr {
                    th.n scope="row" { (seed) } td.n { (row.step) }
                    @for (.., pick) in VALUES { td.n { (maybe_share(rows.iter().rev().find_map(pick).map(f64::from))) } }
                } } } }
            } }
        }
    }
}

/// Picks about `points` of `rows`: half of them evenly from all, half from those that were validated, which may be few;
/// the first and the last are among them.
fn thin(rows: &[Training], points: usize) -> Vec<&Training> {
    if rows.len() <= points.max(2) {
        return rows.iter().collect();
    }
    let validated: Vec<usize> =
        (0..rows.len()).filter(|&index| rows[index].validation_accuracy.is_some()).collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    let chosen: BTreeSet<usize> =
        evenly(&all, points.div_ceil(2)).into_iter().chain(evenly(&validated, points / 2)).collect();
    chosen.into_iter().map(|index| &rows[index]).collect()
}

/// Picks at most `points` of `all`, evenly by index, the first and the last among them.
fn evenly(all: &[usize], points: usize) -> Vec<usize> {
    if all.len() <= points.max(2) {
        return all.to_vec();
    }
    let last = points.max(2) - 1;
    (0..=last).map(|index| all[index * (all.len() - 1) / last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let all: Vec<usize> = (0..1000).collect();
        let some = evenly(&all, 100);
        assert_eq!((some.len(), some[0], some[99]), (100, 0, 999));
        assert!(some.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(evenly(&all[..5], 100), all[..5]);
        assert_eq!(evenly(&all, 0), [0, 999]);
    }
}
