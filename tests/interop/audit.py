"""Audits folders that pyarrow, polars and DuckDB wrote: every compression, type and layout is read, or refused by name.

Usage: audit.py SEQLAB EMPTY_FOLDER. Each folder holds the same rows; `7 8` stands in train and in test, so what is read
leaks (exit 1), what is read of a clean test is clean (0), and what is not read is an error that says what it is (2 or 1).
"""

import os
import subprocess
import sys

import duckdb
import polars
import pyarrow
import pyarrow.parquet

seqlab, work = sys.argv[1:]
TRAIN, CLEAN, LEAKY = [[1, 2, 3], [7, 8, 9]], [[2, 4, 7]], [[2, 4, 7], [5, 7, 8]]
ran = 0


def audit(folder, code, *words, options=()):
    global ran
    done = subprocess.run([seqlab, "audit", folder, *options], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == code, (folder, options, done.returncode, said)
    for word in words:
        assert word in said, (folder, word, said)
    assert "panicked" not in said, said
    ran += 1


def folder(name):
    path = f"{work}/{name}"
    os.makedirs(path)
    return path


def arrow(rows, kind=pyarrow.list_(pyarrow.int64())):
    return pyarrow.table({"terms": pyarrow.array(rows, kind)})


def both(name, write, *words, code=None, options=()):
    """A folder with a leak, and one without; with `code`, what cannot be read in either."""
    for test, expected in (("leaky", 1), ("clean", 0)):
        path = folder(f"{name}-{test}")
        write(f"{path}/train.parquet", TRAIN)
        write(f"{path}/test.parquet", LEAKY if test == "leaky" else CLEAN)
        audit(path, expected if code is None else code, *words, options=options)
        if code is None:
            audit(path, expected, options=[*options, "--only", "windows"])


for codec in ["gzip", "brotli", "lz4", "snappy", "zstd", "none"]:
    both(f"pyarrow-{codec}", lambda path, rows: pyarrow.parquet.write_table(arrow(rows), path, compression=codec))
    both(
        f"pages-2-{codec}",
        lambda path, rows: pyarrow.parquet.write_table(arrow(rows), path, compression=codec, data_page_version="2.0"),
    )
for codec in ["gzip", "brotli", "lz4", "snappy", "zstd", "uncompressed"]:
    both(f"polars-{codec}", lambda path, rows: polars.DataFrame({"terms": rows}).write_parquet(path, compression=codec))
for codec in ["gzip", "brotli", "lz4", "lz4_raw", "snappy", "zstd", "uncompressed"]:
    both(
        f"duckdb-{codec}",
        lambda path, rows: duckdb.sql(
            f"copy (select unnest({rows}) as terms) to '{path}' (format parquet, compression '{codec}')"
        ),
    )

for name, kind in {
    "u8": pyarrow.list_(pyarrow.uint8()),
    "large": pyarrow.large_list(pyarrow.int32()),
    "fixed": pyarrow.list_(pyarrow.int16(), 3),
    "decimal": pyarrow.list_(pyarrow.decimal128(20, 0)),
}.items():
    both(f"type-{name}", lambda path, rows: pyarrow.parquet.write_table(arrow(rows, kind), path))


def dictionary(path, rows):
    values = pyarrow.array([term for row in rows for term in row]).dictionary_encode()
    lists = pyarrow.ListArray.from_arrays(range(0, 3 * len(rows) + 1, 3), values)
    pyarrow.parquet.write_table(pyarrow.table({"terms": lists}), path)


both("type-dictionary", dictionary)
both("polars-array", lambda path, rows: polars.DataFrame({"terms": rows}, {"terms": polars.Array(polars.Int32, 3)}).write_parquet(path))

# What Parquet has no integers for is refused by what it is, and what to do.
wide = {"terms": polars.List(polars.Int128)}
both("int128", lambda path, rows: polars.DataFrame({"terms": rows}, wide).write_parquet(path), "128 bits", "cast", code=2)
both(
    "hugeint",
    lambda path, rows: duckdb.sql(f"copy (select unnest({rows})::hugeint[] as terms) to '{path}' (format parquet)"),
    "Float64",
    code=2,
)
both("floats", lambda path, rows: pyarrow.parquet.write_table(arrow(rows, pyarrow.list_(pyarrow.float32())), path), "Float32", code=2)

# Another column of 128 bits stands in nobody's way.
both(
    "int128-beside",
    lambda path, rows: polars.DataFrame({"terms": rows, "n": [1] * len(rows)}, {"terms": polars.List(polars.Int64), "n": polars.Int128}).write_parquet(path),
)

# Padded as a tokenizer pads; null padding cannot be told from a mistake.
padded = lambda path, rows: pyarrow.parquet.write_table(  # noqa: E731
    pyarrow.table({"input_ids": [[*row, 0, 0] for row in rows], "attention_mask": [[1, 1, 1, 0, 0] for _ in rows]}), path
)
both("padded", padded, options=["--tokens", "input_ids", "--ignore-token", "0"])

# Layouts: hive folders as polars and DuckDB partition them, a column of splits, shards of Hugging Face.
mixed = pyarrow.table({"terms": TRAIN + LEAKY, "split": ["train"] * 2 + ["test"] * 2})
path = folder("hive")
pyarrow.parquet.write_to_dataset(mixed, path, partition_cols=["split"])
audit(path, 1, "split=test/", "row 1)")
path = folder("duckdb-hive")
duckdb.sql(f"copy (select * from mixed) to '{path}/of' (format parquet, partition_by (split))")
audit(path, 1, "7 8")
path = folder("column")
pyarrow.parquet.write_table(mixed, f"{path}/all.parquet", row_group_size=1)
audit(path, 2, "found only `all`")
audit(path, 1, "all.parquet row 3", "all.parquet row 1", options=["--split-column", "split"])
audit(path, 1, options=["--split-column", "split", "--only", "windows"])
path = folder("hub")
os.makedirs(f"{path}/data")
for number in range(2):
    pyarrow.parquet.write_table(arrow(TRAIN[number : number + 1]), f"{path}/data/train-0000{number}-of-00002-ab{number}.parquet")
pyarrow.parquet.write_table(arrow(LEAKY), f"{path}/data/test-00000-of-00001-cd.parquet")
audit(path, 1, "train-00001-of-00002-ab1.parquet row 0")
os.remove(f"{path}/data/train-00001-of-00002-ab1.parquet")
audit(path, 2, "announces 2 files", "00001-of-00002")

# A missing folder is no leak.
audit(f"{work}/none", 2, "there is nothing")
print(f"pyarrow, polars, DuckDB: {ran} audits of folders that they wrote")
