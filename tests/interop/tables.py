"""Loads seqlab's Parquet in DuckDB, pandas, polars, pyarrow and Hugging Face datasets.

DuckDB counts, from the Parquet alone, the transitions of held-out rows that stand in train: none at level
`transition`, some at level `random`. Usage: tables.py FOLDER_WITH_DATASETS_AND_RESULTS FOLDER_OF_A_RANDOM_DATASET
"""

import glob
import os
import sys

import duckdb
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet

base, leaky = sys.argv[1:]
data, results = f"{base}/datasets/x2", f"{base}/results/x2"

LEAKS = """
with unit as (
  select split, example_id, unnest(list_zip(terms[:-2], terms[2:])) as pair
  from (
    select 'train' as split, example_id, terms from '{0}/train-*.parquet'
    union all select 'validation', example_id, terms from '{0}/validation-*.parquet'
    union all select 'test', example_id, terms from '{0}/test-*.parquet'))
select
  (select count(*) from unit where split = 'test'),
  (select count(*) from unit where split = 'validation'),
  (select count(*) from unit where split = 'test'
    and pair in (select pair from unit where split in ('train', 'validation'))),
  (select count(*) from unit where split = 'validation' and pair in (select pair from unit where split = 'train'))
"""
test, validation, leaked_test, leaked_validation = duckdb.sql(LEAKS.format(data)).fetchall()[0]
assert test > 0 and validation > 0
assert (leaked_test, leaked_validation) == (0, 0), (leaked_test, leaked_validation)
_, _, leaked_test, leaked_validation = duckdb.sql(LEAKS.format(leaky)).fetchall()[0]
assert leaked_test > 0 and leaked_validation > 0
print(f"DuckDB: {test} + {validation} held-out transitions, 0 in train; at level random {leaked_test} are")

# The files and columns that outside scripts rely on.
COLUMNS = {
    f"{data}/train-00000-of-00001.parquet": "example_id task family notation domain unit parameter text terms tokens "
    "answer_start answer_length cluster",
    f"{data}/definition.parquet": "section name value",
    f"{data}/vocabulary.parquet": "token_id token kind value",
    f"{data}/counterfactuals.parquet": "example_id kind tokens position answer_token counterfactual_token",
    f"{results}/audit/audited.parquet": "file digest",
    f"{results}/audit/certificate.parquet": "check left right view gate compared violations worst passed",
    f"{results}/audit/leakage.parquet": "split example_id leaked_units longest_match_terms longest_match_tokens "
    "longest_window_terms witness_example_id witness_offset",
    f"{results}/audit/exposure.parquet": "split example_id answer_as_target rarest_term answer_at_position "
    "same_task_rows successor_rows_in_range",
    f"{results}/audit/memorizers.parquet": "split example_id memorizer class view prediction tied correct",
    f"{results}/audit/ranges.parquet": "domain least most",
    f"{results}/train/training.parquet": "seed step examples_seen train_loss train_accuracy validation_loss "
    "validation_accuracy learning_rate gradient_norm weight_norm",
    f"{results}/train/checkpoints.parquet": "seed step path digest",
    f"{results}/train/resume.parquet": "seed step path digest",
    f"{results}/train/vocabulary.parquet": "token_id token kind value",
    f"{results}/train/trained_on.parquet": "generation file digest",
    f"{results}/evaluate/predictions.parquet": "seed step split example_id task n_terms answer prediction answer_value "
    "prediction_value correct log_probability rank logit_difference error_class",
    f"{results}/evaluate/scores.parquet": "model step split task slice metric memorizer view value low high n clusters "
    "n_eff seeds",
    f"{results}/evaluate/seed_scores.parquet": "model seed step split task slice metric value low high n clusters n_eff",
    f"{results}/evaluate/controls.parquet": "model step split task slice metric value low high n clusters n_eff seeds",
    f"{results}/evaluate/verdicts.parquet": "split task verdict headline sentence caveats accuracy rule_index u_best agreement",
    f"{results}/evaluate/seed_verdicts.parquet": "seed split task verdict train_accuracy",
    f"{results}/analyze/measurements.parquet": "analysis seed step task hook component layer head position metric "
    "value low high n",
}
# The integers that not every row has: null there, so that a mean is one of real values.
NULLABLE = {(path, "value" if "vocabulary" in path else "parameter") for path in COLUMNS
            if any(name in path for name in ("train-", "vocabulary", "counterfactuals"))}
NULLABLE |= {(f"{results}/evaluate/predictions.parquet", name) for name in ("answer_value", "prediction_value")}
for path, names in COLUMNS.items():
    missing = set(names.split()) - set(pyarrow.parquet.read_schema(path).names)
    assert not missing, f"{path} lacks {missing}"
    table = pyarrow.parquet.read_table(path)
    frame, other = pandas.read_parquet(path), polars.read_parquet(path)
    rows = duckdb.sql(f"select count(*) from '{path}'").fetchall()[0][0]
    assert len(frame) == len(other) == rows == table.num_rows, path
    assert table.schema.metadata is None or b"pandas" not in table.schema.metadata
    assert pyarrow.parquet.read_metadata(path).created_by == "seqlab", path
    for name, column in zip(table.column_names, table.columns):
        floating = pyarrow.types.is_floating(column.type)
        assert floating or column.null_count == 0 or (path, name) in NULLABLE, f"{path}: {name} has nulls"
        if floating:
            assert not frame[name].isin([float("inf"), float("-inf")]).any(), f"{path}: {name} is infinite"
print(f"pandas, polars, DuckDB, pyarrow: {len(COLUMNS)} tables")

parameters = duckdb.sql(f"select avg(parameter), count(distinct parameter) from '{data}/train-*.parquet'").fetchall()[0]
assert parameters == (2, 1), f"doubling has the parameter 2, found {parameters}"
for vocabulary in (f"{data}/vocabulary.parquet", f"{results}/train/vocabulary.parquet"):
    mean, digits, tokens = duckdb.sql(f"select avg(value), count(value), count(*) from '{vocabulary}'").fetchall()[0]
    assert (mean, digits) == (4.5, 10) and tokens > 10, f"the digits are 0 to 9, found {digits} of mean {mean}"
    assert pandas.read_parquet(vocabulary).value.mean() == polars.read_parquet(vocabulary)["value"].mean() == 4.5
twins = pandas.read_parquet(f"{data}/counterfactuals.parquet")
known = twins.kind.isin(["step_swap", "start_shift"])
assert twins.parameter[known].eq(2).all() and twins.parameter[~known].isna().all()
print("avg(parameter), avg(value): means of real values")
assert os.path.exists(f"{results}/report/index.html") and glob.glob(f"{results}/train/checkpoints/**/*.safetensors", recursive=True)

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = os.path.join(base, ".hf")
import datasets  # noqa: E402  (after the environment says offline)

loaded = datasets.load_dataset(data)
assert set(loaded) == {"train", "validation", "test"}, loaded
assert loaded["train"][0]["tokens"] == pandas.read_parquet(f"{data}/train-00000-of-00001.parquet").tokens[0].tolist()
print(f"Hugging Face datasets: {({split: len(rows) for split, rows in loaded.items()})}")

# Folders that cannot be misread: a matrix of two axes, four points, each read once, its axes as columns.
matrix, scores = f"{base}/datasets/two_axes", f"{base}/results/two_axes/evaluate"
points = {("2", "all"), ("2", "answer"), ("3", "all"), ("3", "answer")}
where = "where split = 'test' and task = '' and slice = 'all' and metric = 'accuracy'"
for pattern in (f"{scores}/**/scores.parquet", f"{scores}/*/*/scores.parquet"):
    found = duckdb.sql(f"select k, loss from read_parquet('{pattern}', hive_partitioning=true) {where}").fetchall()
    assert len(found) == 4 and {(str(k), loss) for k, loss in found} == points, (pattern, found)
    frame = polars.scan_parquet(pattern, hive_partitioning=True).filter(
        (polars.col("split") == "test") & (polars.col("task") == "")
        & (polars.col("slice") == "all") & (polars.col("metric") == "accuracy")).select("k", "loss").collect()
    assert {(str(k), loss) for k, loss in frame.rows()} == points and len(frame) == 4, (pattern, frame)
# A table per grain, so that a naive mean is right: one row a split, task, slice and metric; over seeds it is the seeds' mean.
evaluate = f"{results}/evaluate"
twice = duckdb.sql(f"select count(*) - count(distinct (split, task, slice, metric)) from '{evaluate}/scores.parquet'").fetchall()[0][0]
assert twice == 0, twice
apart = duckdb.sql(f"""
    select max(abs(s.value - m.value)) from '{evaluate}/scores.parquet' s join (
        select split, task, slice, metric, avg(value) as value from '{evaluate}/seed_scores.parquet' group by all
    ) m using (split, task, slice, metric) where metric in ('accuracy', 'beyond_memory', 'rule_index', 'top5_accuracy')
""").fetchall()[0][0]
assert apart < 1e-12, apart
# The effective number of clusters, from the dataset's own column, and the answers as numbers.
kish = duckdb.sql(f"""
    select sum(n) * sum(n) / sum(n * n) from (select count(*)::double as n from '{data}/test-*.parquet' group by cluster)
""").fetchall()[0][0]
n_eff = duckdb.sql(f"select n_eff from '{evaluate}/scores.parquet' where split = 'test' and task = '' and slice = 'all' "
                   "and metric = 'accuracy'").fetchall()[0][0]
assert abs(kish - n_eff) < 1e-9, (kish, n_eff)
wrong = duckdb.sql(f"""
    select count(*) from '{evaluate}/predictions.parquet' p join '{data}/test-*.parquet' e using (example_id)
    where p.answer_value <> e.terms[-1] or p.answer <> cast(e.terms[-1] as varchar) or p.correct <> (p.prediction_value = p.answer_value)
       or p.n_terms <> len(e.terms)
""").fetchall()[0][0]
assert wrong == 0, wrong
print(f"a table per grain: no key twice, means as in DuckDB; {n_eff:.1f} effective clusters")
whole = pandas.read_parquet(f"{results}/audit/certificate.parquet")
assert len(pandas.read_parquet(f"{base}/results/two_axes/only")) > 0, "a folder of one table is read whole"
assert pyarrow.dataset.dataset(f"{base}/results/two_axes/only").count_rows() > 0
try:
    datasets.load_dataset(matrix)
    raise SystemExit("points that hold out different rows were merged")
except ValueError as error:
    assert "Config name is missing" in str(error), error
for k in (2, 3):
    one = datasets.load_dataset(matrix, f"k={k}")
    path = f"{matrix}/k={k}/train-00000-of-00001.parquet"
    assert len(one["train"]) == pyarrow.parquet.read_metadata(path).num_rows
print("a matrix: four points, each once, k and loss as columns; a dataset a point")
