"""Times the auditor beside DuckDB's joins, alternately, in every folder: medians, medians of ratios, and peak memory.

Usage: bench.py SEQLAB ROUNDS FOLDER...

The whole audit runs twice in each round, past a quarter of train and past all of it: its memory must not go by that.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

seqlab, rounds, folders = os.path.abspath(sys.argv[1]), int(sys.argv[2]), [os.path.abspath(path) for path in sys.argv[3:]]
here = os.path.dirname(os.path.abspath(__file__))
PLAIN, FASTEST, WINDOWS = "duckdb, plain", "duckdb, fastest", "--only windows"
QUARTER, WHOLE = "whole, 1/4 of train", "whole"


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


def quarter(folder, scratch):
    """The same folder with the first of the four files of train alone."""
    os.makedirs(scratch)
    for name in os.listdir(folder):
        if not re.match("train-0000[123]", name):
            # A name that announces files which are not there would be refused.
            shown = re.sub("train-00000-of-[0-9]+", "train-00000-of-00001", name)
            os.link(f"{folder}/{name}", f"{scratch}/{shown}")
    return scratch


def bench(folder, scratch):
    """Returns what every run took, by its name."""
    runs = {name: [] for name in [PLAIN, FASTEST, WINDOWS, QUARTER, WHOLE]}
    windows = [seqlab, "--quiet", "audit", folder, "--ours", "--terms", "terms", "--level", "transition", "--only", "windows"]
    parts = {QUARTER: quarter(folder, f"{scratch}/quarter"), WHOLE: folder}
    for _ in range(rounds):
        for name in [PLAIN, FASTEST]:
            way = name.split()[-1]
            runs[name].append(measured([sys.executable, f"{here}/duckdb_join.py", folder, way]))
        runs[WINDOWS].append(measured(windows))
        for name, part in parts.items():
            runs[name].append(measured([seqlab, "--verbose", "audit", part, "--ours"]))
    return runs


for folder in folders:
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as scratch:
        runs = bench(folder, scratch)
    print(f"\n{os.path.basename(folder)}: medians of {rounds} rounds")
    print(f"{'':19} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}   of DuckDB's, plain: wall memory   fastest: wall memory")
    for name, found in runs.items():
        wall, cpu, memory = (statistics.median(run[i] for run in found) for i in range(3))
        print(f"{name:19} {wall:8.2f} {cpu:8.2f} {memory:9.0f}", end="")
        for other, gap in [(PLAIN, 24), (FASTEST, 16)]:
            for i in [0, 2]:
                ratio = statistics.median(run[i] / beside[i] for run, beside in zip(found, runs[other]))
                print(f"{ratio:{gap if i == 0 else 7}.2f}", end="")
        print()
    print("\nthe last whole audit, by what it says when a part is done")
    last = 0.0
    for at, line in runs[WHOLE][-1][3]:
        part = re.search(r"done: (.*)", line)
        if part:
            print(f"  {at - last:7.2f} s  {part.group(1)}")
            last = at
