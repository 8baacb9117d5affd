//! Accuracy by part of the rows, such as those of four terms.

use maud::{Markup, html};

use crate::Error;
use crate::number::count;
use crate::point::Point;
use crate::scores::{ACCURACY, OVER_SEEDS};
use crate::section::{Limit, Section};
use crate::verdict::clusters;

pub(crate) const SECTION: Section = Section {
    id: "parts",
    title: "By part of the rows",
    table: "scores",
    limit: Limit::NONE,
    build,
    script: "",
};

fn build(point: &Point<'_>, _: usize) -> Result<Option<Markup>, Error> {
    let Some(scores) = &point.scores else { return Ok(None) };
    let counted = point.verdict("").counted;
    let slices = scores.slices(point.split, "").into_iter().filter_map(|slice| {
        let row = scores.slice("trained", OVER_SEEDS, point.split, "", &slice, ACCURACY)?;
        let over = if counted.is_some() { "seeds disagree".to_owned() } else { row.text() };
        let seeds = point.seeds().into_iter().filter_map(|seed| {
            scores.slice("trained", seed, point.split, "", &slice, ACCURACY)?.value
        });
        let (low, high) = seeds.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let range = if low > high { String::new() } else { format!("{low:.3} to {high:.3}") };
        Some(html! { tr {
            th scope="row" { (slice.replace('=', " = ")) } td.n { (over) } td.n { (range) } td.n { (count(row.n)) }
            td.n { @if let Some(effective) = row.n_eff { (clusters(effective).replace(" independent clusters", "").replace(": they bear little", "")) } }
        } })
    });
    let slices: Vec<Markup> = slices.collect();
    Ok((!slices.is_empty()).then(|| html! {
        div.scroll { table {
            thead { tr { th scope="col" { "Part" } th.n scope="col" { "Accuracy over seeds [95 %]" } th.n scope="col" { "Least to greatest seed" } th.n scope="col" { "Rows" } th.n scope="col" { "Independent clusters" } } }
            tbody { @for slice in &slices { (slice) } }
        } }
    }))
}
