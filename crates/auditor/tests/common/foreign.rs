//! Folders as other people write them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, ListBuilder, RecordBatch, StringArray};
use auditor::{FolderAudit, Options, audit_folder};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

pub(crate) const TRAIN: [&[i64]; 3] = [&[1, 2, 3], &[7, 8, 9], &[4, 6, 8]];
pub(crate) const CLEAN: [&[i64]; 1] = [&[2, 4, 7]];
pub(crate) const LEAKY: [&[i64]; 2] = [&[2, 4, 7], &[5, 7, 8]];

pub(crate) fn save_as(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn save(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    save_as(path, columns, WriterProperties::default());
}

pub(crate) fn lists(rows: &[&[i64]]) -> ArrayRef {
    let mut list = ListBuilder::new(Int64Builder::new());
    for row in rows {
        list.values().append_slice(row);
        list.append(true);
    }
    Arc::new(list.finish())
}

pub(crate) fn texts(rows: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(rows.to_vec()))
}

/// A folder of Parquet files with one column `terms`.
pub(crate) fn folder(files: &[(&str, &[&[i64]])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in files {
        save(&folder.path().join(name), vec![("terms", lists(rows))]);
    }
    folder
}

pub(crate) fn audited(folder: &tempfile::TempDir, options: &Options) -> auditor::Result<FolderAudit> {
    audit_folder(folder.path(), options)
}

/// The error of an audit, which has to be one of usage: exit 2.
pub(crate) fn refused(folder: &tempfile::TempDir, options: &Options) -> String {
    let error = audited(folder, options).expect_err("it should be refused");
    assert!(matches!(&error, auditor::Error::Folder { .. }), "{error:?}");
    error.to_string()
}

pub(crate) fn given(splits: &[(&str, &str)]) -> Options {
    let splits = splits.iter().map(|(split, files)| ((*split).to_owned(), (*files).to_owned()));
    Options { splits: splits.collect(), ..Options::default() }
}

pub(crate) fn skipping(names: &[&str]) -> Options {
    Options { skip: names.iter().map(|name| (*name).to_owned()).collect(), ..Options::default() }
}

/// A manifest to be filled in.
pub(crate) fn bare(verb: &str) -> artifact::Manifest {
    artifact::Manifest {
        format: artifact::FORMAT,
        verb: verb.to_owned(),
        version: 1,
        key: String::new(),
        config: serde_json::json!({}),
        inputs: Default::default(),
        other: Default::default(),
        files: Vec::new(),
        run: serde_json::json!({}),
        digest: String::new(),
    }
}
