//! Where everything comes from: folders, keys, digests, configs, and how to run it again.

use maud::{Markup, html};

use crate::folder::Folder;
use crate::{Config, Inputs};

/// Returns the commands that run it again, and how a table is loaded.
pub(crate) fn rerun(config: &Config, folders: &[Folder]) -> Markup {
    let name = config.pipeline.as_deref().unwrap_or("NAME");
    let definition = format!("pipelines/{name}.yaml");
    let has = |folder: &&Folder, table: &str| folder.tables.iter().any(|name| name == table);
    let trained = folders.iter().find(|folder| has(folder, "training.parquet")).or(folders.first());
    let stage = trained.map_or("train", |folder| folder.stage.as_str());
    let scored = folders.iter().find(|folder| has(folder, "scores.parquet"));
    let any = || folders.iter().find_map(|folder| Some((folder, folder.tables.first()?.as_str())));
    let example = scored.map(|folder| (folder, "scores.parquet")).or_else(any);
    html! {
        section #rerun {
            h2 { "Run it again" }
            pre tabindex="0" { code {
                "make pipeline TASK=" (name) "                # everything that is not already done\n"
                "seqlab run " (definition) "\n"
                "seqlab run " (definition) " " (stage) " --set " (stage) ".seeds=16\n"
                "seqlab why " (definition) " " (stage) "          # what changed since the last run"
            } }
            @if let Some((folder, table)) = example {
                @let path = format!("{}/{table}", folder.shown);
                h3 { "Load a table" }
                div.snippets {
                    div { h4 { "pandas" } pre tabindex="0" { code { "import pandas\ntable = pandas.read_parquet(\"" (path) "\")" } } }
                    div { h4 { "polars" } pre tabindex="0" { code { "import polars\ntable = polars.read_parquet(\"" (path) "\")" } } }
                    div { h4 { "DuckDB" } pre tabindex="0" { code { "SELECT *\nFROM '" (path) "';" } } }
                    div { h4 { "R" } pre tabindex="0" { code { "library(arrow)\ntable <- read_parquet(\"" (path) "\")" } } }
                }
                p.note { "Columns spelt alike join: " code { "USING (seed, step, split, example_id)" } ". " code { "seqlab tables" } " prints what every column means." }
            }
        }
    }
}

/// Returns the folders with at most `bytes` bytes of configs and digests.
pub(crate) fn folders(inputs: &Inputs, folders: &[Folder], bytes: usize) -> Markup {
    let mut spent = 0;
    let mut seen = Vec::new();
    let labels = inputs.folders.iter().map(|(label, _)| label);
    let shown: Vec<_> = labels
        .zip(folders)
        .map(|(label, folder)| {
            let mut config = folder
                .manifest
                .as_ref()
                .map_or_else(String::new, |manifest| format!("{:#}", manifest.config));
            // The points of a matrix share most of theirs.
            let again = seen.contains(&config) || config.is_empty() || config == "{}";
            seen.push(config.clone());
            if again {
                config.clear();
            }
            let digests: usize = folder
                .manifest
                .iter()
                .flat_map(|manifest| &manifest.inputs)
                .map(|(role, digest)| role.len() + digest.len() + 80)
                .sum();
            let left_out = spent + config.len() + digests > bytes;
            spent += if left_out { 0 } else { config.len() + digests };
            (label, folder, config, left_out)
        })
        .collect();
    html! {
        section #origin {
            h2 { "Where it comes from" }
            div.scroll { table {
                thead { tr { @for name in ["Stage", "Folder", "Key", "Tables"] { th scope="col" { (name) } } } }
                tbody { @for (label, folder, ..) in &shown { tr {
                    th scope="row" { (label) } td { code { (folder.shown) } } td { code { (short(key(folder))) } }
                    td { @if folder.tables.is_empty() { "none" } @else { (folder.tables.join(", ")) } }
                } } }
            } }
            @for (label, folder, config, _) in shown.iter().filter(|(.., left_out)| !left_out) { (details(label, folder, config)) }
            @if shown.iter().any(|(.., left_out)| *left_out) {
                p.note { "Not all configs and digests have room here; they stand in the folders' " code { "manifest.json" } "." }
            }
        }
    }
}

fn details(label: &str, folder: &Folder, config: &str) -> Markup {
    let inputs = folder.manifest.iter().flat_map(|manifest| &manifest.inputs).collect::<Vec<_>>();
    html! {
        @if !config.is_empty() || !inputs.is_empty() {
            details { summary { (label) ": resolved config and inputs" }
                p { "Key " code.digest { (if key(folder).is_empty() { "–" } else { key(folder) }) } }
                @if !inputs.is_empty() { div.scroll { table {
                    thead { tr { th scope="col" { "Input" } th scope="col" { "Digest (BLAKE3)" } } }
                    tbody { @for (role, digest) in &inputs { tr { th scope="row" { (role) } td { code.digest { (digest) } } } } }
                } } }
                @if !config.is_empty() { pre tabindex="0" { code { (config) } } }
            }
        }
    }
}

fn key(folder: &Folder) -> &str {
    folder.manifest.as_ref().map_or("", |manifest| manifest.key.as_str())
}

fn short(key: &str) -> &str {
    if key.is_empty() { "–" } else { key.get(..16).unwrap_or(key) }
}
