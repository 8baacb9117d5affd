"""Times the auditor beside DuckDB's joins, alternately: medians, ratios, peak memory, and what each part takes.

Usage: bench.py SEQLAB FOLDER [ROUNDS]
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

seqlab, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
here = os.path.dirname(os.path.abspath(__file__))


def measured(argv):
    """Returns wall seconds, CPU seconds, peak MiB, and the lines of the log with the time of each."""
    start = time.monotonic()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines = [(time.monotonic() - start, line.rstrip()) for line in child.stderr]
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{' '.join(argv)} failed:\n" + "\n".join(line for _, line in lines[-20:]))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines


def stage(out):
    """The whole audit, as `seqlab run` starts it."""
    source = {"stage": "data", "verb": "build", "point": "", "path": folder}
    spec = {
        "parent": os.getpid(), "pipeline": "bench", "description": "", "stage": "audit", "point": "", "axes": {},
        "verb": "audit", "config": {}, "key": "", "digests": {}, "out": out, "partial": None, "base": out,
        "inputs": [{"role": "data", "many": False, "folders": [source]}],
        "threads": os.cpu_count(), "device": "cpu", "external": None,
    }
    path = f"{out}.json"
    with open(path, "w") as file:
        json.dump(spec, file)
    return [seqlab, "--verbose", "stage", path]


runs = {name: [] for name in ["duckdb, plain", "duckdb, fastest", "--only windows", "stage audit"]}
with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as scratch:
    out = f"{scratch}/out"
    for _ in range(rounds):
        for way in ["plain", "fastest"]:
            runs[f"duckdb, {way}"].append(measured([sys.executable, f"{here}/duckdb_join.py", folder, way]))
        runs["--only windows"].append(measured([seqlab, "--quiet", "audit", folder, "--only", "windows"]))
        os.makedirs(out)
        runs["stage audit"].append(measured(stage(out)))
        shutil.rmtree(out)

median = {name: [statistics.median(run[i] for run in runs[name]) for i in range(3)] for name in runs}
print(f"{'':16} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}   of DuckDB's wall, plain and fastest")
for name, (wall, cpu, memory) in median.items():
    ratios = [wall / median[f"duckdb, {way}"][0] for way in ["plain", "fastest"]]
    print(f"{name:16} {wall:8.2f} {cpu:8.2f} {memory:9.0f} {ratios[0]:12.2f} {ratios[1]:8.2f}")
print("\nthe last whole audit, by what it says when a part is done")
last = 0.0
for at, line in runs["stage audit"][-1][3]:
    part = re.search(r"done: (.*)", line)
    if part:
        print(f"  {at - last:7.2f} s  {part.group(1)}")
        last = at
