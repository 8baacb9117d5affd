"""What the drivers share: a pipeline of all verbs that takes a second, and how to compare what it leaves."""
import hashlib, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

# What takes longer than so many times its due hangs: more than 1 on a machine that does other things.
PATIENCE = float(os.environ.get("PATIENCE", "1"))

DEFINITION = """name: micro
description: every verb, two seeds
stages:
  data:
    build:
      seed: 1729
      tasks:
        x2: { family: { geometric: { ratio: 2 } }, start: { min: 1, max: 599 }, terms: 4, notation: { digits: { width: 4, order: least_first } } }
      holdout: { level: transition, test: 0.10, validation: 0.05 }
  audit: { audit: { data: data } }
  train:
    train:
      data: data
      model: { n_layers: 1, n_heads: 2, d_model: 16, d_mlp: 16 }
      seeds: 2
      steps: STEPS
      batch: 16
      evaluate_every: 1
      log_every: 1
      checkpoints: { every: 10, best: true }
  evaluate: { evaluate: { data: data, audit: audit, model: train } }
  analyze: { analyze: { data: data, model: train, analyses: [attention, ablation], sample: 20 } }
  report: { report: { inputs: [data, audit, train, evaluate, analyze] } }
  shell:
    run:
      command: [sh, -c, "sleep 0.05; wc -c < \\"$0\\"/scores.parquet > \\"$1\\"/size.txt", "{inputs.scores}", "{out}"]
      inputs: { scores: evaluate }
      outputs: [size.txt]
"""
STAGES = ["data", "audit", "train", "evaluate", "analyze", "report", "shell"]
STATE = ".seqlab"  # store/<key>, partial/<key>, attempts/, runs/*.json, cache/, locks/
KNOWN_HIDDEN = {".lock", ".runs", ".cache", ".gitignore"}


# A panic that got past everything, or that ended as a fault of ours in one line: both are findings.
PANIC = re.compile("panicked at|internal fault at")


def panicked(words):
    return bool(PANIC.search(words))


def panic_line(words):
    """The line that names the place of a panic, and the one after it."""
    lines = words.splitlines()
    at = next((n for n, line in enumerate(lines) if panicked(line)), None)
    return "" if at is None else " | ".join(lines[at:at + 2])


def make(folder, steps=40, definition=DEFINITION):
    """An empty project folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(f"{folder}/pipelines")
    with open(f"{folder}/pipelines/micro.yaml", "w") as file:
        file.write(definition.replace("STEPS", str(steps)))
    return folder


def clear(folder):
    for root in ("datasets", "results", STATE):
        shutil.rmtree(f"{folder}/{root}", ignore_errors=True)


def run(binary, folder, *more, env=None, timeout=60, preexec=None, quiet=True):
    words = [binary, "run", "pipelines/micro.yaml", *more] + (["-q"] if quiet else [])
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, timeout=timeout * PATIENCE, preexec_fn=preexec)


def bytes_of(path):
    """The digest of a file; of a manifest without what is said of the run."""
    with open(path, "rb") as file:
        data = file.read()
    if os.path.basename(path) == "manifest.json":
        manifest = json.loads(data)
        manifest.pop("run", None)
        data = json.dumps(manifest, sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def files(folder):
    """Every file that a person sees or the store holds, with the digest of what it shows; links with their targets too."""
    found = {}
    for root in ("datasets", "results", f"{STATE}/store"):
        for here, folders, names in os.walk(f"{folder}/{root}"):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names + [d for d in folders if os.path.islink(f"{here}/{d}")]:
                path = f"{here}/{name}"
                short = os.path.relpath(path, folder)
                if name == ".lock":
                    continue
                if os.path.islink(path):
                    found[f"{short} ->"] = os.readlink(path)
                if os.path.isfile(path):
                    found[short] = bytes_of(path)
                elif os.path.islink(path) and not os.path.isdir(path):
                    found[short] = "nothing"
    return found


def litter(folder):
    """Hidden things that belong to nothing, and what is left in the folders of attempts, records and digests."""
    found = []
    for root in ("datasets", "results"):
        for here, folders, names in os.walk(f"{folder}/{root}"):
            inside = os.path.basename(here)
            for name in names + folders:
                path = os.path.relpath(f"{here}/{name}", folder)
                if inside == ".runs":
                    if name.startswith(".") or not name.endswith(".json"):
                        found.append(path)
                elif inside == ".cache":
                    if name != "digests.json":
                        found.append(path)
                elif name.startswith(".") and name not in KNOWN_HIDDEN:
                    found.append(path)
            folders[:] = [name for name in folders if not os.path.islink(f"{here}/{name}")]
    for part in ("attempts", "partial", "runs", "cache", "store"):
        for name in os.listdir(f"{folder}/{STATE}/{part}") if os.path.isdir(f"{folder}/{STATE}/{part}") else []:
            path = f"{STATE}/{part}/{name}"
            if part in ("attempts", "partial") or name.startswith(".") or name.endswith(".tmp"):
                found.append(path)
            elif part == "store" and not os.path.isfile(f"{folder}/{path}/manifest.json"):
                found.append(path)
    return sorted(found)


def unexpected(found):
    """What of `litter` may not lie there after a run that failed or was asked to end: all but what can go on."""
    return [name for name in found if not name.endswith(".partial") and not name.startswith(f"{STATE}/partial/")]


def names_path(words, folder):
    """Whether a message names a file or folder of the project, from the root or from the project."""
    return folder in words or bool(re.search(r"(?:^|[\s`'\"(:])(?:\.seqlab|results|datasets|pipelines)(?:/|\b)", words))


def processes(folder):
    """Processes whose current folder or command names `folder`."""
    folder, found = os.path.realpath(folder), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                    continue
            where = os.readlink(f"/proc/{pid}/cwd")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if where == folder or where.startswith(folder + "/") or folder + "/" in words:
            found.append((int(pid), words[:120]))
    return found


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def compare(reference, found):
    return sorted(name for name in reference.keys() | found.keys() if reference.get(name) != found.get(name))


def words_of(result):
    return result.stderr.decode(errors="replace")


def end(tried, bad):
    """The last line of a driver, for those who count; the exit code says whether something was found."""
    print(f"TOTAL {tried} tried, {bad} found", flush=True)
    sys.exit(bool(bad))
