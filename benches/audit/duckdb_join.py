"""Finds transitions of held-out rows that stand in train, in DuckDB on all cores: what the auditor is compared with.

Usage: duckdb_join.py FOLDER plain|fastest

`plain` joins the distinct transitions of both sides, as one writes it down. `fastest` is the fastest with DuckDB 2.0 of
the ways tried (list_zip, generate_subscripts, a range, two unnests in step; distinct on either side; the join either way
round).
"""

import sys

import duckdb

folder, way = sys.argv[1:]
connection = duckdb.connect()
held = f"read_parquet(['{folder}/test-00000-of-00001.parquet', '{folder}/validation-00000-of-00001.parquet'])"
train = f"read_parquet('{folder}/train-*.parquet')"


def pairs(rows):
    return f"SELECT unnest(terms[:-2]) AS a, unnest(terms[2:]) AS b FROM {rows}"


join = {
    "plain": f"JOIN (SELECT DISTINCT a, b FROM ({pairs(train)})) t",
    "fastest": f"SEMI JOIN ({pairs(train)}) t",
}[way]
print(connection.execute(
    f"SELECT count(*) FROM (SELECT DISTINCT a, b FROM ({pairs(held)})) h {join} ON h.a = t.a AND h.b = t.b"
).fetchone()[0])
