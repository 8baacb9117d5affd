use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::{SpooledData, SpooledTempFile};
use transformer::cuda::Table as DeviceTable;

use crate::Error;
use crate::batch::Batch;
use crate::row::{Row, Scoring};
use crate::table::{Extent, Table};

/// The rows of a split, packed: eight bytes for where a row begins, eight for where its answer is, and two a token.
///
/// Few are held in memory. Many are kept in files without a name, so that memory does not grow with them; where the system
/// has memory to spare, it holds these in it.
pub(crate) struct Rows {
    split: &'static str,
    scoring: Scoring,
    pub(crate) extent: Extent,
    /// Where the record of each row begins, and where the last one ends.
    starts: SpooledData,
    records: SpooledData,
    /// Where the files without a name are.
    folder: PathBuf,
}

/// The bytes of records that are held in memory at most, and of their starts.
pub(crate) const HELD: usize = 64 << 20;

const START: usize = size_of::<u64>();

impl Rows {
    /// Reads and checks all rows; more than `held` bytes go into a file without a name in `folder`.
    pub(crate) fn read(table: &Table, held: usize, folder: &Path) -> Result<Self, Error> {
        let Table { split, scoring, .. } = *table;
        let failed = |source| Error::Spilled { split, folder: folder.to_owned(), source };
        let pile = || BufWriter::new(SpooledTempFile::new_in(held, folder));
        let (mut starts, mut records) = (pile(), pile());
        let (mut start, mut record) = (0_u64, Vec::new());
        let extent = table.read(|Row { tokens, answer }| {
            record.clear();
            record.extend([answer.start, answer.end].iter().flat_map(|at| (*at as u32).to_le_bytes()));
            record.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
            starts
                .write_all(&start.to_le_bytes())
                .and_then(|()| records.write_all(&record))
                .map_err(failed)?;
            start += record.len() as u64;
            Ok(())
        })?;
        starts.write_all(&start.to_le_bytes()).map_err(failed)?;
        let kept = |pile: BufWriter<SpooledTempFile>| match pile.into_inner() {
            Ok(file) => Ok(file.into_inner()),
            Err(error) => Err(failed(error.into_error())),
        };
        Ok(Self {
            split,
            scoring,
            extent,
            starts: kept(starts)?,
            records: kept(records)?,
            folder: folder.to_owned(),
        })
    }

    /// Returns the rows of these numbers as one batch.
    pub(crate) fn batch(&self, numbers: impl Iterator<Item = u64>) -> Result<Batch, Error> {
        let mut rows = Vec::with_capacity(numbers.size_hint().0);
        for number in numbers {
            self.unpack(number..number + 1, &mut rows)?;
        }
        Ok(Batch::new(&rows, &self.scoring))
    }

    /// Returns rows that lie one behind the other as one batch.
    pub(crate) fn stretch(&self, numbers: Range<u64>) -> Result<Batch, Error> {
        let mut rows = Vec::with_capacity((numbers.end - numbers.start) as usize);
        self.unpack(numbers, &mut rows)?;
        Ok(Batch::new(&rows, &self.scoring))
    }

    /// Appends rows to `to`.
    fn unpack(&self, numbers: Range<u64>, to: &mut Vec<Row>) -> Result<(), Error> {
        let failed = |source| Error::Spilled { split: self.split, folder: self.folder.clone(), source };
        let (first, count) = (numbers.start * START as u64, (numbers.end - numbers.start) as usize);
        let starts = bytes(&self.starts, first, (count + 1) * START).map_err(failed)?;
        let starts = starts.as_chunks().0;
        let start = |row: usize| u64::from_le_bytes(starts[row]);
        let records = bytes(&self.records, start(0), (start(count) - start(0)) as usize).map_err(failed)?;
        to.extend((0..count).map(|row| {
            let [from, end] = [row, row + 1].map(|row| (start(row) - start(0)) as usize);
            let (answer, tokens) = records[from..end].split_at(2 * size_of::<u32>());
            let at = |which: usize| u32::from_le_bytes(answer.as_chunks().0[which]) as usize;
            let tokens = tokens.as_chunks().0.iter().map(|token| u16::from_le_bytes(*token)).collect();
            Row { tokens, answer: at(0)..at(1) }
        }));
        Ok(())
    }

    /// Appends all rows, padded to the table's length; returns how many tokens of each count in the loss.
    pub(crate) fn write_to(&self, table: &mut DeviceTable) -> Result<Vec<u32>, Error> {
        let border = self.scoring.vocabulary.border;
        table.border = border.map(|border| (border.end as u16, border.separator as u16));
        let mut write = |row: Row| {
            let scored = self.scoring.scored(&row);
            table.tokens.extend_from_slice(&row.tokens);
            table.tokens.extend(std::iter::repeat_n(0, table.positions + 1 - row.tokens.len()));
            table.flags.extend((1..=table.positions).map(|target| {
                let flag = |range: &Range<usize>, flag| if range.contains(&target) { flag } else { 0 };
                flag(&scored, DeviceTable::SCORED) | flag(&row.answer, DeviceTable::ANSWER)
            }));
            scored.len() as u32
        };
        let (mut counts, mut rows) = (Vec::new(), Vec::new());
        for first in (0..self.extent.rows).step_by(1024) {
            self.unpack(first..self.extent.rows.min(first + 1024), &mut rows)?;
            counts.extend(rows.drain(..).map(&mut write));
        }
        Ok(counts)
    }
}

/// Returns bytes from where they are kept.
fn bytes(kept: &SpooledData, from: u64, count: usize) -> io::Result<Cow<'_, [u8]>> {
    match kept {
        SpooledData::InMemory(all) => Ok(Cow::Borrowed(&all.get_ref()[from as usize..][..count])),
        SpooledData::OnDisk(file) => {
            let mut found = vec![0; count];
            file.read_exact_at(&mut found, from)?;
            Ok(Cow::Owned(found))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::{numbered, row};

    #[test]
    fn rows_in_files_are_those_in_memory_and_leave_nothing_behind() {
        let [data, kept] = std::array::from_fn(|_| tempfile::tempdir().expect("a temporary folder"));
        let table = numbered(&data, &[9_000, 9_000]);
        // 18,000 rows of 12 to 16 bytes, and 18,001 starts of 8.
        for (held, in_memory) in [(HELD, [true, true]), (200_000, [true, false]), (0, [false, false])] {
            let rows = Rows::read(&table, held, kept.path()).expect("rows");
            let kept = [&rows.starts, &rows.records].map(|kept| matches!(kept, SpooledData::InMemory(_)));
            assert_eq!(kept, in_memory, "{held} bytes held");
            assert_eq!(rows.extent, Extent { rows: 18_000, longest: 4 });
            let mut found = Vec::new();
            rows.unpack(0..18_000, &mut found).expect("rows");
            assert!(found.drain(..).eq((0..18_000).map(row)), "{held} bytes held");
            for number in [17_999, 0, 1, 8_999, 9_000] {
                rows.unpack(number..number + 1, &mut found).expect("a row");
                assert_eq!(found.pop(), Some(row(number as u16)), "{held} bytes held");
            }
            let scattered = rows.batch(500..700).expect("rows");
            assert_eq!(scattered.arrays.tokens, rows.stretch(500..700).expect("rows").arrays.tokens);
        }
        assert_eq!(std::fs::read_dir(kept.path()).expect("the folder").count(), 0);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let none = data.path().join("none");
        let error = Rows::read(&numbered(&data, &[9]), 0, &none).err().expect("it cannot be");
        let expected =
            format!("the train rows are many, and could not be kept in a file in {}: ", none.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
