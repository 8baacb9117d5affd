//! What every seed gets, on all rows and on those of each task, beside what memorising alone would get.

use maud::{Markup, html};

use crate::Error;
use crate::figure::Figure;
use crate::number::{count, maybe_share};
use crate::plot::{Axis, level, mark};
use crate::point::{Answer, Point};
use crate::rows::{self, Dot, Row};
use crate::scores::{ACCURACY, OVER_SEEDS, RULE_INDEX};
use crate::section::{Limit, Section};
use crate::verdict::clusters;

pub(crate) const SECTION: Section = Section {
    id: "seeds",
    title: "Every seed beside the ceiling of memory",
    table: "scores",
    limit: Limit::NONE,
    build,
    script: "",
};

fn build(point: &Point<'_>, _: usize) -> Result<Option<Markup>, Error> {
    let tasks: Vec<String> = std::iter::once(String::new()).chain(point.tasks()).collect();
    let shown = tasks.iter().filter_map(|task| {
        let known = task.is_empty() && point.answer == Answer::Seeds;
        let figure = if known { None } else { figure(point, task) };
        let table = table(point, task)?;
        Some(html! {
            @if !task.is_empty() { h3 { (task) } }
            @if let Some(figure) = figure { (point.figures.show(figure)) }
            (table)
        })
    });
    let shown: Vec<Markup> = shown.collect();
    Ok((!shown.is_empty()).then(|| html! {
        p.note {
            "A seed is one model: the same data, other initial weights and another order of the rows. A look-up table that can only repeat what it saw is the ceiling of "
            "memory; " code { "rule_index" } " is 0 for the best of them and 1 for the rule itself."
        }
        @for markup in &shown { (markup) }
    }))
}

/// Returns the figure of a task (`""` = all tasks); `None` without scores.
pub(crate) fn figure(point: &Point<'_>, task: &str) -> Option<Figure> {
    let row = point.row(task);
    if row.dots.is_empty() {
        return None;
    }
    let over = point.score("trained", OVER_SEEDS, task, ACCURACY);
    Some(Figure {
        kind: "seeds",
        caption: html! {
            (count(over.n)) " " (point.split) " rows" @if !task.is_empty() { " of " b { (task) } }
            @if let Some(effective) = over.n_eff { ", which count as " (clusters(effective)) }
            ": what every " b { "seed" } " answers right, with its 95 % interval"
            @if !row.text().is_empty() { "; over seeds " b { (row.text()) } }
            ". Shaded, up to the heavy line: what the best look-up table gets."
        },
        picture: picture(&row, task),
        legend: rows::legend(std::slice::from_ref(&row)),
        data: rows::data("task", std::slice::from_ref(&row)),
    })
}

/// Pixels of a seed.
const LINE: f64 = 22.0;

fn picture(row: &Row, task: &str) -> Markup {
    let lines: Vec<&Dot> = row.dots.iter().chain(&row.mean).collect();
    let bottom = 8.0 + LINE * lines.len() as f64;
    let about = format!(
        "Accuracy from 0 to 1 of each seed{}: {}",
        if task.is_empty() { String::new() } else { format!(" on {task}") },
        lines.iter().map(|dot| format!("{} {}", dot.label, dot.text)).collect::<Vec<_>>().join("; ")
    );
    html! {
        div.panel.named {
            svg height=(bottom + 36.0) role="img" aria-label=(about) {
                (rows::track(&row.marks, (4.0, bottom), task))
                @for (index, dot) in lines.iter().enumerate() {
                    @let y = 8.0 + LINE * (index as f64 + 0.5);
                    @let class = if dot.label == "over seeds" { "mean".to_owned() } else { rows::class(dot) };
                    @let said = format!("{}: {}", dot.label, [dot.text.clone(), dot.outcome.replace('_', " ")].join(" "));
                    text.end x="-8" y=(y + 4.0) { (dot.label) }
                    @if let Some((low, high)) = dot.interval { (level(&format!("whisker {class}"), (Axis::SHARE.at(low), Axis::SHARE.at(high)), y)) }
                    @if dot.label == "over seeds" { (mark(3, Axis::SHARE.at(dot.value), y, "mean", &said)) }
                    @else { (rows::dot(dot, (Axis::SHARE.at(dot.value), y), &said)) }
                }
                (rows::scale(bottom + 2.0, "share of rows answered right"))
            }
        }
    }
}

fn table(point: &Point<'_>, task: &str) -> Option<Markup> {
    let row = point.row(task);
    let line = |dot: &Dot| {
        let index = point.score("trained", dot.seed, task, RULE_INDEX);
        html! { td.n { (dot.text) } td.n { (index.text()) } }
    };
    (!row.dots.is_empty()).then(|| html! {
        details { summary { "The seeds as a table" }
            div.scroll { table {
                thead { tr { th scope="col" { "Seed" } th.n scope="col" { "Accuracy [95 %]" } th.n scope="col" { "rule_index" } th.n scope="col" { "On train rows" } th scope="col" { "Outcome" } } }
                tbody {
                    @for dot in &row.dots {
                        tr { th scope="row" { (dot.label) } (line(dot)) td.n { (maybe_share(point.verdicts.seed(task, dot.seed).1)) } td { (dot.outcome.replace('_', " ")) } }
                    }
                    @if let Some(mean) = &row.mean { tr { th scope="row" { (mean.label) } (line(mean)) td {} td {} } }
                    @if let Some(counted) = &row.counted { tr { th scope="row" { "over seeds" } td colspan="4" { (counted) ": they disagree, so there is no mean" } } }
                }
            } }
        }
    })
}
