//! When the train rows were learned, and when the validation rows: both accuracies against the logarithm of the step.
//!
//! `t_mem`, `t_gen` and what lies between them are rows of `scores`; nothing is read off the curves here.

use std::collections::BTreeMap;

use artifact::tables::Training;
use maud::{Markup, html};

use crate::Error;
use crate::figure::{Csv, Figure, cell, text};
use crate::log::{Log, log};
use crate::number::{count, counted, significant};
use crate::plot::{Axis, Panel, level, mark, upright};
use crate::point::{Answer, Point};
use crate::published::Metric;
use crate::scores::{Estimate, OVER_SEEDS};
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "learned",
    title: "When train and validation rows were learned",
    table: "training",
    // Points of a line.
    limit: Limit { most: POINTS, all: 8 * POINTS, least: 8 },
    build,
    script: "",
};

/// Points of a line at most.
pub(crate) const POINTS: usize = 60;

fn build(point: &Point<'_>, points: usize) -> Result<Option<Markup>, Error> {
    let steps = Steps { point, seeds: point.seeds(), log: log(point.source)?, points };
    if !steps.there() {
        return Ok(None);
    }
    let figure =
        if point.answer == Answer::Learned { None } else { compared(std::slice::from_ref(point), points)? };
    Ok(Some(html! {
        p.note {
            "T" sub { "mem" } " and T" sub { "gen" } " are the first logged steps with train and with validation accuracy at the threshold or above. They came "
            "after the logged step before, which stands in brackets: the log (" code { "evaluate_every" } ") knows no step between."
        }
        @if let Some(figure) = figure { (point.figures.show(figure)) }
        details { summary { "T_mem and T_gen of every seed as a table" } (steps.table()) }
    }))
}

/// Returns a picture for each point, on one axis, of lines with at most `most` points; `None` where one has no such steps.
pub(crate) fn compared(points: &[Point<'_>], most: usize) -> Result<Option<Figure>, Error> {
    let of_point = |point| Ok(Steps { point, seeds: point.seeds(), log: log(point.source)?, points: most });
    let all: Vec<Steps<'_>> = points.iter().map(of_point).collect::<Result<_, Error>>()?;
    if all.iter().any(|steps| !steps.there()) {
        return Ok(None);
    }
    let logged = all.iter().flat_map(|steps| steps.log.values().flatten().map(|row| row.step as f64));
    let published = all.iter().flat_map(|steps| steps.published().into_iter().map(|(_, step, _)| step));
    let x = Axis::over(logged.chain(published).filter(|step| *step >= 1.0), true);
    let several = points.len() > 1;
    let mut csv = Csv::new(&["point", "seed", "step", "train_accuracy", "validation_accuracy", "learned"]);
    all.iter().for_each(|steps| steps.record(&mut csv));
    let curve = |class: &str| html! { line class={ "curve " (class) } x1="0" x2="100%" y1="7" y2="7" {} };
    let mut legend = vec![
        (curve("train"), "accuracy on train rows, a line a seed".to_owned()),
        (curve("validation"), "accuracy on validation rows".to_owned()),
        (level("control", (0.0, 100.0), 7.0), "counts as learned".to_owned()),
        (mark(1, 50.0, 7.0, "train", ""), "T_mem of a seed: its train rows are learned".to_owned()),
        (mark(0, 50.0, 7.0, "validation", ""), "T_gen of a seed: its validation rows are learned".to_owned()),
    ];
    if all.iter().any(|steps| !steps.published().is_empty()) {
        legend.push((upright("published", 50.0, (0.0, 14.0)), "published by others".to_owned()));
    }
    Ok(Some(Figure {
        kind: "learned",
        caption: html! {
            "When the train rows were learned (" b { "T" sub { "mem" } } ") and when the validation rows (" b { "T" sub { "gen" } } "); between them lies the delay."
        },
        picture: html! { div.panels { @for steps in &all { (steps.picture(x, several)) } } },
        legend,
        data: csv,
    }))
}

/// Step and accuracy by seed.
type Lines = BTreeMap<i32, Vec<(i64, f64)>>;

/// What `scores` says of the steps of one point, and the log.
struct Steps<'a> {
    point: &'a Point<'a>,
    seeds: Vec<i32>,
    log: Log,
    /// Points of a line at most.
    points: usize,
}

impl Steps<'_> {
    fn there(&self) -> bool {
        self.row(OVER_SEEDS, Metric::TMem).is_some() && !self.log.is_empty()
    }

    /// Returns a metric's row, if there is one.
    fn row(&self, seed: i32, metric: Metric) -> Option<&Estimate> {
        let (name, split) = metric.column();
        self.point.scores.as_ref()?.get("trained", seed, split.unwrap_or_default(), "", name)
    }

    fn value(&self, seed: i32, metric: Metric) -> Option<f64> {
        self.row(seed, metric)?.value
    }

    /// Returns the steps that others published: of which accuracy, the step, and the words.
    fn published(&self) -> Vec<(&'static str, f64, String)> {
        let of_steps = self.point.published.iter().filter_map(|one| match one.metric {
            Metric::TMem => {
                Some(("train", one.value, format!("published T_mem {}", one.metric.text(one.value))))
            }
            Metric::TGen => {
                Some(("validation", one.value, format!("published T_gen {}", one.metric.text(one.value))))
            }
            _ => None,
        });
        of_steps.filter(|(_, step, _)| *step >= 1.0).collect()
    }

    fn last_step(&self) -> i64 {
        self.log.values().flatten().map(|row| row.step).max().unwrap_or(0)
    }

    /// Returns the lines of an accuracy by seed.
    fn lines(&self, pick: fn(&Training) -> Option<f32>) -> Lines {
        let line = |(&seed, rows): (&i32, &Vec<Training>)| {
            // The logarithm has no place for step 0.
            let all = rows.iter().filter(|row| row.step > 0);
            let all = all.filter_map(|row| Some((row.step, significant(f64::from(pick(row)?), 3)?)));
            (seed, thin(&all.collect::<Vec<_>>(), self.points))
        };
        self.log.iter().map(line).collect()
    }

    fn both(&self) -> [(&'static str, Lines); 2] {
        [
            ("train", self.lines(|row| row.train_accuracy)),
            ("validation", self.lines(|row| row.validation_accuracy)),
        ]
    }

    /// Records what is drawn, and when it was learned: an empty step is never.
    fn record(&self, csv: &mut Csv) {
        let label = text(&self.point.label);
        let [(_, train), (_, validation)] = self.both();
        for seed in self.log.keys() {
            let mut by_step = BTreeMap::<i64, [Option<f64>; 2]>::new();
            for (which, lines) in [&train, &validation].into_iter().enumerate() {
                for &(step, value) in lines.get(seed).into_iter().flatten() {
                    by_step.entry(step).or_default()[which] = Some(value);
                }
            }
            for (step, [train, validation]) in by_step {
                csv.line([
                    label.clone(),
                    seed.to_string(),
                    step.to_string(),
                    cell(train),
                    cell(validation),
                    String::new(),
                ]);
            }
        }
        for metric in [Metric::TMem, Metric::TGen] {
            for &seed in &self.seeds {
                let step = cell(self.value(seed, metric));
                csv.line([
                    label.clone(),
                    seed.to_string(),
                    step,
                    String::new(),
                    String::new(),
                    metric.column().0.to_owned(),
                ]);
            }
        }
    }

    fn picture(&self, x: Axis, named: bool) -> Markup {
        let words = [self.learned(Metric::TMem, "T_mem"), self.learned(Metric::TGen, "T_gen"), self.delay()];
        let about =
            format!("Train and validation accuracy against the logarithm of the step. {}", words.join("; "));
        let panel = Panel {
            title: if named { &self.point.label } else { "Accuracy, train and validation" },
            about: &about,
            x,
            x_name: "optimizer step",
            x_ticks: Vec::new(),
            y: Axis::SHARE,
            y_name: "share of rows",
            height: 200.0,
        };
        let ends = panel.ends();
        let threshold = self.point.source.config("scores")["threshold"].as_f64();
        let (t_mem, t_gen) = (self.value(OVER_SEEDS, Metric::TMem), self.value(OVER_SEEDS, Metric::TGen));
        // A median of delays need not lie between the medians of both steps.
        let delay = self.value(OVER_SEEDS, Metric::GrokkingDelay);
        let drawn = t_mem.zip(t_gen).filter(|(mem, gen_)| delay == Some(gen_ - mem));
        html! {
            div.stack {
                ul.words { @for word in words.iter().filter(|word| !word.is_empty()) { li { (word) } } }
                (panel.draw(&html! {
                    @if let Some(threshold) = threshold { (level("control", (0.0, 100.0), panel.down(threshold))) }
                    (panel.lines(&html! {
                        @for (kind, lines) in self.both() { @for xy in lines.values() {
                            path class={ "curve " (kind) } d=(panel.path(xy.iter().map(|(step, value)| (*step as f64, *value)))) {}
                        } }
                    }))
                    @for (kind, step, words) in self.published() {
                        g data-tip=(words) class=(kind) { (upright("published", x.at(step), ends)) (upright("hit", x.at(step), ends)) }
                    }
                    @for (kind, step, words) in [("train", t_mem, &words[0]), ("validation", t_gen, &words[1])] {
                        @if let Some(step) = step {
                            g data-tip=(words) { (upright(&format!("learned {kind}"), x.at(step), ends)) (upright("hit", x.at(step), ends)) }
                        }
                    }
                    @if let Some((from, to)) = drawn { g data-tip=(words[2]) {
                        (level("delay", (x.at(from), x.at(to)), ends.0 - 4.0)) (level("hit", (x.at(from), x.at(to)), ends.0 - 4.0))
                    } }
                    @for (number, &seed) in self.seeds.iter().enumerate() {
                        @let y = panel.down(threshold.unwrap_or(1.0)) + 5.0 * number as f64;
                        @for (shape, kind, name, metric) in [(1, "train", "T_mem", Metric::TMem), (0, "validation", "T_gen", Metric::TGen)] {
                            @if let Some(step) = self.value(seed, metric) {
                                (mark(shape, x.at(step), y, kind, &format!("seed {seed}: {name} {}", metric.text(step))))
                            }
                        }
                    }
                }))
            }
        }
    }

    /// Says when all seeds learned, in the median, or how many did.
    fn learned(&self, metric: Metric, name: &str) -> String {
        let Some(&Estimate { value, low, n, .. }) = self.row(OVER_SEEDS, metric) else {
            return String::new();
        };
        let (seeds, last) = (counted(self.seeds.len() as i64, "seed"), count(self.last_step()));
        match value {
            Some(value) if self.seeds.len() == 1 => format!("{name} {}", by(metric, low, value)),
            Some(value) => format!("{name} {}, median ({n} of {seeds})", by(metric, low, value)),
            None if n > 0 => format!("{name}: {n} of {seeds} in {last} steps"),
            None => format!("{name}: never in {last} steps"),
        }
    }

    fn delay(&self) -> String {
        let delay = self.row(OVER_SEEDS, Metric::GrokkingDelay);
        let Some((row, value)) = delay.and_then(|row| Some((row, row.value?))) else { return String::new() };
        let text = |value| Metric::GrokkingDelay.text(value);
        let delay = match (row.low, row.high) {
            (Some(low), Some(high)) if low < high => {
                format!("{} (between {} and {})", text(value), text(low), text(high))
            }
            _ => text(value),
        };
        let ratio = self.value(OVER_SEEDS, Metric::GrokkingRatio);
        let ratio = ratio.map_or(String::new(), |ratio| format!(", {}", Metric::GrokkingRatio.text(ratio)));
        let name = if self.seeds.len() > 1 { "median delay" } else { "delay" };
        format!("{name} {delay} steps{ratio}")
    }

    fn table(&self) -> Markup {
        let cells = |seed| {
            COLUMNS.map(|metric| match self.row(seed, metric) {
                Some(&Estimate { value: Some(value), low, .. }) => match metric {
                    Metric::TMem | Metric::TGen => by(metric, low, value),
                    _ => metric.text(value),
                },
                Some(_) => "never".to_owned(),
                None => String::new(),
            })
        };
        let seeds = self.seeds.iter().map(|&seed| (format!("seed {seed}"), cells(seed)));
        let over = (self.seeds.len() > 1).then(|| ("over seeds (median)".to_owned(), cells(OVER_SEEDS)));
        html! {
            div.scroll { table {
                thead { tr { th scope="col" { "Seed" } @for name in ["T_mem", "T_gen", "Delay, T_gen − T_mem", "T_gen / T_mem"] { th.n scope="col" { (name) } } } }
                tbody { @for (name, cells) in seeds.chain(over) { tr { th scope="row" { (name) } @for cell in &cells { td.n { (cell) } } } } }
            } }
        }
    }
}

const COLUMNS: [Metric; 4] = [Metric::TMem, Metric::TGen, Metric::GrokkingDelay, Metric::GrokkingRatio];

/// Returns a step, behind it the one that was logged before.
fn by(metric: Metric, before: Option<f64>, value: f64) -> String {
    match before {
        Some(before) if before < value => format!("{} (after {})", metric.text(value), metric.text(before)),
        _ => metric.text(value),
    }
}

/// Picks at most `points` of `all`, evenly by the logarithm of the step, the first and the last among them.
fn thin(all: &[(i64, f64)], points: usize) -> Vec<(i64, f64)> {
    let (Some(&(first, _)), Some(&(last, _))) = (all.first(), all.last()) else { return Vec::new() };
    let gaps = points.max(2) - 1;
    let wanted = |index: usize| {
        let share = index as f64 / gaps as f64;
        (first as f64 * (last as f64 / first as f64).powf(share) - 1e-6).ceil() as i64
    };
    let mut picked: Vec<usize> = (0..=gaps)
        .map(|index| all.partition_point(|&(step, _)| step < wanted(index)).min(all.len() - 1))
        .collect();
    picked.dedup();
    picked.into_iter().map(|index| all[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_is_even_on_the_axis_and_keeps_both_ends() {
        let all: Vec<(i64, f64)> = (1..=10_000).map(|step| (step, 0.5)).collect();
        let steps: Vec<i64> = thin(&all, 5).into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [1, 10, 100, 1000, 10_000]);
        let few = [(10, 0.1), (20, 0.2), (30, 0.3)];
        assert_eq!(thin(&few, 50), few, "what is there is not drawn twice");
        assert_eq!(thin(&[], 50), []);
    }
}
