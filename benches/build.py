"""Writes the columns of table `examples` with numpy and pyarrow, without any split or guarantee.

Usage: build.py ROWS FILE. The peer of `benches/build.yaml`: the same progressions (values 0..19999, steps 1..150, 4 to 8
terms), the same columns, compression and row groups. Rows are drawn with replacement, which is cheaper than without.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

VALUES, STEPS, LENGTHS = 20_000, 150, (4, 8)
ROWS_PER_GROUP = 65_536
AT_ONCE = 16 * ROWS_PER_GROUP
BEGIN, END, FIRST_VALUE = 0, 1, 2
BLOCK = 3 * LENGTHS[1]
WORDS = pa.array([str(value) for value in range(VALUES)])


def mix(number):
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


def constant(word, rows):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), [word])


def table(rng, first_id, rows):
    step = rng.integers(1, STEPS + 1, rows, dtype=np.int32)
    length = rng.integers(LENGTHS[0], LENGTHS[1] + 1, rows, dtype=np.int32)
    start = (rng.random(rows) * (VALUES - step * (length - 1))).astype(np.int32)
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(length, out=offsets[1:])
    place = np.arange(offsets[-1], dtype=np.int32) - np.repeat(offsets[:-1], length)
    terms = np.repeat(start, length) + place * np.repeat(step, length)
    text = pc.binary_join(pa.ListArray.from_arrays(offsets, WORDS.take(pa.array(terms))), " ")

    token_offsets = offsets + 2 * np.arange(rows + 1, dtype=np.int32)
    tokens = np.full(token_offsets[-1], END, np.uint16)
    tokens[token_offsets[:-1]] = BEGIN
    tokens[np.arange(offsets[-1], dtype=np.int32) + np.repeat(2 * np.arange(rows, dtype=np.int32) + 1, length)] = (
        terms + FIRST_VALUE
    )

    unit = start + step * (length - 2)
    block = (unit // step) // BLOCK
    step_, root, block_ = (part.astype(np.uint64) for part in (step, unit % step, block))
    cluster = mix(step_ << np.uint64(40) | root << np.uint64(20) | block_)
    return pa.table(
        {
            "example_id": np.arange(first_id, first_id + rows, dtype=np.int64),
            "task": constant("plus", rows),
            "family": constant("arithmetic", rows),
            "notation": constant("numeral", rows),
            "domain": constant("integer", rows),
            "unit": constant("pair", rows),
            "parameter": step.astype(np.int64),
            "text": text,
            "terms": pa.ListArray.from_arrays(offsets, terms.astype(np.int64)),
            "tokens": pa.ListArray.from_arrays(token_offsets, tokens),
            "answer_start": length,
            "answer_length": np.ones(rows, np.int32),
            "cluster": cluster.astype(np.int64),
        }
    )


def main():
    rows, path = int(sys.argv[1]), sys.argv[2]
    rng = np.random.default_rng(1729)
    with ThreadPoolExecutor(1) as pool:
        # The next batch is made while one is written.
        batches = [(rng, first, min(AT_ONCE, rows - first)) for first in range(0, rows, AT_ONCE)]
        made = pool.submit(table, *batches[0])
        writer = None
        for following in batches[1:] + [None]:
            batch = made.result()
            made = following and pool.submit(table, *following)
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
            writer.write_table(batch, row_group_size=ROWS_PER_GROUP)
        writer.close()


if __name__ == "__main__":
    main()
