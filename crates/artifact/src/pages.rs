//! The pages of a column chunk, looked at before any is decompressed: what they announce is what a reader makes room for.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use parquet::basic::{Compression, Type};
use parquet::file::metadata::ColumnChunkMetaData;

use crate::footer::{STATISTICS, range};
use crate::limit::within;
use crate::thrift::{Fault, Shape, Thrift};
use crate::{Error, Result, printable, unpacked};

const HEADER: Shape = Shape::Struct(&[
    (1, Shape::I32),
    (2, Shape::I32),
    (3, Shape::I32),
    (4, Shape::I32),
    (
        DATA,
        Shape::Struct(&[(1, Shape::I32), (2, Shape::I32), (3, Shape::I32), (4, Shape::I32), (5, STATISTICS)]),
    ),
    (6, Shape::Struct(&[])),
    (DICTIONARY, Shape::Struct(&[(1, Shape::I32), (2, Shape::I32), (3, Shape::Bool)])),
    (
        DATA_2,
        Shape::Struct(&[
            (1, Shape::I32),
            (2, Shape::I32),
            (3, Shape::I32),
            (4, Shape::I32),
            (5, Shape::I32),
            (6, Shape::I32),
            (7, Shape::Bool),
            (8, STATISTICS),
        ]),
    ),
]);
const DATA: i16 = 5;
const DICTIONARY: i16 = 7;
const DATA_2: i16 = 8;
/// Bytes that are read for a page's header at first; one with statistics of long texts has more.
const WINDOW: u64 = 256;
const LONGEST_HEADER: u64 = 1 << 24;
/// The encoding in which a text may repeat the beginning of the one before it.
const DELTA_BYTE_ARRAY: i64 = 7;

/// What a column chunk announces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Values of all pages, of all rows, nulls among them.
    pub(crate) values: u64,
    /// Bytes of the largest page.
    pub(crate) page: u64,
    /// Bytes out of which any number of rows may be made: of the dictionary, and of texts that repeat each other.
    pub(crate) repeated: u64,
}

/// A page header.
#[derive(Debug, Default)]
struct Page {
    kind: i64,
    stored: i64,
    size: i64,
    values: i64,
    encoding: i64,
    /// Bytes of levels that stand before the values uncompressed.
    levels: i64,
}

/// Looks at every page header of a column chunk; refuses one that cannot be, or announces more than `most` bytes at once.
pub(crate) fn survey(path: &Path, file: &File, column: &ColumnChunkMetaData, most: u64) -> Result<Announced> {
    let name = column.column_path().string();
    let name = printable(&name);
    let wrong = |at: u64, what: &str| Error::Parquet {
        path: path.to_owned(),
        message: format!("column `{name}`, page at byte {at}: {what}"),
    };
    let (start, length) = range(column).ok_or_else(|| wrong(0, "it lies outside of the file"))?;
    let end = start.saturating_add(length);
    let mut announced = Announced::default();
    if let Some(why) = unpacked::unreadable(column.compression()) {
        return Err(wrong(start, &why));
    }
    let mut at = start;
    while at < end {
        let (page, header) = header(path, file, at, end)?.map_err(|what| wrong(at, what))?;
        let (Ok(stored), Ok(size), Ok(values)) =
            (u64::try_from(page.stored), u64::try_from(page.size), u64::try_from(page.values))
        else {
            return Err(wrong(at, "a size cannot be negative"));
        };
        let body = at + header;
        if stored > end - body {
            return Err(wrong(at, "it ends behind its column"));
        }
        if column.compression() == Compression::UNCOMPRESSED && size != stored {
            return Err(wrong(at, "it is not compressed, but has another size than it is stored in"));
        }
        if page.levels > page.size {
            return Err(wrong(at, "its levels are larger than itself"));
        }
        within(path, || format!("column `{name}`: a page of {size} bytes"), size, most)?;
        announced.page = announced.page.max(size);
        if unpacked::may_exceed(column.compression(), stored, most) {
            let mut bytes = vec![0; usize::try_from(stored).map_err(|_| wrong(at, "it is too large"))?];
            file.read_exact_at(&mut bytes, body).map_err(Error::io("read", path))?;
            let levels = usize::try_from(page.levels).unwrap_or(0).min(bytes.len());
            if unpacked::exceeds(column.compression(), &bytes[levels..], size) {
                return Err(wrong(at, "it may unpack to more than it announces; ZSTD cannot"));
            }
        }
        match page.kind {
            1 => (),
            2 => {
                if values.saturating_mul(narrowest(column)) > size {
                    return Err(wrong(at, "its dictionary has fewer bytes than values"));
                }
                announced.repeated = announced.repeated.max(size);
            }
            0 | 3 => {
                announced.values = announced.values.saturating_add(values);
                if page.encoding == DELTA_BYTE_ARRAY {
                    announced.repeated = announced.repeated.max(size);
                }
            }
            _ => return Err(wrong(at, "it is of no known kind")),
        }
        at = body + stored;
    }
    if column.column_type() != Type::BYTE_ARRAY {
        announced.repeated = 0; // its values are as wide as they are, however often they stand
    }
    if i64::try_from(announced.values) != Ok(column.num_values()) {
        let what =
            format!("{} values were promised, its pages have {}", column.num_values(), announced.values);
        return Err(wrong(start, &what));
    }
    if column.column_descr().max_rep_level() > 0 {
        // One row may hold all values of the chunk: each with its two levels, in buffers that double as they grow.
        let bytes = announced.values.saturating_mul(2 * (width(column) + 4));
        within(
            path,
            || format!("column `{name}`: {} values, perhaps of one row,", announced.values),
            bytes,
            most,
        )?;
    }
    Ok(announced)
}

/// Reads the header of the page at `at`, and returns it with its length.
fn header(
    path: &Path,
    file: &File,
    at: u64,
    end: u64,
) -> Result<std::result::Result<(Page, u64), &'static str>> {
    let mut window = WINDOW;
    loop {
        let size = window.min(end - at);
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, at).map_err(Error::io("read", path))?;
        match parse(&bytes) {
            Ok(found) => return Ok(Ok(found)),
            Err(Fault::Wrong(what)) => return Ok(Err(what)),
            Err(Fault::Short) if size < window => return Ok(Err("its header ends behind its column")),
            Err(Fault::Short) if window >= LONGEST_HEADER => return Ok(Err("its header is too long")),
            Err(Fault::Short) => window *= 16,
        }
    }
}

fn parse(bytes: &[u8]) -> std::result::Result<(Page, u64), Fault> {
    let mut thrift = Thrift::new(bytes, 0);
    let mut page = Page { kind: -1, ..Page::default() };
    let mut of_kind = [(DATA, 0, 0), (DICTIONARY, 0, 0), (DATA_2, 0, 0)];
    thrift.walk(&HEADER, &mut Vec::new(), &mut |within, number| match *within {
        [1] => page.kind = number,
        [2] => page.size = number,
        [3] => page.stored = number,
        [DATA_2, 5 | 6] => page.levels = page.levels.saturating_add(number),
        [kind, field] => {
            for (known, values, encoding) in &mut of_kind {
                match field {
                    1 if *known == kind => *values = number,
                    2 if *known == kind && kind != DATA_2 => *encoding = number,
                    4 if *known == kind && kind == DATA_2 => *encoding = number,
                    _ => (),
                }
            }
        }
        _ => (),
    })?;
    let of = match page.kind {
        0 => Some(of_kind[0]),
        2 => Some(of_kind[1]),
        3 => Some(of_kind[2]),
        _ => None,
    };
    if let Some((_, values, encoding)) = of {
        (page.values, page.encoding) = (values, encoding);
    }
    Ok((page, thrift.at() as u64))
}

/// Bytes of a value in memory, the text of texts left out.
fn width(column: &ColumnChunkMetaData) -> u64 {
    match column.column_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::BYTE_ARRAY => 16,
        Type::FIXED_LEN_BYTE_ARRAY => {
            u64::try_from(column.column_descr().type_length()).unwrap_or(u64::MAX / 4)
        }
    }
}

/// Bytes of the shortest value as it is written.
fn narrowest(column: &ColumnChunkMetaData) -> u64 {
    match column.column_type() {
        Type::BYTE_ARRAY => 4,
        _ => width(column).max(1),
    }
}
