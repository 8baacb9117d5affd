//! What every analysis of the list promises, asked of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use analyzer::{Analysis, Config};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use artifact::ParquetFile;
use artifact::tables::{Example, catalogue};
use serde_json::{Value, json};
use transformer::{ActFn, HookPoint, Normalization};

use crate::measurements;
use crate::world::{World, random_model, rows, shape};

/// A row of any table, as text by column.
type Line = BTreeMap<String, String>;

/// Returns the lines of every table of a folder, by name; null is empty.
fn tables(out: &Path) -> BTreeMap<String, Vec<Line>> {
    let read = |path: &Path| {
        let file = ParquetFile::open(path).unwrap();
        let columns: Vec<usize> = (0..file.schema().fields().len()).collect();
        let mut lines = Vec::new();
        for batch in file.batches(0..file.group_rows().count(), &columns, 0) {
            let (batch, options) = (batch.unwrap(), FormatOptions::default());
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name());
            let cells =
                batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap());
            let cells: Vec<_> = names.zip(cells).collect();
            let line =
                |row| cells.iter().map(move |(name, cell)| ((*name).clone(), cell.value(row).to_string()));
            lines.extend((0..batch.num_rows()).map(|row| line(row).collect::<Line>()));
        }
        lines
    };
    let paths = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
}

/// Returns the lines whose `column` is `value`, table by table.
fn only(tables: &BTreeMap<String, Vec<Line>>, column: &str, value: &str) -> BTreeMap<String, Vec<Line>> {
    let of_table = |lines: &Vec<Line>| lines.iter().filter(|line| line[column] == value).cloned().collect();
    tables.iter().map(|(name, lines)| (name.clone(), of_table(lines))).collect()
}

/// A model of 2 layers of 3 heads each, LayerNorm and MLPs.
fn deep() -> transformer::Config {
    let normalization_type = Normalization::LN;
    let act_fn = ActFn::Gelu;
    transformer::Config {
        n_layers: 2,
        n_heads: 3,
        d_model: 12,
        d_head: 4,
        d_mlp: 16,
        normalization_type,
        act_fn,
        ..shape()
    }
}

#[test]
fn the_list_is_alphabetical_and_says_what_it_does() {
    assert!(Analysis::all().is_sorted_by_key(Analysis::name));
    for analysis in Analysis::all() {
        let (name, summary) = (analysis.name(), analysis.summary());
        assert!(summary.ends_with('.') && summary.len() < 120, "{name}: {summary}");
        assert!(
            serde_json::to_value(&analysis).unwrap().get(name).is_some(),
            "{name} has another name in YAML"
        );
    }
}

#[test]
fn a_name_alone_stands_for_its_defaults_and_what_is_unknown_is_refused() {
    let read = |analysis: Value| serde_json::from_value::<Config>(json!({ "analyses": [analysis] }));
    for analysis in Analysis::all() {
        let name = analysis.name();
        for written in [json!(name), json!({ name: {} }), serde_json::to_value(&analysis).unwrap()] {
            let config = read(written).unwrap();
            assert_eq!(config.analyses, std::slice::from_ref(&analysis));
            config.check().unwrap();
        }
        let message = read(json!({ name: { "no_such": 1 } })).unwrap_err().to_string();
        assert!(message.starts_with("unknown field `no_such`"), "{message}");
        let message = read(json!({ name: {}, "other": {} })).unwrap_err().to_string();
        assert!(message.contains("found `other` too"), "{message}");
    }
    let names: Vec<_> = Analysis::all().iter().map(|analysis| format!("`{}`", analysis.name())).collect();
    for unknown in [json!("no_such"), json!({ "no_such": {} })] {
        let message = read(unknown).unwrap_err().to_string();
        assert!(message.starts_with("unknown variant `no_such`, expected "), "{message}");
        assert!(names.iter().all(|name| message.contains(name)), "{message}");
    }
}

#[test]
fn each_alone_writes_what_it_writes_among_the_others_into_tables_of_its_own() {
    let world = World::new(true);
    let mut all = tables(&world.run("all").unwrap());
    let scalars = all.remove("measurements").unwrap();
    let known: BTreeSet<&str> = catalogue().iter().map(|table| table.table).collect();
    for analysis in Analysis::all() {
        let name = analysis.name();
        let mut alone = tables(&world.run_only(name, vec![analysis]).unwrap());
        let own = alone.remove("measurements").unwrap();
        assert!(own.iter().all(|line| line["analysis"] == name));
        assert!(scalars.iter().filter(|line| line["analysis"] == name).eq(&own), "{name}: other scalars");
        for (table, lines) in alone {
            assert!(known.contains(&*table), "{name}: `{table}` is not in the catalogue of tables");
            assert!(all.remove(&table) == Some(lines), "{name}: `{table}` is another's too, or other rows");
        }
    }
    assert!(all.is_empty(), "nobody's tables: {:?}", all.keys());
}

#[test]
fn the_same_bytes_whatever_the_number_of_threads() {
    let world = World::new(true);
    let bytes = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = pool.install(|| world.run(name)).unwrap();
        let entries = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
            .collect::<BTreeMap<_, _>>()
    };
    assert!(bytes(1, "one") == bytes(3, "three"));
}

#[test]
fn every_shape_of_model_is_explained_in_numbers_at_places_that_it_has() {
    let shapes = [
        deep(),
        transformer::Config { n_layers: 0, ..deep() },
        transformer::Config { attn_only: true, d_mlp: 0, ..deep() },
        transformer::Config { n_heads: 1, d_head: 12, normalization_type: Normalization::None, ..deep() },
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let world = World::new(true);
        let models = [0, 1].map(|seed| (seed, 300, random_model(&shape, seed as u64)));
        world.show_models(&shape, &models);
        let out = world.run("out").unwrap_or_else(|error| panic!("shape {number}: {error}"));
        for (table, lines) in tables(&out) {
            let odd =
                lines.iter().flatten().find(|(_, cell)| matches!(cell.as_str(), "NaN" | "inf" | "-inf"));
            assert_eq!(odd, None, "{table}");
        }
        let heads: Vec<_> =
            (0..shape.n_layers).flat_map(|layer| (0..shape.n_heads).map(move |head| (layer, head))).collect();
        let mut parts: BTreeSet<String> =
            heads.iter().map(|(layer, head)| format!("blocks.{layer}.attn.head.{head}")).collect();
        if !shape.attn_only {
            parts.extend((0..shape.n_layers).map(|layer| format!("blocks.{layer}.mlp")));
        }
        for row in measurements(&out) {
            assert!(row.low <= row.high && row.low.is_some() == row.high.is_some(), "{row:?}");
            assert!(row.n >= 0 && (row.value.is_some() || row.low.is_none()), "{row:?}");
            assert!(
                row.component.is_empty() || row.component.split('+').all(|part| parts.contains(part)),
                "{row:?}"
            );
            let layer = usize::try_from(row.layer).ok();
            if !row.hook.is_empty() {
                let hook: HookPoint = row.hook.parse().unwrap();
                assert_eq!(hook.layer(), layer, "{row:?}");
            }
            if row.head >= 0 {
                assert_eq!(row.component, format!("blocks.{}.attn.head.{}", row.layer, row.head), "{row:?}");
            }
            assert!(layer.is_none_or(|layer| layer < shape.n_layers), "{row:?}");
        }
    }
}

#[test]
fn a_seed_is_explained_alike_alone_and_beside_others() {
    let world = World::new(true);
    let models = [0, 1, 2].map(|seed| (seed, 300, random_model(&deep(), seed as u64)));
    world.show_models(&deep(), &models);
    let among = only(&tables(&world.run("among").unwrap()), "seed", "1");
    world.show_models(&deep(), &models[1..2]);
    let alone = only(&tables(&world.run("alone").unwrap()), "seed", "1");
    assert!(alone.values().any(|lines| !lines.is_empty()));
    assert!(among == alone);
}

#[test]
fn a_task_is_explained_alike_alone_beside_others_and_in_any_order() {
    let world = World::new(true);
    let (one, other) = (rows("plus1", 0, 4), rows("short", 100, 3));
    let explained = |name: &str, rows: &[Example]| {
        world.show_rows(rows);
        only(&tables(&world.run(name).unwrap()), "task", "plus1")
    };
    let alone = explained("alone", &one);
    assert!(alone.values().any(|lines| !lines.is_empty()));
    assert!(alone == explained("beside", &[other.clone(), one.clone()].concat()));
    assert!(alone == explained("turned", &one.iter().rev().chain(&other).cloned().collect::<Vec<_>>()));
}

#[test]
fn rows_of_many_lengths_one_row_and_none_are_no_mistake() {
    for twins in [true, false] {
        let world = World::new(twins);
        let many = [rows("plus1", 0, 4), rows("plus1", 100, 3), rows("plus1", 200, 2)].concat();
        for (name, rows) in [("many", &many[..]), ("one", &many[..1]), ("none", &[])] {
            world.show_rows(rows);
            let out = world.run(name).unwrap();
            assert_eq!(measurements(&out).is_empty(), rows.is_empty(), "{name}");
        }
    }
}
