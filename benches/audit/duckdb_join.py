"""Finds transitions of held-out rows that stand in train, in DuckDB on all cores: what the auditor is compared with.

Of the ways to write it (list_zip, generate_subscripts, a range, two unnests in step; distinct on either side; the join
either way round) this one was the fastest with DuckDB 2.0.
"""

import sys

import duckdb

folder = sys.argv[1]
connection = duckdb.connect()
held = f"read_parquet(['{folder}/test-00000-of-00001.parquet', '{folder}/validation-00000-of-00001.parquet'])"
train = f"read_parquet('{folder}/train-*.parquet')"


def pairs(rows):
    return f"SELECT unnest(terms[:-2]) AS a, unnest(terms[2:]) AS b FROM {rows}"


print(connection.execute(
    f"SELECT count(*) FROM (SELECT DISTINCT a, b FROM ({pairs(held)})) h "
    f"SEMI JOIN ({pairs(train)}) t ON h.a = t.a AND h.b = t.b"
).fetchone()[0])
