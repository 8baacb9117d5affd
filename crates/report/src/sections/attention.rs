//! Attention patterns: all heads of all seeds at a glance, one of them large.

use std::collections::BTreeMap;
use std::fmt::Write;

use artifact::tables::AttentionPattern;
use maud::{Markup, html};
use serde::Serialize;

use crate::Error;
use crate::figure::{Csv, Figure, embedded, text};
use crate::grid::colour_bar;
use crate::plot::hundredths;
use crate::point::Point;
use crate::positions::Positions;
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "attention",
    title: "Attention patterns",
    table: "attention",
    // Bytes.
    limit: Limit { most: 400_000, all: 400_000, least: 0 },
    build,
    script: include_str!("../script/attention.js"),
};

/// The digits of a packed weight, base 64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// A weight of 1 as a packed number: two digits.
const ONE: f32 = 4095.0;

/// All heads of one seed on one task, for one example or for the mean over rows.
#[derive(Debug, Serialize)]
struct Pattern {
    /// -1 for the mean over seeds.
    seed: i32,
    task: String,
    /// -1 for the mean.
    example: i64,
    /// Rows in the mean.
    n: i64,
    tokens: Vec<String>,
    /// Number of positions.
    size: usize,
    /// Which of the lists of names its positions have.
    names: usize,
    /// `layer.head`, and the lower triangle row by row, two base-64 digits a weight.
    heads: Vec<(String, String)>,
    #[serde(skip)]
    weights: Vec<Vec<f32>>,
}

/// Query, key, weight.
type Weight = (i32, i32, f32);

/// What was collected of one pattern.
#[derive(Default)]
struct Collected {
    n: i64,
    tokens: String,
    size: usize,
    /// By layer and head.
    weights: BTreeMap<(i32, i32), Vec<Weight>>,
}

/// Means before examples, so that they are kept first; examples of all seeds before further examples.
type Key = (bool, String, i64, i32);

fn build(point: &Point<'_>, bytes: usize) -> Result<Option<Markup>, Error> {
    let mut found = BTreeMap::<Key, Collected>::new();
    point.source.each("attention", |row: AttentionPattern| {
        let mean = row.example_id < 0;
        let pattern = found.entry((!mean, row.task, row.example_id, row.seed)).or_default();
        pattern.n = row.n;
        pattern.size = pattern.size.max(usize::try_from(row.query.max(row.key)).map_or(0, |last| last + 1));
        if pattern.tokens.is_empty() {
            pattern.tokens = row.tokens;
        }
        pattern.weights.entry((row.layer, row.head)).or_default().push((row.query, row.key, row.weight));
    })?;
    if found.is_empty() {
        return Ok(None);
    }
    let sizes: Vec<_> = found.iter().map(|((_, task, ..), pattern)| (task.clone(), pattern.size)).collect();
    let positions = Positions::read(point.source, &sizes)?;
    let mut lists: Vec<Vec<String>> = Vec::new();
    let mut shown: Vec<Pattern> = Vec::new();
    let (mut spent, mut left_out) = (0, 0);
    let groups = found.into_iter().collect::<Vec<_>>();
    for group in groups.chunk_by(|(a, _), (b, _)| (a.0, &a.1, a.2) == (b.0, &b.1, b.2)) {
        // Before anything is unpacked: a table may speak of far more positions than it has rows.
        if group.iter().any(|(_, pattern)| packed(pattern.weights.len(), pattern.size) > bytes - spent) {
            left_out += group.len();
            continue;
        }
        let mut patterns: Vec<Pattern> = group.iter().map(|(key, pattern)| unpacked(key, pattern)).collect();
        if patterns.len() > 1 && patterns[0].example < 0 {
            patterns.splice(0..0, mean(&patterns));
        }
        for mut pattern in patterns {
            let names = match pattern.tokens.as_slice() {
                [] => positions.of_task(&pattern.task, pattern.size),
                tokens => positions.of_row(tokens, pattern.size),
            };
            pattern.names = lists.iter().position(|list| *list == names).unwrap_or(lists.len());
            let drawn: usize = if pattern.example < 0 {
                pattern.weights.iter().map(|weights| cells(pattern.size, weights).len() + 200).sum()
            } else {
                0
            };
            let cost = drawn + packed(pattern.weights.len(), pattern.size) + pattern.tokens.len() * 8 + 80;
            if spent + cost > bytes {
                left_out += 1;
                continue;
            }
            spent += cost;
            if pattern.names == lists.len() {
                lists.push(names);
            }
            for (head, weights) in pattern.heads.iter_mut().zip(&pattern.weights) {
                head.1 = pack(weights);
            }
            shown.push(pattern);
        }
    }
    Ok(Some(html! {
        p.note {
            "A head looks back from each position (query) at those before it (keys) and divides a weight of 1 among them. Heads have no order: head 0 of one seed need not do what head 0 of another does, which a mean over seeds hides."
        }
        @if let Some(figure) = figure(&shown, &lists) { (point.figures.show(figure)) }
        @if left_out > 0 { p.note { (left_out) " further patterns stand in " code { "attention.parquet" } "; the page has room for the first ones, means before examples." } }
    }))
}

fn unpacked((_, task, example, seed): &Key, collected: &Collected) -> Pattern {
    let heads = collected.weights.keys().map(|(layer, head)| (format!("{layer}.{head}"), String::new()));
    Pattern {
        seed: *seed,
        task: task.clone(),
        example: *example,
        n: collected.n,
        tokens: collected.tokens.split_whitespace().map(str::to_owned).collect(),
        size: collected.size,
        names: 0,
        heads: heads.collect(),
        weights: collected.weights.values().map(|weights| triangle(collected.size, weights)).collect(),
    }
}

/// Returns the mean over seeds, where their heads and sizes are the same.
fn mean(seeds: &[Pattern]) -> Option<Pattern> {
    let first = &seeds[0];
    let alike = |one: &Pattern| one.size == first.size && one.heads == first.heads;
    let mean = |head: usize| {
        let cell =
            |at: usize| seeds.iter().map(|seed| seed.weights[head][at]).sum::<f32>() / seeds.len() as f32;
        (0..first.weights[head].len()).map(cell).collect()
    };
    seeds.iter().all(alike).then(|| Pattern {
        seed: -1,
        task: first.task.clone(),
        tokens: Vec::new(),
        heads: first.heads.clone(),
        weights: (0..first.heads.len()).map(mean).collect(),
        ..*first
    })
}

fn figure(shown: &[Pattern], lists: &[Vec<String>]) -> Option<Figure> {
    let first = shown.first()?;
    let means: Vec<&Pattern> = shown.iter().filter(|pattern| pattern.example < 0).collect();
    let (heads, weights) = (&first.heads, &first.weights);
    let data = embedded(&serde_json::json!({ "patterns": shown, "names": lists }));
    let name = |seed: i32| if seed < 0 { "mean over seeds".to_owned() } else { format!("seed {seed}") };
    Some(Figure {
        kind: "attention",
        caption: html! {
            "Where every " b { "head" } " looks, a row a seed: small all heads, down the query, across the key; large one of them, at first "
            (name(first.seed)) ", layer and head " (heads.first()?.0) "."
        },
        picture: html! {
            @for of_task in means.chunk_by(|a, b| a.task == b.task) {
                div.heads {
                    p.heads-name { b { (of_task[0].task) } ", mean over " (of_task[0].n) " rows" }
                    @for pattern in of_task { div.heads-row {
                        span.heads-seed { (name(pattern.seed)) }
                        @for ((head, _), weights) in pattern.heads.iter().zip(&pattern.weights) {
                            svg.head width="72" height="72" viewBox={ "0 0 " (pattern.size) " " (pattern.size) } role="img" aria-label={ (pattern.task) ", " (name(pattern.seed)) ", layer and head " (head) }
                                data-task=(pattern.task) data-seed=(pattern.seed) data-head=(head) data-tip={ (name(pattern.seed)) ", L" (head.replace('.', " H")) } {
                                rect.track width="100%" height="100%" {} (maud::PreEscaped(cells(pattern.size, weights)))
                            }
                        }
                    } }
                }
            }
            div.controls data-attention hidden {}
            div.map { (large(first, weights.first()?, lists.get(first.names)?)) }
            script type="application/json" { (maud::PreEscaped(data)) }
        },
        legend: Vec::new(),
        data: record(weights.first()?, lists.get(first.names)?),
    })
}

/// Pixels for the names of queries and of keys, and for a query.
const NAMES: f64 = 104.0;
const QUERY: f64 = 13.0;

/// Returns one head large, with the names of its positions; the script draws it in the same way.
fn large(pattern: &Pattern, weights: &[f32], names: &[String]) -> Markup {
    let size = pattern.size;
    let height = QUERY * size as f64;
    let every = size.div_ceil(20).max(1);
    let about = format!("Attention pattern on {}: queries downwards, keys to the right", pattern.task);
    html! {
        div.panel.positions {
            svg height=(NAMES + height + 66.0) role="img" aria-label=(about) {
                text.end x="-6" y="13" { "query ↓ key →" }
                svg y=(NAMES) width="100%" height=(height) viewBox={ "0 0 " (size) " " (size) } preserveAspectRatio="none" {
                    rect.track width="100%" height="100%" {} (maud::PreEscaped(cells(size, weights)))
                }
                @for (at, name) in names.iter().enumerate() {
                    text.end x="-6" y=(NAMES + QUERY * at as f64 + 10.0) { (name) }
                    @if at.is_multiple_of(every) {
                        svg x={ (hundredths(100.0 * (at as f64 + 0.5) / size as f64)) "%" } y=(NAMES - 6.0) { text transform="rotate(-90)" y="4" { (name) } }
                    }
                }
                (colour_bar(NAMES + height + 14.0, "attention weight, 0 to 1"))
            }
        }
    }
}

/// Shades of a weight in small pictures.
const SHADES: usize = 6;

/// Returns the cells of a lower triangle, those of one shade in one path.
fn cells(size: usize, weights: &[f32]) -> String {
    let shade =
        |query: usize, key: usize| (weights[query * (query + 1) / 2 + key] * SHADES as f32).round() as usize;
    let mut paths = vec![String::new(); SHADES + 1];
    for query in 0..size {
        let mut key = 0;
        while key <= query {
            let of = shade(query, key);
            let length = (key..=query).take_while(|&next| shade(query, next) == of).count();
            write!(paths[of.min(SHADES)], "M{key} {query}h{length}v1h-{length}z")
                .expect("a string takes all text");
            key += length;
        }
    }
    let drawn = paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty());
    let path = |(shade, path): (usize, &String)| {
        format!("<path class=\"cell\" fill-opacity=\"{:.2}\" d=\"{path}\"/>", shade as f64 / SHADES as f64)
    };
    drawn.map(path).collect()
}

/// Returns the weights of the large head: a row a query, a column a key.
fn record(weights: &[f32], names: &[String]) -> Csv {
    let header: Vec<&str> = std::iter::once("query").chain(names.iter().map(String::as_str)).collect();
    let mut csv = Csv::new(&header);
    for (query, name) in names.iter().enumerate() {
        let row = &weights[query * (query + 1) / 2..][..=query];
        csv.line(std::iter::once(text(name)).chain(row.iter().map(|weight| format!("{weight:.4}"))));
    }
    csv
}

/// Returns how many bytes of the page the weights of so many heads take: two digits each.
fn packed(heads: usize, size: usize) -> usize {
    heads.saturating_mul(size.saturating_mul(size + 1) + 16)
}

/// Returns the lower triangle row by row, of weights from 0 to 1; a weight that is not in the table is 0.
fn triangle(size: usize, weights: &[Weight]) -> Vec<f32> {
    let mut triangle = vec![0.0; size * (size + 1) / 2];
    for &(query, key, weight) in weights {
        let (Ok(query), Ok(key)) = (usize::try_from(query), usize::try_from(key)) else { continue };
        if let Some(cell) = triangle.get_mut(query * (query + 1) / 2 + key).filter(|_| key <= query) {
            *cell = if weight.is_finite() { weight.clamp(0.0, 1.0) } else { 0.0 };
        }
    }
    triangle
}

fn pack(weights: &[f32]) -> String {
    let numbers = weights.iter().map(|weight| usize::from((weight * ONE).round() as u16));
    let digits = numbers.flat_map(|number| [number / 64, number % 64]);
    digits.map(|digit| char::from(DIGITS[digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_packed_in_two_digits() {
        let packed = |weights: &[Weight]| pack(&triangle(2, weights));
        assert_eq!(packed(&[(0, 0, 1.0), (1, 0, 0.5), (1, 1, 0.0)]), "__gAAA");
        assert_eq!(packed(&[(0, 0, f32::NAN), (0, 1, 1.0), (7, 0, 1.0), (-1, 0, 1.0)]), "AAAAAA");
    }

    #[test]
    fn cells_of_one_shade_run_together() {
        assert_eq!(
            cells(2, &[1.0, 0.5, 0.5]),
            "<path class=\"cell\" fill-opacity=\"0.50\" d=\"M0 1h2v1h-2z\"/><path class=\"cell\" fill-opacity=\"1.00\" d=\"M0 0h1v1h-1z\"/>"
        );
        assert_eq!(cells(1, &[0.0]), "");
    }
}
