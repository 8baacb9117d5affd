//! The drop-heads table: what each head and MLP is worth, every seed a dot.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::Ablation;
use maud::{Markup, html};

use crate::Error;
use crate::figure::{Csv, Figure, cell, text};
use crate::number::significant;
use crate::plot::{Axis, hundredths, label, mark, upright};
use crate::point::Point;
use crate::scores::OVER_SEEDS;
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "ablation",
    title: "Ablation: what each part is worth",
    table: "ablation",
    // Values.
    limit: Limit { most: 2_000, all: 4_000, least: 0 },
    build,
    script: "",
};

/// One head, MLP or set.
struct Component {
    name: String,
    /// Drop over seeds in percent, where the table has it.
    over: Option<f64>,
    /// Drop in percent of each seed, in the order of the seeds; nothing where it was not measured.
    drops: Vec<Option<f64>>,
}

/// All components for one metric, task and kind.
struct Group {
    task: String,
    kind: String,
    metric: String,
    components: Vec<Component>,
}

/// Layer, head (an MLP after the heads), name.
type Place = (i32, i32, String);

fn build(point: &Point<'_>, values: usize) -> Result<Option<Markup>, Error> {
    let mut groups = BTreeMap::<(usize, String, String), BTreeMap<Place, BTreeMap<i32, f64>>>::new();
    // In the order of the table: the first metric is shown first, and of all tasks.
    let mut metrics = Vec::<String>::new();
    let mut seeds = BTreeSet::new();
    point.source.each("ablation", |row: Ablation| {
        if row.seed != OVER_SEEDS {
            seeds.insert(row.seed);
        }
        let order = |index: i32| if index < 0 { i32::MAX } else { index };
        let place = (order(row.layer), order(row.head), row.component);
        let known = metrics.iter().position(|metric| *metric == row.metric);
        let metric = known.unwrap_or_else(|| {
            metrics.push(row.metric);
            metrics.len() - 1
        });
        let drops = groups.entry((metric, row.task, row.kind)).or_default().entry(place).or_default();
        if let Some(drop) = row.drop_percent.and_then(|drop| significant(drop, 4)) {
            drops.insert(row.seed, drop);
        }
    })?;
    if groups.is_empty() {
        return Ok(None);
    }
    let (mut spent, mut left_out) = (0, 0);
    let mut shown = Vec::new();
    for ((metric, task, kind), components) in groups {
        let mut kept = Vec::new();
        for ((_, _, name), drops) in components {
            spent += seeds.len() + 4;
            if spent > values {
                left_out += 1;
                continue;
            }
            let over = drops.get(&OVER_SEEDS).copied();
            kept.push(Component {
                name,
                over,
                drops: seeds.iter().map(|seed| drops.get(seed).copied()).collect(),
            });
        }
        if !kept.is_empty() {
            shown.push(Group { task, kind, metric: metrics[metric].clone(), components: kept });
        }
    }
    let seeds: Vec<i32> = seeds.into_iter().collect();
    Ok(Some(html! {
        p.note {
            "Ablation: one part of the model is replaced by zeros, or by its mean over other rows, and what is lost says what it was worth. A drop is in percent of the full model's value"
            @if shown.iter().flat_map(|group| &group.components).any(|part| part.drops.contains(&None)) { "; a seed has none where that is not above 0" }
            "."
        }
        @if !shown.is_empty() { (point.figures.show(figure(&shown, &seeds))) }
        @if left_out > 0 { p.note { (left_out) " further lines stand in " code { "ablation.parquet" } "." } }
    }))
}

fn figure(groups: &[Group], seeds: &[i32]) -> Figure {
    let mut csv = Csv::new(&["metric", "task", "replaced_by", "component", "seed", "drop_percent"]);
    for group in groups {
        for part in &group.components {
            let mut line = |seed: String, drop| {
                let words = [&group.metric, &group.task, &group.kind, &part.name].map(|word| text(word));
                csv.line(words.into_iter().chain([seed, cell(drop)]));
            };
            line("over seeds".to_owned(), part.over);
            seeds.iter().zip(&part.drops).for_each(|(seed, drop)| line(seed.to_string(), *drop));
        }
    }
    Figure {
        kind: "ablation",
        caption: html! { "How far each measure falls when one " b { "part" } " is replaced; parts of different seeds need not do the same." },
        picture: html! {
            div data-variants {
                @for group in groups {
                    div.variant data-metric=(group.metric.replace('_', " ")) data-task=(group.task) data-replaced-by=(group.kind) { (picture(group, seeds)) }
                }
            }
        },
        legend: vec![
            (html! { rect.part y="2" width="100%" height="10" {} }, "over seeds".to_owned()),
            (mark(0, 50.0, 7.0, "small", ""), "one seed".to_owned()),
        ],
        data: csv,
    }
}

/// Pixels of a component.
const LINE: f64 = 50.0;

fn picture(group: &Group, seeds: &[i32]) -> Markup {
    let words = [group.task.clone(), group.metric.replace('_', " "), format!("{} ablation", group.kind)];
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
    let values =
        group.components.iter().flat_map(|part| part.drops.iter().chain([&part.over]).flatten().copied());
    let x = Axis::over(values.chain([0.0, 1.0]), false);
    let bottom = 22.0 + LINE * group.components.len() as f64;
    html! {
        div.panel.wide {
            svg height=(bottom + 40.0) role="img" aria-label={ "How far the full model's value falls or rises, " (words) } {
                text.name x="0" y="13" { (words) }
                @for value in x.ticks(4) {
                    (upright("frame", x.at(value), (22.0, bottom)))
                    text.middle x={ (x.at(value)) "%" } y=(bottom + 15.0) { (label(value.abs())) " %" }
                }
                @for (index, part) in group.components.iter().enumerate() {
                    @let top = 22.0 + LINE * index as f64;
                    text.start x="0" y=(top + 13.0) { (part.name) }
                    @if let Some(over) = part.over {
                        @let (from, to) = (x.at(over.min(0.0)), x.at(over.max(0.0)));
                        rect.part x={ (from) "%" } y=(top + 20.0) width={ (hundredths(to - from)) "%" } height="22" data-tip={ (part.name) " over seeds: " (fall(Some(over))) } {}
                    }
                    @for (number, drop) in part.drops.iter().enumerate() { @if let Some(drop) = drop {
                        @let y = top + 20.0 + 22.0 * (number as f64 + 0.5) / part.drops.len() as f64;
                        (mark(0, x.at(*drop), hundredths(y), "small", &format!("{}, seed {}: {}", part.name, seeds[number], fall(Some(*drop)))))
                    } }
                }
                (upright("control", x.at(0.0), (22.0, bottom)))
                text.end x="100%" y=(bottom + 34.0) { "← rises, falls →, in percent of the full model's value" }
            }
            @if !meaning(&group.metric).is_empty() { p.note { (group.metric.replace('_', " ")) ": " (meaning(&group.metric)) "." } }
        }
    }
}

/// Says a drop, which has a direction and a size, never a sign.
fn fall(drop: Option<f64>) -> String {
    match drop {
        None => "–".to_owned(),
        Some(drop) if drop.abs() < 0.005 => "stays".to_owned(),
        Some(drop) => format!("{} by {} %", if drop > 0.0 { "falls" } else { "rises" }, label(drop.abs())),
    }
}

/// What a metric means, in the words of a reader.
fn meaning(metric: &str) -> &'static str {
    match metric {
        "accuracy" => "share of rows answered right, the right tokens before each given",
        "log_probability" => {
            "log-probability of the right answer: never above 0, so that no share of it can be lost"
        }
        "logit_difference" => {
            "logit of the right token minus that of the last shown term, which copying would say"
        }
        "logit_margin" => {
            "logit of the right token minus that of the token that the full model finds the likeliest of all others"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_table_is_explained() {
        for metric in ["accuracy", "log_probability", "logit_difference", "logit_margin"] {
            assert!(!meaning(metric).is_empty());
        }
    }
}
