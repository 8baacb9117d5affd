"""Writes a dataset for the audit bench: +k progressions, transitions held out in blocks, clean at level `transition`.

Usage: data.py FOLDER [TRAIN_ROWS] [HELD_OUT_ROWS]

Numerals, 4 to 8 terms, values 0 to 19999, steps 1 to 199; the columns and metadata of our own files (but `text`, which
no side reads). A pair (u, u + k) belongs to block u // k // 24 of its orbit, blocks are coloured by a hash, and a row is
kept where all its pairs have one colour. Shares nothing with the builder.
"""

import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VALUES, STEPS, BLOCK = 20_000, 199, 24
folder = sys.argv[1]
train_rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
held_rows = int(sys.argv[3]) if len(sys.argv) > 3 else 500_000
os.makedirs(folder, exist_ok=True)
none = np.iinfo(np.int64).min


def colour(step, residue, block):
    """0 train, 1 validation, 2 test: 3 % and 4 % of the blocks."""
    mixed = (step * 1_000_003 + residue * 8_191 + block).astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(15))) * np.uint64(0x9E3779B97F4A7C15)
    share = (mixed >> np.uint64(40)).astype(np.float64) / 2**24
    return np.where(share < 0.04, 2, np.where(share < 0.07, 1, 0))


def population():
    for step in range(1, STEPS + 1):
        for terms in range(4, 9):
            start = np.arange(VALUES - (terms - 1) * step, dtype=np.int64)
            first, last = start // step // BLOCK, (start // step + terms - 2) // BLOCK
            steps = np.full_like(start, step)
            one, other = colour(steps, start % step, first), colour(steps, start % step, last)
            kept = one == other
            yield np.stack([start, steps, np.full_like(start, terms), one])[:, kept]


def provenance(table):
    """What stands in the metadata of our own files."""
    return {
        "seqlab.table": table,
        "seqlab.version": "1",
        "seqlab.key": "bench",
        "seqlab.config": "{}",
        "seqlab.inputs": "{}",
    }


def write(name, rows, first_id):
    path = f"{folder}/{name}-00000-of-00001.parquet"
    writer = None
    for at in range(0, rows.shape[1], 65_536):
        start, step, terms = rows[:3, at : at + 65_536]
        n = len(start)
        offsets = np.concatenate([[0], np.cumsum(terms)])
        place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], terms)
        values = np.repeat(start, terms) + place * np.repeat(step, terms)
        token_offsets = np.concatenate([[0], np.cumsum(terms + 2)])
        tokens = np.zeros(token_offsets[-1], dtype=np.uint16)  # BEGIN is 0, END 1, value v is v + 2
        tokens[token_offsets[:-1].repeat(terms) + place + 1] = values + 2
        tokens[token_offsets[1:] - 1] = 1
        ids = np.arange(first_id + at, first_id + at + n, dtype=np.int64)

        def text(word):
            return pa.array([word] * n, pa.string())

        columns = {
            "example_id": pa.array(ids),
            "task": text("plus"),
            "family": text("arithmetic"),
            "notation": text("numeral"),
            "domain": text("integer"),
            "unit": text("pair"),
            "parameter": pa.array(step),
            "terms": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.int64())),
            "tokens": pa.ListArray.from_arrays(pa.array(token_offsets, pa.int32()), pa.array(tokens)),
            "answer_start": pa.array(terms.astype(np.int32)),
            "answer_length": pa.array(np.ones(n, dtype=np.int32)),
            "cluster": pa.array(ids),
        }
        if writer is None:
            element = {"terms": pa.int64(), "tokens": pa.uint16()}
            fields = [
                pa.field(name, pa.list_(pa.field("element", element[name], False)) if name in element else column.type, False)
                for name, column in columns.items()
            ]
            schema = pa.schema(fields)
            writer = pq.ParquetWriter(path, schema, compression="zstd", store_schema=False)
            writer.add_key_value_metadata(provenance("examples"))
        arrays = [column.cast(field.type) for column, field in zip(columns.values(), schema)]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    writer.close()


random = np.random.default_rng(1)
rows = np.concatenate(list(population()), axis=1)
for colour_number, name, wanted, first_id in [
    (0, "train", train_rows, 0),
    (1, "validation", held_rows * 2 // 5, 2_000_000_000),
    (2, "test", held_rows * 3 // 5, 3_000_000_000),
]:
    of_colour = rows[:, rows[3] == colour_number]
    if of_colour.shape[1] < wanted:
        sys.exit(f"{name}: {wanted} rows wanted, {of_colour.shape[1]} there are")
    chosen = random.permutation(of_colour.shape[1])[:wanted]
    write(name, of_colour[:, chosen], first_id)
    print(name, wanted, flush=True)

words = ["BEGIN", "END"] + [str(value) for value in range(VALUES)]


def save(name, columns):
    """Writes one of our small tables."""
    schema = pa.schema([pa.field(column, values.type, False) for column, values in columns.items()])
    with pq.ParquetWriter(f"{folder}/{name}.parquet", schema, compression="zstd", store_schema=False) as writer:
        writer.add_key_value_metadata(provenance(name))
        writer.write_table(pa.Table.from_arrays(list(columns.values()), schema=schema))


level = {"section": "holdout", "name": "level", "value": json.dumps("transition")}
save("definition", {column: pa.array([value]) for column, value in level.items()})
vocabulary = {
    "token_id": pa.array(range(len(words)), pa.int32()),
    "token": pa.array(words),
    "kind": pa.array(["begin", "end"] + ["value"] * VALUES),
    "value": pa.array([none, none] + list(range(VALUES)), pa.int64()),
}
save("vocabulary", vocabulary)
