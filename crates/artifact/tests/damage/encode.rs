//! A writer of Parquet files that says what it is told to: every column is one value, over and over, in a dictionary.

/// Fields of a struct in Thrift's compact encoding; the end is written when the bytes are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
    last: i16,
}

impl Fields {
    fn begin(&mut self, field: i16, wire: u8) -> &mut Self {
        match field - self.last {
            delta @ 1..=15 => self.bytes.push((delta as u8) << 4 | wire),
            _ => {
                self.bytes.push(wire);
                varint(&mut self.bytes, zigzag(field.into()));
            }
        }
        self.last = field;
        self
    }

    pub(crate) fn int(&mut self, field: i16, wire: u8, value: i64) -> &mut Self {
        varint(&mut self.begin(field, wire).bytes, zigzag(value));
        self
    }

    pub(crate) fn binary(&mut self, field: i16, value: &[u8]) -> &mut Self {
        let bytes = &mut self.begin(field, 8).bytes;
        varint(bytes, value.len() as u64);
        bytes.extend(value);
        self
    }

    pub(crate) fn fields(&mut self, field: i16, fields: &Fields) -> &mut Self {
        self.begin(field, 12).bytes.extend(fields.bytes());
        self
    }

    pub(crate) fn list(&mut self, field: i16, wire: u8, elements: &[Vec<u8>]) -> &mut Self {
        let bytes = &mut self.begin(field, 9).bytes;
        bytes.push(0xf0 | wire);
        varint(bytes, elements.len() as u64);
        elements.iter().for_each(|element| bytes.extend(element));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.bytes.as_slice(), &[0]].concat()
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn number(value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(&mut bytes, zigzag(value));
    bytes
}

/// A column of one value, over and over.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    name: &'static str,
    /// Parquet's number of the physical type.
    kind: i64,
    repeated: bool,
    dictionary: Vec<u8>,
    /// How many values the dictionary says that it has.
    pub(crate) entries: i32,
    /// How many values the footer says that the column has.
    pub(crate) values: i64,
    written: i64,
    /// How large its page says that it is.
    pub(crate) announced: Option<i32>,
    /// Where the footer says that it lies.
    pub(crate) start: Option<i64>,
    /// How long the footer says that it is.
    pub(crate) length: Option<i64>,
}

impl Column {
    fn of(name: &'static str, kind: i64, values: i64, dictionary: Vec<u8>) -> Self {
        let (announced, start, length) = (None, None, None);
        Self {
            name,
            kind,
            repeated: false,
            dictionary,
            entries: 1,
            values,
            written: values,
            announced,
            start,
            length,
        }
    }

    pub(crate) fn int32(name: &'static str, values: i64, value: i32) -> Self {
        Self::of(name, 1, values, value.to_le_bytes().to_vec())
    }

    pub(crate) fn int64(name: &'static str, values: i64, value: i64) -> Self {
        Self::of(name, 2, values, value.to_le_bytes().to_vec())
    }

    pub(crate) fn text(name: &'static str, values: i64, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).expect("a short text");
        Self::of(name, 6, values, [&length.to_le_bytes(), value].concat())
    }

    /// One row that holds all values.
    pub(crate) fn list(name: &'static str, values: i64, value: i64) -> Self {
        Self { repeated: true, ..Self::int64(name, values, value) }
    }

    /// The pages of the column: its dictionary, and runs, of at most 2^30 values a page.
    fn pages(&self) -> (Vec<u8>, usize) {
        let mut bytes =
            page(2, &self.dictionary, None, 7, Fields::default().int(1, 5, self.entries.into()).int(2, 5, 0));
        let data = bytes.len();
        let run = |values: i64, index: u8| {
            let mut run = Vec::new();
            varint(&mut run, (values as u64) << 1);
            run.push(index);
            run
        };
        let levels = |runs: Vec<u8>| [(runs.len() as u32).to_le_bytes().to_vec(), runs].concat();
        let mut left = self.written;
        while left > 0 {
            let values = left.min(1 << 30);
            let mut body = Vec::new();
            if self.repeated {
                let first = i64::from(left == self.written);
                let begins = if first == 1 { run(1, 0) } else { Vec::new() };
                body.extend(levels([begins, run(values - first, 1)].concat()));
                body.extend(levels(run(values, 1)));
            }
            body.push(1);
            body.extend(run(values, 0));
            let mut header = Fields::default();
            header.int(1, 5, values).int(2, 5, 8).int(3, 5, 3).int(4, 5, 3);
            bytes.extend(page(0, &body, self.announced, 5, &header));
            left -= values;
        }
        (bytes, data)
    }
}

fn page(kind: i64, body: &[u8], announced: Option<i32>, field: i16, of_kind: &Fields) -> Vec<u8> {
    let stored = i64::try_from(body.len()).expect("a short page");
    let mut header = Fields::default();
    header
        .int(1, 5, kind)
        .int(2, 5, announced.map_or(stored, i64::from))
        .int(3, 5, stored)
        .fields(field, of_kind);
    [header.bytes(), body.to_vec()].concat()
}

/// A file of one row group that says it is this table of ours.
pub(crate) fn file(table: &str, version: u32, rows: i64, columns: &[Column]) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    let mut schema = vec![Fields::default().binary(4, b"root").int(5, 5, columns.len() as i64).bytes()];
    let mut chunks = Vec::new();
    for column in columns {
        let mut element = Fields::default();
        element
            .int(1, 5, column.kind)
            .int(3, 5, if column.repeated { 2 } else { 0 })
            .binary(4, column.name.as_bytes());
        if column.kind == 6 {
            element.int(6, 5, 0);
        }
        schema.push(element.bytes());
        let start = bytes.len() as i64;
        let (pages, data) = column.pages();
        let length = column.length.unwrap_or(pages.len() as i64);
        bytes.extend(&pages);
        let mut path = Vec::new();
        varint(&mut path, column.name.len() as u64);
        path.extend(column.name.as_bytes());
        let codec = i64::from(column.announced.is_some()); // snappy
        let mut metadata = Fields::default();
        metadata
            .int(1, 5, column.kind)
            .list(2, 5, &[number(0), number(8)])
            .list(3, 8, &[path])
            .int(4, 5, codec);
        metadata.int(5, 6, column.values).int(6, 6, length).int(7, 6, length);
        metadata.int(9, 6, start + data as i64).int(11, 6, column.start.unwrap_or(start));
        chunks.push(Fields::default().int(2, 6, start).fields(3, &metadata).bytes());
    }
    let total = bytes.len() as i64;
    let group = Fields::default().list(1, 12, &chunks).int(2, 6, total).int(3, 6, rows).bytes();
    let pair = |key: &str, value: &str| {
        Fields::default().binary(1, key.as_bytes()).binary(2, value.as_bytes()).bytes()
    };
    let pairs = [pair("seqlab.table", table), pair("seqlab.version", &version.to_string())];
    let mut footer = Fields::default();
    footer.int(1, 5, 1).list(2, 12, &schema).int(3, 6, rows).list(4, 12, &[group]).list(5, 12, &pairs);
    let footer = footer.bytes();
    bytes.extend(&footer);
    bytes.extend((footer.len() as u32).to_le_bytes());
    bytes.extend(b"PAR1");
    bytes
}

/// The bytes of a sound file's footer.
pub(crate) fn footer_of(bytes: &[u8]) -> &[u8] {
    let end = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    &bytes[end - length.min(end)..end]
}
