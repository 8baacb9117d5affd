#!/usr/bin/env python3
"""Whether circumstances change a byte: determinism.py BINARY PIPELINES [NAMES] [WORK] [CLOCK_SO] [CASES=all]

Runs shortened definitions of the folder PIPELINES with one and two threads, jobs at once, another folder, locale, time zone, home, user
limits, address layout and clock, and compares every committed file with the first run. With SEQLAB_MAX_ISA set, only the tables without floats
have to be the same. Exit 0: nothing differs.
"""
import glob
from common import *

binary, pipelines = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
names = sys.argv[3].split(",") if len(sys.argv) > 3 and sys.argv[3] else None
work = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="same-")
clock = sys.argv[5] if len(sys.argv) > 5 and sys.argv[5] else None
INTEGER = ("train-", "validation-", "test-", "vocabulary", "counterfactuals", "certificate", "leakage", "exposure", "memorizers", "README")
plain = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "TZ", "RAYON", "SEQLAB"))}
CASES = [  # name, prefix, arguments, environment, folder, everything
    ("again", [], [], {}, "a", True),
    ("one thread", [], ["--threads", "1"], {}, "a", True),
    ("three threads, two jobs", [], ["--threads", "3", "-j", "2"], {}, "a", True),
    ("RAYON_NUM_THREADS=7", [], [], {"RAYON_NUM_THREADS": "7", "CANDLE_NUM_THREADS": "5", "OMP_NUM_THREADS": "3"}, "a", True),
    ("one core", ["taskset", "-c", "0"], [], {}, "a", True),
    ("other folder, locale, zone, home", [], [], {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "HOME": "/nonexistent", "USER": "x"}, "other é folder/deeper", True),
    ("empty environment", ["env", "-i", "PATH=" + os.environ["PATH"]], [], {}, "a", True),
    ("no address randomization", ["setarch", "-R"], [], {}, "a", True),
    ("SEQLAB_MAX_ISA=avx2", [], [], {"SEQLAB_MAX_ISA": "avx2"}, "a", False),
    ("SEQLAB_MAX_ISA=none", [], [], {"SEQLAB_MAX_ISA": "none"}, "a", False),
]
if clock:
    CASES += [(f"clock {offset}", [], [], {"LD_PRELOAD": os.path.abspath(clock), "CLOCK_OFFSET": offset}, "a", True)
              for offset in ("-315360000", "315360000", "-5000000000", "=0", "=1700000000")]

if len(sys.argv) > 6:
    CASES = random.Random(1).sample(CASES, min(int(sys.argv[6]), len(CASES)))

bad = compared = tried = 0
for path in sorted(glob.glob(f"{pipelines}/*.yaml")):
    name = os.path.basename(path)[:-5]
    if names and name not in names:
        continue
    text = open(path).read()
    sets = [] if "train:" not in text else ["--set", "train.steps=52", "--set", "train.seeds=2"]
    reference = None
    for label, prefix, arguments, environment, folder, everything in [("reference", [], [], {}, "a", True)] + CASES:
        here = f"{work}/{folder}"
        shutil.rmtree(work, ignore_errors=True) if reference is None else shutil.rmtree(here, ignore_errors=True)
        os.makedirs(f"{here}/pipelines")
        for other in glob.glob(f"{pipelines}/*"):
            shutil.copy(other, f"{here}/pipelines/")
        words = prefix + [binary, "run", f"pipelines/{name}.yaml", "-q", *sets, *arguments]
        result = subprocess.run(words, cwd=here, env=dict(plain, **environment), capture_output=True, timeout=600 * PATIENCE)
        if result.returncode != 0:
            print(name, label, "exit", result.returncode, words_of(result)[-200:])
            bad += reference is not None
            if reference is None:
                break
            continue
        found = files(here)
        if reference is None:
            reference = found
            continue
        differs = compare(reference, found)
        if not everything:
            differs = [item for item in differs if os.path.basename(item).startswith(INTEGER)]
        compared += len(found)
        tried += 1
        if differs:
            bad += 1
            print(name, label, "differs:", differs[:4], len(differs), flush=True)
print(f"{compared} files compared, {bad} runs differ or fail")
end(tried, bad)
