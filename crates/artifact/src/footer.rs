//! What a Parquet footer says, before it is decoded and after: nothing that the file cannot hold.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};

use crate::guard::guard;
use crate::limit::{limit, spelled, within};
use crate::thrift::{Fault, Shape, Thrift};
use crate::{Error, Result};

/// How deep columns may be nested: decoders call themselves at every step.
const DEPTH: usize = 48;
/// Bytes that one element of a list of the footer takes in memory, at most, for each that it has in the file.
const DECODED: u64 = 128;
const MAGIC: &[u8; 4] = b"PAR1";
/// Length of the footer, and the mark behind it.
const TAIL: u64 = 8;

const EMPTY: Shape = Shape::Struct(&[]);
const UNIT: Shape = Shape::Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]);
const TIME: Shape = Shape::Struct(&[(1, Shape::Bool), (2, UNIT)]);
const LOGICAL_TYPE: Shape = Shape::Struct(&[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Shape::Struct(&[(1, Shape::I32), (2, Shape::I32)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Shape::Struct(&[(1, Shape::Byte), (2, Shape::Bool)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Shape::Struct(&[(1, Shape::Byte)])),
    (17, Shape::Struct(&[(1, Shape::Binary)])),
    (18, Shape::Struct(&[(1, Shape::Binary), (2, Shape::I32)])),
]);
const SCHEMA_ELEMENT: Shape = Shape::Struct(&[
    (1, Shape::I32),
    (2, Shape::I32),
    (3, Shape::I32),
    (4, Shape::Binary),
    (CHILDREN, Shape::I32),
    (6, Shape::I32),
    (7, Shape::I32),
    (8, Shape::I32),
    (9, Shape::I32),
    (10, LOGICAL_TYPE),
]);
const CHILDREN: i16 = 5;
pub(crate) const STATISTICS: Shape = Shape::Struct(&[
    (1, Shape::Binary),
    (2, Shape::Binary),
    (3, Shape::I64),
    (4, Shape::I64),
    (5, Shape::Binary),
    (6, Shape::Binary),
    (7, Shape::Bool),
    (8, Shape::Bool),
    (9, Shape::I64),
]);
const KEY_VALUE: Shape = Shape::Struct(&[(1, Shape::Binary), (2, Shape::Binary)]);
const BOX: Shape = Shape::Struct(&[
    (1, Shape::Double),
    (2, Shape::Double),
    (3, Shape::Double),
    (4, Shape::Double),
    (5, Shape::Double),
    (6, Shape::Double),
    (7, Shape::Double),
    (8, Shape::Double),
]);
const COLUMN: Shape = Shape::Struct(&[
    (1, Shape::I32),
    (2, Shape::List(&Shape::I32)),
    (3, Shape::List(&Shape::Binary)),
    (4, Shape::I32),
    (5, Shape::I64),
    (6, Shape::I64),
    (7, Shape::I64),
    (8, Shape::List(&KEY_VALUE)),
    (9, Shape::I64),
    (10, Shape::I64),
    (11, Shape::I64),
    (12, STATISTICS),
    (13, Shape::List(&Shape::Struct(&[(1, Shape::I32), (2, Shape::I32), (3, Shape::I32)]))),
    (14, Shape::I64),
    (15, Shape::I32),
    (16, Shape::Struct(&[(1, Shape::I64), (2, Shape::List(&Shape::I64)), (3, Shape::List(&Shape::I64))])),
    (17, Shape::Struct(&[(1, BOX), (2, Shape::List(&Shape::I32))])),
]);
const ROW_GROUP: Shape = Shape::Struct(&[
    (
        1,
        Shape::List(&Shape::Struct(&[
            (1, Shape::Binary),
            (2, Shape::I64),
            (3, COLUMN),
            (4, Shape::I64),
            (5, Shape::I32),
            (6, Shape::I64),
            (7, Shape::I32),
        ])),
    ),
    (2, Shape::I64),
    (3, Shape::I64),
    (4, Shape::List(&Shape::Struct(&[(1, Shape::I32), (2, Shape::Bool), (3, Shape::Bool)]))),
    (5, Shape::I64),
    (6, Shape::I64),
    (7, Shape::I16),
]);
/// The file's metadata without the schema, which is looked at element by element.
const REST: &[(i16, Shape)] = &[
    (1, Shape::I32),
    (3, Shape::I64),
    (4, Shape::List(&ROW_GROUP)),
    (5, Shape::List(&KEY_VALUE)),
    (6, Shape::Binary),
    (7, Shape::List(&Shape::Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]))),
];
const SCHEMA: i16 = 2;

/// Reads the footer of an open file of so many bytes, and checks it.
pub(crate) fn read(path: &Path, file: &File, size: u64) -> Result<ArrowReaderMetadata> {
    let wrong = |message: String| Error::Parquet { path: path.to_owned(), message };
    let ends = || wrong(format!("it should begin and end with PAR1; it has {size} bytes"));
    let mut head = [0; 4];
    let mut tail = [0; TAIL as usize];
    let behind = size.checked_sub(TAIL).filter(|at| *at >= head.len() as u64).ok_or_else(ends)?;
    file.read_exact_at(&mut head, 0).map_err(Error::io("read", path))?;
    file.read_exact_at(&mut tail, behind).map_err(Error::io("read", path))?;
    let (length, mark) = tail.split_at(4);
    if head != *MAGIC || mark != MAGIC {
        return Err(ends());
    }
    let length = u64::from(u32::from_le_bytes(length.try_into().expect("four bytes")));
    let start = behind.checked_sub(length).filter(|start| *start >= head.len() as u64);
    let start =
        start.ok_or_else(|| wrong(format!("its footer should have {length} bytes, the file has {size}")))?;
    within(path, || format!("a footer of {length} bytes"), length.saturating_mul(DECODED / 8), limit())?;
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| ends())?];
    file.read_exact_at(&mut bytes, start).map_err(Error::io("read", path))?;
    check(&bytes).map_err(|fault| {
        wrong(match fault {
            Fault::Short => "its footer ends too early".to_owned(),
            Fault::Wrong(what) => format!("its footer has {what}"),
        })
    })?;
    let decode = || {
        let metadata = Arc::new(ParquetMetaDataReader::decode_metadata(&bytes)?);
        // A writer may note a type that Arrow has not (128 bits wide, of polars): then what Parquet itself says counts.
        let plain = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        ArrowReaderMetadata::try_new(metadata.clone(), ArrowReaderOptions::new())
            .or_else(|_| ArrowReaderMetadata::try_new(metadata, plain()))
    };
    let metadata = guard(path, decode)?.map_err(Error::parquet(path))?;
    plausible(metadata.metadata(), start, wrong)?;
    let most = values(metadata.metadata());
    within(path, || format!("a column of {most} values"), most.saturating_mul(8), spelled(size))?;
    Ok(metadata)
}

/// Walks the encoded metadata of a file.
fn check(bytes: &[u8]) -> std::result::Result<(), Fault> {
    let mut thrift = Thrift::new(bytes, limit() / DECODED);
    let mut last = 0;
    while let Some((number, wire)) = thrift.field(last)? {
        match REST.iter().find(|(known, _)| *known == number) {
            _ if number == SCHEMA => schema(&mut thrift, wire)?,
            Some((_, shape)) if !shape.is(wire) => return Err(Fault::Wrong("a field of another type")),
            Some((_, shape)) => thrift.walk(shape, &mut Vec::new(), &mut |_, _| ())?,
            None => thrift.skip(wire, 16)?,
        }
        last = number;
    }
    Ok(())
}

/// Walks the schema: a tree, each element followed by as many subtrees as it says that it has.
fn schema(thrift: &mut Thrift, wire: u8) -> std::result::Result<(), Fault> {
    if !Shape::List(&SCHEMA_ELEMENT).is(wire) {
        return Err(Fault::Wrong("a field of another type"));
    }
    let (wire, count) = thrift.list()?;
    if !SCHEMA_ELEMENT.is(wire) {
        return Err(Fault::Wrong("a list of another type"));
    }
    // Of the open groups, outermost first: how many elements are still to come in each.
    let mut open = vec![1_usize];
    for left in (0..count).rev() {
        let mut children = 0;
        thrift.walk(&SCHEMA_ELEMENT, &mut Vec::new(), &mut |within, number| {
            children = if within == [CHILDREN] { number } else { children };
        })?;
        let children = usize::try_from(children).ok().filter(|children| *children <= left);
        let children = children.ok_or(Fault::Wrong("a column of more parts than there are"))?;
        match open.last_mut() {
            Some(expected) if *expected > 0 => *expected -= 1,
            _ => return Err(Fault::Wrong("columns that belong to none")),
        }
        open.push(children);
        while open.len() > 1 && open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > DEPTH {
            return Err(Fault::Wrong("columns nested too deep"));
        }
    }
    match open.as_slice() {
        [0] => Ok(()),
        _ => Err(Fault::Wrong("fewer columns than it says")),
    }
}

/// Checks that counts agree with each other and that every column lies where the file has bytes, before `end`.
fn plausible(metadata: &ParquetMetaData, end: u64, error: impl Fn(String) -> Error) -> Result<()> {
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    let mut total = 0_i64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let wrong = |what: String| Err(error(format!("row group {number}: {what}")));
        if group.num_columns() != leaves {
            return wrong(format!("expected {leaves} columns, found {}", group.num_columns()));
        }
        let rows = group.num_rows();
        total = match total.checked_add(rows) {
            Some(total) if rows >= 0 => total,
            _ => return wrong(format!("it cannot have {rows} rows")),
        };
        for column in group.columns() {
            let (name, values) = (column.column_path().string(), column.num_values());
            let fits =
                if column.column_descr().max_rep_level() == 0 { values == rows } else { values >= rows };
            if !fits {
                return wrong(format!("column `{name}` cannot have {values} values in {rows} rows"));
            }
            if range(column).is_none_or(|(start, length)| length > end.saturating_sub(start)) {
                return wrong(format!("column `{name}` lies outside of the file"));
            }
        }
    }
    match metadata.file_metadata().num_rows() {
        rows if rows == total => Ok(()),
        rows => Err(error(format!("it should have {rows} rows, its row groups have {total}"))),
    }
}

/// Returns where a column lies: its first byte, and how many it has; nothing where it says what cannot be.
pub(crate) fn range(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let start = u64::try_from(start).ok().filter(|start| *start >= MAGIC.len() as u64);
    start.zip(u64::try_from(column.compressed_size()).ok())
}

/// The most values of a column.
fn values(metadata: &ParquetMetaData) -> u64 {
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    let of = |leaf: usize| {
        let groups = metadata.row_groups().iter();
        groups.fold(0, |sum: u64, group| sum.saturating_add(group.column(leaf).num_values().unsigned_abs()))
    };
    (0..leaves).map(of).max().unwrap_or(0)
}
