"""Writes a dataset for the audit bench: +k progressions, transitions held out in blocks, clean at level `transition`.

Usage: data.py FOLDER [VALUES] [TRAIN_ROWS] [HELD_OUT_ROWS]

4 to 8 terms, values 0 to VALUES - 1, steps 1 to 199; the columns and metadata of our own files (but `text`, which no side
reads). Few values are numerals, many are written in digits. A pair (u, u + k) belongs to block u // k // 24 of its orbit,
blocks are coloured by a hash, and a row is kept where all its pairs have one colour. Shares nothing with the builder.
"""

import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STEPS, BLOCK, SHARDS = 199, 24, 4
folder = sys.argv[1]
values_below = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
train_rows = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000_000
held_rows = int(sys.argv[4]) if len(sys.argv) > 4 else 500_000
numerals = values_below <= 60_000
os.makedirs(folder, exist_ok=True)
random = np.random.default_rng(1)


def colour(step, residue, block):
    """0 train, 1 validation, 2 test: 3 % and 4 % of the blocks."""
    mixed = (step * 1_000_003 + residue * 8_191 + block).astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(15))) * np.uint64(0x9E3779B97F4A7C15)
    share = (mixed >> np.uint64(40)).astype(np.float64) / 2**24
    return np.where(share < 0.04, 2, np.where(share < 0.07, 1, 0))


def coloured(start, step, terms):
    """The rows whose pairs have one colour: start, step, number of terms, colour."""
    first, last = start // step // BLOCK, (start // step + terms - 2) // BLOCK
    one, other = colour(step, start % step, first), colour(step, start % step, last)
    return np.stack([start, step, terms, one])[:, one == other]


def population():
    """All rows, where they are few."""
    for step in range(1, STEPS + 1):
        for terms in range(4, 9):
            start = np.arange(values_below - (terms - 1) * step, dtype=np.int64)
            yield coloured(start, np.full_like(start, step), np.full_like(start, terms))


def drawn(wanted):
    """Different rows of all colours, until there are as many as wanted of each."""
    rows = np.empty((4, 0), dtype=np.int64)
    while any((rows[3] == number).sum() < count for number, count in wanted.items()):
        n = max(wanted.values())
        step, terms = random.integers(1, STEPS + 1, n), random.integers(4, 9, n)
        start = (random.random(n) * (values_below - (terms - 1) * step)).astype(np.int64)
        rows = np.concatenate([rows, coloured(start, step, terms)], axis=1)
        _, first = np.unique((rows[0] * 256 + rows[1]) * 16 + rows[2], return_index=True)
        rows = rows[:, first]
    return rows


def numeral_tokens(values, terms):
    """BEGIN is 0, END 1, value v is v + 2."""
    offsets = np.concatenate([[0], np.cumsum(terms + 2)])
    tokens = np.zeros(offsets[-1], dtype=np.uint16)
    place = np.arange(len(values)) + np.repeat(2 * np.arange(len(terms)) + 1, terms)
    tokens[place] = values + 2
    tokens[offsets[1:] - 1] = 1
    return offsets, tokens


def digit_tokens(values, terms):
    """BEGIN is 0, END 1, SEP 2, digit d is d + 3."""
    digits = np.searchsorted(10 ** np.arange(1, 19), values, side="right") + 1
    of_term = np.cumsum(digits + 1)
    last = np.cumsum(terms) - 1
    ends = of_term + np.repeat(np.arange(len(terms)), terms)  # where SEP or END stands: a BEGIN before each row
    offsets = np.concatenate([[0], ends[last] + 1])
    tokens = np.zeros(offsets[-1], dtype=np.uint16)
    tokens[ends] = 2
    tokens[ends[last]] = 1
    for place in range(digits.max()):
        there = digits > place
        tokens[ends[there] - 1 - place] = values[there] // 10**place % 10 + 3
    return offsets, tokens


def provenance(table):
    """What stands in the metadata of our own files."""
    return {
        "seqlab.table": table,
        "seqlab.version": "1" if table == "definition" else "2",
        "seqlab.key": "bench",
        "seqlab.config": "{}",
        "seqlab.inputs": "{}",
    }


def write(name, rows, first_id):
    path = f"{folder}/{name}.parquet"
    writer = None
    for at in range(0, rows.shape[1], 65_536):
        start, step, terms = rows[:3, at : at + 65_536]
        n = len(start)
        offsets = np.concatenate([[0], np.cumsum(terms)])
        place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], terms)
        values = np.repeat(start, terms) + place * np.repeat(step, terms)
        token_offsets, tokens = (numeral_tokens if numerals else digit_tokens)(values, terms)
        answer = np.ones(n, int) if numerals else np.char.str_len(values[offsets[1:] - 1].astype(str))
        ids = np.arange(first_id + at, first_id + at + n, dtype=np.int64)

        def text(word):
            return pa.array([word] * n, pa.string())

        columns = {
            "example_id": pa.array(ids),
            "task": text("plus"),
            "family": text("arithmetic"),
            "notation": text("numeral" if numerals else "digits"),
            "domain": text("integer"),
            "unit": text("pair"),
            "parameter": pa.array(step),
            "terms": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.int64())),
            "tokens": pa.ListArray.from_arrays(pa.array(token_offsets, pa.int32()), pa.array(tokens)),
            "answer_start": pa.array((token_offsets[1:] - 1 - answer - token_offsets[:-1]).astype(np.int32)),
            "answer_length": pa.array(answer.astype(np.int32)),
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


wanted = {0: train_rows, 1: held_rows * 2 // 5, 2: held_rows * 3 // 5}
few = values_below * STEPS * 5 < 100_000_000
rows = np.concatenate(list(population()), axis=1) if few else drawn(wanted)
for number, name, first_id in [(0, "train", 0), (1, "validation", 2_000_000_000), (2, "test", 3_000_000_000)]:
    of_colour = rows[:, rows[3] == number]
    if of_colour.shape[1] < wanted[number]:
        sys.exit(f"{name}: {wanted[number]} rows wanted, {of_colour.shape[1]} there are")
    chosen = of_colour[:, random.permutation(of_colour.shape[1])[: wanted[number]]]
    shards = SHARDS if name == "train" else 1
    for shard, part in enumerate(np.array_split(chosen, shards, axis=1)):
        write(f"{name}-{shard:05}-of-{shards:05}", part, first_id + shard * -(-chosen.shape[1] // shards))
    print(name, wanted[number], flush=True)

if numerals:
    words = ["BEGIN", "END"] + [str(value) for value in range(values_below)]
    kinds = ["begin", "end"] + ["value"] * values_below
    worth = [None, None, *range(values_below)]
else:
    words = ["BEGIN", "END", "SEP"] + [str(digit) for digit in range(10)]
    kinds = ["begin", "end", "separator"] + ["digit"] * 10
    worth = [None, None, None, *range(10)]


def save(name, columns):
    """Writes one of our small tables."""
    schema = pa.schema([pa.field(column, values.type, column == "value") for column, values in columns.items()])
    with pq.ParquetWriter(f"{folder}/{name}.parquet", schema, compression="zstd", store_schema=False) as writer:
        writer.add_key_value_metadata(provenance(name))
        writer.write_table(pa.Table.from_arrays(list(columns.values()), schema=schema))


level = {"section": "holdout", "name": "level", "value": json.dumps("transition")}
save("definition", {column: pa.array([value]) for column, value in level.items()})
save("vocabulary", {
    "token_id": pa.array(range(len(words)), pa.int32()),
    "token": pa.array(words),
    "kind": pa.array(kinds),
    "value": pa.array(worth, pa.int64()),
})
