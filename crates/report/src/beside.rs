//! What others published, beside what the tables say of our seeds.

use maud::{Markup, html};

use crate::point::Point;
use crate::published::{Metric, Published};
use crate::scores::OVER_SEEDS;

/// Returns the table of what others published, each line beside what is ours; nothing where nobody did.
///
/// Figures whose point is not among the inputs stay, so that they do not quietly go when a run has fewer points.
pub(crate) fn table(published: &[Published], points: &[Point<'_>]) -> Markup {
    let elsewhere: Vec<&Published> =
        published.iter().filter(|one| !points.iter().any(|point| one.is_at(point.source))).collect();
    let labelled = points.len() > 1 || !elsewhere.is_empty();
    html! {
        @if !published.is_empty() {
            section #published {
                h2 { "Beside what was published" }
                div.scroll { table {
                    thead { tr {
                        @if labelled { th scope="col" { "Point" } }
                        th scope="col" { "Metric" } th.n scope="col" { "Published" } th.n scope="col" { "Ours, over seeds" } th scope="col" { "Each seed" } th scope="col" { "Source" }
                    } }
                    tbody {
                        @for point in points { @for one in &point.published { (line(one, labelled.then_some(&point.label), Some(point))) } }
                        @for one in &elsewhere { (line(one, Some(&one.at.clone().unwrap_or_default()), None)) }
                    }
                } }
                @if !elsewhere.is_empty() { p.note { "Points that are not among the inputs have nothing of ours." } }
            }
        }
    }
}

fn line(one: &Published, label: Option<&String>, point: Option<&Point<'_>>) -> Markup {
    let (metric, split) = one.metric.column();
    let row = |seed| {
        let scores = point?.scores.as_ref()?;
        scores.get("trained", seed, split.unwrap_or(scores.split()), "", metric)
    };
    let value = |value: Option<f64>| value.map_or_else(|| "never".to_owned(), |value| one.metric.text(value));
    let ours = match (one.metric, row(OVER_SEEDS), point) {
        // Seeds that disagree are counted, their mean says nothing.
        (Metric::Accuracy, Some(row), Some(point)) => point.verdict("").counted.unwrap_or_else(|| row.text()),
        (_, Some(row), _) => value(row.value),
        (_, None, _) => "not measured".to_owned(),
    };
    let seeds = point.map(Point::seeds).unwrap_or_default();
    let seeds: Vec<String> = seeds
        .into_iter()
        .filter_map(|seed| Some(format!("seed {seed}: {}", value(row(seed)?.value))))
        .collect();
    html! { tr {
        @if let Some(label) = label { th scope="row" { (label) } }
        td { code { (metric) } br; small { (one.metric.meaning()) } } td.n { (one.metric.text(one.value)) } td.n { b { (ours) } }
        td { (seeds.join(" · ")) } td { (one.source) @if let Some(note) = &one.note { br; small { (note) } } }
    } }
}
