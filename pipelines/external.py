"""Ranks the seeds of an evaluation by rule_index. Usage: external.py EVALUATE_FOLDER OUTPUT_FOLDER"""

import sys

import duckdb

evaluate, out = sys.argv[1:]
ranking = duckdb.sql(f"""
    select seed, value as rule_index, low, high, n
    from '{evaluate}/seed_scores.parquet'
    where split = 'test' and task = '' and slice = 'all' and metric = 'rule_index'
    order by value desc nulls last, seed
""")
ranking.write_parquet(f"{out}/ranking.parquet")
with open(f"{out}/ranking.txt", "w") as file:
    for seed, value, low, high, n in ranking.fetchall():
        shown = "not measurable" if value is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
        print(f"seed {seed}: rule_index {shown} on {n} rows", file=file)
