//! What each look-up table gets on the rows that were asked.

use std::collections::BTreeMap;

use artifact::tables::Memorizer;
use maud::{Markup, html};

use crate::Error;
use crate::number::{count, share};
use crate::plot::bar;
use crate::point::Point;
use crate::scores::name_of;
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "lookups",
    title: "Look-up tables",
    table: "memorizers",
    limit: Limit::NONE,
    build,
    script: "",
};

fn build(point: &Point<'_>, _: usize) -> Result<Option<Markup>, Error> {
    let mut counts = BTreeMap::<(String, String, String), (i64, i64)>::new();
    point.source.each("memorizers", |row: Memorizer| {
        if row.split == point.split {
            let (right, rows) = counts.entry((row.class, row.memorizer, row.view)).or_default();
            *right += i64::from(row.correct);
            *rows += 1;
        }
    })?;
    if counts.is_empty() {
        return Ok(None);
    }
    // Those of a class that get as much of as many rows stand together: class, right answers, rows.
    let mut ties = BTreeMap::<(String, i64, i64), Vec<String>>::new();
    for ((class, memorizer, view), (right, rows)) in counts {
        ties.entry((class, -right, rows)).or_default().push(name_of(&memorizer, &view));
    }
    Ok(Some(html! {
        p.note {
            "A look-up table only repeats what it saw; a shallow table combines single pieces of what it saw. Each answers every " (point.split)
            " row, so that its share has no interval."
        }
        details { summary { "What each table gets on the same rows" }
            div.scroll { table {
                thead { tr { th scope="col" { "Tables" } th.n scope="col" { "Accuracy" } th.plot scope="col" { "0 to 1" } th scope="col" { "Class" } th.n scope="col" { "Rows" } } }
                tbody { @for ((class, right, rows), names) in &ties {
                    @let value = -*right as f64 / *rows as f64;
                    tr {
                        th scope="row" { (names.join("; ")) } td.n { (share(value)) } td.plot { (bar(value, if ["memory", "shallow"].contains(&class.as_str()) { class } else { "neutral" })) }
                        td { (if class == "memory" { "look-up" } else { class }) } td.n { (count(*rows)) }
                    }
                } }
            } }
        }
    }))
}
