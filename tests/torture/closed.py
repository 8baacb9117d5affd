#!/usr/bin/env python3
"""Output that is full, closed, gone, read-only or never read: closed.py BINARY [EVERY=1] [WORK] [SEED=1]

Every way to lose standard output and standard error, for every way to log, in a whole run and in the commands that list.
A log that is lost ends nothing: the run completes to the same files. Exit 0: that, and no panic, no hang.
"""
import itertools
from common import *

binary = os.path.abspath(sys.argv[1])
every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
work = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="closed-")
first_of = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1).randrange(every)
reference_folder = make(f"{work}/reference")
assert run(binary, reference_folder).returncode == 0
reference = files(reference_folder)
HOW = {"full": ">/dev/full", "closed": ">&-", "null": ">/dev/null", "read-only": "</dev/null", "gone": None, "unread": None, "breaks": None}


def start(words, folder, out, err):
    """Starts a command with standard output and error as `out` and `err` say; the ends of pipes are to be kept."""
    redirections, ends = "", {}
    for number, how in ((1, out), (2, err)):
        if HOW[how]:
            redirections += f" {number}{HOW[how]}"
        else:
            ends[number] = os.pipe()
            redirections += f" {number}>&{ends[number][1]}"
    pipes = tuple(writer for _, writer in ends.values())
    closing = "".join(f" {writer}>&-" for writer in pipes)
    process = subprocess.Popen(["bash", "-c", f'exec "$@"{redirections}{closing}', "bash", *words], cwd=folder, pass_fds=pipes,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    kept = []
    for number, (reader, writer) in ends.items():
        os.close(writer)
        how = out if number == 1 else err
        if how == "gone":
            os.close(reader)
        else:
            kept.append((how, reader))
    return process, kept


bad, counts = [], {}


def trial(kind, words, folder, out, err, codes):
    count = counts.setdefault(kind, dict(kind=kind, tried=0))
    count["tried"] += 1
    what = (kind, f"1: {out}, 2: {err}", " ".join(words[1:]))
    process, kept = start(words, folder, out, err)
    try:
        for how, reader in kept:
            if how == "breaks":
                os.read(reader, 100)
                os.close(reader)
        said = b"".join(process.communicate(timeout=60 * PATIENCE)).decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        bad.append(what + ("hang",))
        return
    finally:
        for how, reader in kept:
            if how == "unread":
                os.close(reader)
    if panicked(said) or process.returncode not in codes:
        bad.append(what + (f"exit {process.returncode}", said[-200:]))


formats = (["--log-format", "text"], ["--log-format", "json"], ["-q"], ["-v"])
pairs = [pair for pair in itertools.product(HOW, HOW) if set(pair) != {"null"}]
for (out, err), log in list(itertools.product(pairs, formats))[first_of::every]:
    folder = make(f"{work}/here")
    trial("run", [binary, "run", "pipelines/micro.yaml", *log], folder, out, err, (0,))
    again = run(binary, folder)
    if again.returncode or compare(reference, files(folder)) or litter(folder):
        bad.append(("run", out, err, log, "differs", compare(reference, files(folder))[:3], litter(folder)[:3]))

commands = [["tables"], ["tables", "--markdown"], ["tasks"], ["analyses"], ["schema"], ["completions", "zsh"], ["runs"], ["runs", "--json"],
            ["status", "pipelines/micro.yaml"], ["status", "pipelines/micro.yaml", "--json"], ["why", "pipelines/micro.yaml", "train"],
            ["gc"], ["run", "pipelines/micro.yaml", "--dry-run"], ["audit", "datasets/micro"], ["--help"], ["--version"], ["nonsense"], []]
for words, (out, err) in list(itertools.product(commands, pairs))[first_of::every]:
    lost = out in ("full", "read-only")
    codes = (2,) if words in (["nonsense"], []) else (1,) if lost else (0,)
    if "breaks" in (out, err) or "unread" in (out, err):
        continue  # of a run: these have little to say, and say it at once
    trial("list", [binary, *words], reference_folder, out, err, codes)
for count in counts.values():
    print(json.dumps(count))
for item in bad:
    print(*item)
end(sum(count["tried"] for count in counts.values()), len(bad))
