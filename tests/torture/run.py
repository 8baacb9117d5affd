#!/usr/bin/env python3
"""Runs every driver of this folder, two at once, and prints one table: run.py BINARY [WORK]

By default a seeded sample of everything (SEED=1, half an hour on two cores); ALL=1 is the whole (hours). ONLY=crash,full
runs the pieces whose names begin so. What a driver found, in full, lies in WORK/NAME.log. Exit code 1: something was found.
"""
import concurrent.futures, os, re, subprocess, sys, tempfile, time, venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILT = f"{ROOT}/target/torture"
binary = os.path.abspath(sys.argv[1])
work = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="torture-")
seed, everything = os.environ.get("SEED", "1"), os.environ.get("ALL", "") not in ("", "0")
only = tuple(filter(None, os.environ.get("ONLY", "").split(",")))
FAULT, CLOCK, PYTHON = f"{BUILT}/fault.so", f"{BUILT}/clock.so", f"{BUILT}/venv/bin/python"
FILES = ["pipeline", "train", "audit", "evaluate", "analyze", "report", "weights-evaluate", "weights-analyze", "model-evaluate", "model-analyze",
         "model-report", "from", "resume", "signed-evaluate", "signed-analyze", "signed-from", "folder", "folder-foreign"]


def build():
    """The shims, and a Python with what the drivers import."""
    os.makedirs(BUILT, exist_ok=True)
    for name in ("fault", "clock"):
        words = ["cc", "-O1", "-w", "-shared", "-fPIC", "-fno-delete-null-pointer-checks", "-o", f"{BUILT}/{name}.so", f"{HERE}/{name}.c", "-ldl"]
        subprocess.run(words, check=True)
    if not os.path.exists(f"{BUILT}/venv/.done"):
        venv.create(f"{BUILT}/venv", clear=True, with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pyarrow", "blake3"], check=True)
        open(f"{BUILT}/venv/.done", "w").close()


def pieces():
    """Name, driver and arguments; {work} is a folder of the piece's own."""
    def pick(sample, whole):
        return str(whole if everything else sample)

    for kind in ("runner", "child", "group", "stop", "chain", "term", "int"):
        yield f"crash-{kind}", ["crash.py", binary, pick(6, 72), kind, "{work}", seed]
    for mode in ("28", "5", "13", "24", "kill", "short") + (("28+", "5+") if everything else ()):
        yield f"faults-{mode}", ["faults.py", binary, FAULT, mode, "owrfnmuldtsc", pick(97, 1), "{work}", seed]
    yield "force", ["force_kill.py", binary, FAULT, pick(9, 1), "{work}", seed]
    for target in FILES:
        yield f"files-{target}", ["fuzz_files.py", binary, pick(20 if target == "pipeline" else 60, 3000), target, seed, "{work}"]
    yield "definitions", ["fuzz_yaml.py", binary, f"{ROOT}/pipelines", pick(1500, 6000), seed, "{work}"]
    yield "extremes", ["extremes.py", binary, "{work}", pick(9, 1), seed]
    yield "full", ["full.py", binary, pick(8, 40), "{work}", seed]
    yield "limits", ["limits.py", binary, FAULT, pick(5, 1), "{work}", seed]
    yield "closed", ["closed.py", binary, pick(9, 1), "{work}", seed]
    yield "many", ["many.py", binary, pick(1, 5), "{work}", seed]
    yield "places", ["places.py", binary, "{work}"]
    names = "" if everything else "x2"
    yield "determinism", ["determinism.py", binary, f"{ROOT}/pipelines", names, "{work}", CLOCK] + ([] if everything else ["4"])


def play(name, words):
    """Runs one piece; returns its name, how many were tried and found, seconds, and a word on how it ended."""
    begun, log = time.time(), f"{work}/{name}.log"
    folder = f"{work}/{name}"
    os.makedirs(folder, exist_ok=True)
    with open(log, "wb") as file:
        words = [PYTHON, f"{HERE}/{words[0]}"] + [word.replace("{work}", folder) for word in words[1:]]
        code = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder).returncode
    with open(log, errors="replace") as file:
        text = file.read()
    total = re.search(r"^TOTAL (\d+) tried, (\d+) found$", text, re.M)
    tried, found = map(int, total.groups()) if total else (0, 0)
    skipped = [line for line in text.splitlines() if line.startswith("SKIPPED")]
    how = "SKIPPED" if code == 77 else "ok" if code == 0 and total else "FOUND" if total else "BROKE"
    return name, tried, found, time.time() - begun, how, skipped


def main():
    build()
    chosen = [piece for piece in pieces() if not only or piece[0].startswith(only)]
    print(f"{len(chosen)} pieces, seed {seed}, {'the whole' if everything else 'a sample'}; logs in {work}", flush=True)
    rows = []
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        for done in concurrent.futures.as_completed([pool.submit(play, *piece) for piece in chosen]):
            rows.append(done.result())
            name, tried, found, seconds, how, _ = rows[-1]
            print(f"  {name}: {how}, {tried} tried, {found} found, {seconds:.0f} s", flush=True)
    order = {name: number for number, (name, _) in enumerate(chosen)}
    rows.sort(key=lambda row: order[row[0]])
    print(f"\n| driver | tried | found | seconds | |\n| --- | ---: | ---: | ---: | --- |")
    for name, tried, found, seconds, how, _ in rows:
        print(f"| {name} | {tried} | {found} | {seconds:.0f} | {'' if how == 'ok' else how} |")
    print(f"| all | {sum(row[1] for row in rows)} | {sum(row[2] for row in rows)} | {sum(row[3] for row in rows):.0f} | |\n")
    for row in rows:
        for line in row[5]:
            print(f"{row[0]}: {line}")
        if row[4] in ("FOUND", "BROKE"):
            with open(f"{work}/{row[0]}.log", errors="replace") as file:
                last = [line for line in file.read().splitlines() if not line.startswith(("{", "TOTAL"))]
            print(f"{row[0]}: {work}/{row[0]}.log", *(f"    {line[:300]}" for line in last[:6]), sep="\n")
    sys.exit(any(row[4] in ("FOUND", "BROKE") for row in rows))


main()
