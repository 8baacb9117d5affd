//! Where everything comes from: folders, keys, digests, configs, and how to run it again.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::folder::Folder;
use crate::{Config, Error, Inputs};

/// One input folder.
#[derive(Debug, Serialize)]
struct Origin {
    label: String,
    path: String,
    key: String,
    tables: String,
    /// Role and table, and the digest, of what the stage read.
    inputs: BTreeMap<String, String>,
    /// The resolved config, indented; empty where it is the same as that of an earlier folder or was left out.
    config: String,
    config_left_out: bool,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    pipeline: Option<String>,
    /// `pipelines/<name>.yaml`.
    definition: String,
    stage: String,
    /// A folder for the snippets: one with scores where there is one.
    example: Option<String>,
    /// A point of the matrix, for the snippets.
    folders: Vec<Origin>,
    report_key: String,
}

/// Builds the section with at most `bytes` bytes of configs.
pub(crate) fn build(
    config: &Config,
    inputs: &Inputs,
    folders: &[Folder],
    report_key: &str,
    bytes: usize,
) -> Result<Section, Error> {
    let pipeline = config.pipeline.clone();
    let mut spent = 0;
    let mut seen = Vec::new();
    let origins = inputs.folders.iter().zip(folders).map(|((label, _), folder)| {
        let manifest = folder.manifest.as_ref();
        let mut text = manifest.map_or_else(String::new, |manifest| format!("{:#}", manifest.config));
        let again = seen.contains(&text) || text.is_empty() || text == "{}";
        seen.push(text.clone());
        let config_left_out = !again && spent + text.len() > bytes;
        if again || config_left_out {
            text.clear();
        }
        spent += text.len();
        Ok(Origin {
            label: label.clone(),
            path: folder.shown.clone(),
            key: manifest.map(|manifest| manifest.key.clone()).unwrap_or_default(),
            tables: folder.tables.join(", "),
            inputs: manifest.map(|manifest| manifest.inputs.clone()).unwrap_or_default(),
            config: text,
            config_left_out,
        })
    });
    let origins = origins.collect::<Result<Vec<_>, Error>>()?;
    let holding = |table: &str| {
        let folder = folders.iter().find(|folder| folder.tables.iter().any(|name| name == table))?;
        Some(format!("{}/{table}", folder.shown))
    };
    let example = holding("scores.parquet").or_else(|| {
        let folder = folders.iter().find(|folder| !folder.tables.is_empty())?;
        Some(format!("{}/{}", folder.shown, folder.tables[0]))
    });
    let trained = folders.iter().find(|folder| folder.tables.iter().any(|name| name == "training.parquet"));
    Ok(Section {
        definition: format!("pipelines/{}.yaml", pipeline.as_deref().unwrap_or("NAME")),
        stage: trained.or(folders.first()).map_or("train".to_owned(), |folder| folder.stage.clone()),
        pipeline,
        example,
        folders: origins,
        report_key: report_key.to_owned(),
    })
}
