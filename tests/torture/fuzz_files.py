#!/usr/bin/env python3
"""Stages on damaged inputs: fuzz_files.py BINARY TRIALS [TARGETS=all] [SEED=1] [WORK] (pyarrow for the strategy `rows`)

Each trial damages one input file of one stage (bits, bytes, blocks, lengths, footers, headers, numbers of JSON, or, as a
valid Parquet file, single cells) and runs that stage alone on it, as `seqlab run` would. Counts exit codes, panics, hangs
(> 20 s), memory (> 2 GiB), and damage that was accepted: exit 0 and other output, with the pipeline calling the file's
stage up to date. Exit 0: no panic, hang, large memory, signal, or accepted damage.
"""
import resource
from common import *

try:
    import pyarrow as pa, pyarrow.parquet as pq
except ImportError:
    pq = None
try:
    from blake3 import blake3
except ImportError:
    blake3 = None

binary, trials = os.path.abspath(sys.argv[1]), int(sys.argv[2])
wanted = sys.argv[3].split(",") if len(sys.argv) > 3 and sys.argv[3] != "all" else None
seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
work = os.path.abspath(sys.argv[5]) if len(sys.argv) > 5 else tempfile.mkdtemp(prefix="fuzz-")
dice = random.Random(seed)
GIB = 1 << 30

definition = DEFINITION.replace("evaluate: { data: data, audit: audit, model: train }",
                                "evaluate: { data: data, audit: audit, model: train, bootstrap_draws: 100, train_rows: 40 }")
definition = definition.replace("seeds: 2", "seeds: 1").replace("  shell:", """  more:
    train:
      data: data
      from: train
      model: { n_layers: 1, n_heads: 2, d_model: 16, d_mlp: 16 }
      seeds: 1
      steps: 2
      batch: 16
  shell:""")
project = make(f"{work}/project", steps=6, definition=definition)
begun = run(binary, project)
assert begun.returncode == 0, words_of(begun)


def entry(folder):
    """The committed folder whose files a visible folder shows: that of its links, or itself."""
    for name in sorted(os.listdir(folder)):
        path = os.path.realpath(f"{folder}/{name}")
        while len(path) > len(os.path.realpath(project)):
            path = os.path.dirname(path)
            if os.path.isfile(f"{path}/manifest.json"):
                return path
    raise SystemExit(f"{folder} shows nothing that was committed")


folder_of = {stage: entry(f"{project}/results/micro/{stage}") for stage in STAGES + ["more"] if stage != "data"}
folder_of["data"] = entry(f"{project}/datasets/micro")


def manifest(stage):
    with open(f"{folder_of[stage]}/manifest.json") as file:
        return json.load(file)


def spec(stage, folders, out, partial=None):
    said = manifest(stage)
    verbs = {"data": "build", "more": "train"}
    inputs = {"train": {"data": ["data"]}, "more": {"data": ["data"], "from": ["train"]}, "audit": {"data": ["data"]},
              "evaluate": {"data": ["data"], "audit": ["audit"], "model": ["train"]},
              "analyze": {"data": ["data"], "model": ["train"]},
              "report": {"inputs": ["data", "audit", "train", "evaluate", "analyze"]}}[stage]
    return dict(parent=os.getpid(), pipeline="micro", description="every verb", stage=stage, point="", verb=said["verb"],
                config=said["config"], key=said["key"], digests=said["inputs"],
                inputs=[dict(role=role, many=role == "inputs",
                             folders=[dict(stage=s, verb=verbs.get(s, s), point="", path=folders[s]) for s in of])
                        for role, of in inputs.items()],
                out=out, partial=partial, measured=f"{work}/measured", base=project, threads=1, device="cpu", external=None)


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (8 * GIB, 8 * GIB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def execute(words, cwd):
    """Returns exit status (negative: signal), seconds, peak bytes, words; hung: status None."""
    with open(f"{work}/said", "wb") as said:
        begun = time.time()
        process = subprocess.Popen(words, cwd=cwd, stdout=said, stderr=said, preexec_fn=limited)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.time() - begun > 20 * PATIENCE:
                process.kill()
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = -9
                return None, time.time() - begun, usage.ru_maxrss * 1024, "hung"
            time.sleep(0.001)
        process.returncode = os.waitstatus_to_exitcode(status)
    with open(f"{work}/said", "rb") as said:
        text = said.read(20000).decode(errors="replace")
    return process.returncode, time.time() - begun, usage.ru_maxrss * 1024, text


def outputs(folder):
    found = {}
    for here, _, names in os.walk(folder):
        for name in names:
            with open(f"{here}/{name}", "rb") as file:
                found[os.path.relpath(f"{here}/{name}", folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def stage_runs(stage, scratch, partial=None):
    out = f"{work}/out"
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    with open(f"{work}/spec", "w") as file:
        json.dump(spec(stage, scratch, out, partial), file)
    return execute([binary, "stage", "--log-format", "wire", f"{work}/spec"], project) + (outputs(out),)


# Bytes

def extreme():
    return dice.choice([0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**53, 2**63 - 1, 2**63, 2**64 - 1,
                        dice.randrange(1 << 20)])


def bits(data):
    for _ in range(dice.choice([1, 1, 1, 2, 8, 40])):
        at = dice.randrange(len(data))
        data[at] ^= 1 << dice.randrange(8)


def blocks(data):
    size = min(len(data), dice.choice([1, 8, 64, 512, 4096]))
    at, other = dice.randrange(len(data) - size + 1), dice.randrange(len(data) - size + 1)
    what = dice.choice(["zero", "copy", "delete", "insert", "random"])
    if what == "zero":
        data[at:at + size] = bytes(size)
    elif what == "copy":
        data[at:at + size] = data[other:other + size]
    elif what == "delete":
        del data[at:at + size]
    elif what == "insert":
        data[at:at] = data[other:other + size]
    else:
        data[at:at + size] = dice.randbytes(size)


def cut(data):
    del data[dice.randrange(len(data)):]


def footer(data):
    size = int.from_bytes(data[-8:-4], "little")
    start = max(0, len(data) - 8 - size)
    for _ in range(dice.choice([1, 1, 2, 4])):
        at = dice.randrange(start, len(data) - 8)
        data[at] = dice.choice([data[at] ^ (1 << dice.randrange(8)), dice.randrange(256), 255, 0])


def pages(data):
    """The first bytes of column chunks and pages: their headers are thrift too."""
    at = dice.choice([4, 4 + dice.randrange(min(64, len(data) - 4)), dice.randrange(len(data))])
    for offset in range(dice.choice([1, 2, 4])):
        if at + offset < len(data):
            data[at + offset] = dice.choice([0, 255, 127, 128, dice.randrange(256)])


def length(data):
    at = len(data) - 8 if bytes(data[-4:]) == b"PAR1" else 0
    width = 4 if at else 8
    data[at:at + width] = (extreme() % (1 << (8 * width))).to_bytes(width, "little")


def header(data):
    """Numbers, names and types in the JSON header of a safetensors file."""
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8:8 + size])
    name = dice.choice(list(head))
    if name != "__metadata__":
        what = dice.choice(["begin", "end", "shape", "dtype", "name", "overlap", "missing", "grow"])
        entry = head[name]
        if what == "begin":
            entry["data_offsets"][0] = extreme()
        elif what == "end":
            entry["data_offsets"][1] = extreme()
        elif what == "shape" and entry["shape"]:
            entry["shape"][dice.randrange(len(entry["shape"]))] = extreme()
        elif what == "dtype":
            entry["dtype"] = dice.choice(["F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "X", "U64", "I32"])
        elif what == "name":
            head[name + "x"] = head.pop(name)
        elif what == "overlap":
            entry["data_offsets"] = dict(head[dice.choice(list(head))]).get("data_offsets", [0, 0])
        elif what == "missing":
            del head[name]
        else:
            entry["shape"] = entry["shape"] + [extreme() for _ in range(3)]
    text = json.dumps(head).encode()
    data[:8 + size] = len(text).to_bytes(8, "little") + text


def floats(data):
    """Single values of a safetensors file: zero, infinite, NaN, huge, or a little different."""
    size = int.from_bytes(data[:8], "little") + 8
    count = max(1, (len(data) - size) // 4)
    for _ in range(dice.choice([1, 1, 16])):
        at = size + 4 * dice.randrange(count)
        data[at:at + 4] = dice.choice([b"\0\0\0\0", b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"\xff\xff\x7f\x7f", dice.randbytes(4)])


def jsons(data):
    value = json.loads(data)
    spots = []

    def walk(value):
        for key in (value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []):
            spots.append((value, key))
            walk(value[key])
    walk(value)
    for _ in range(dice.choice([1, 1, 2])):
        around, key = dice.choice(spots)
        try:
            around[key] = dice.choice([extreme(), -1, 0, None, "", "x", "../../etc", [], {}, True, 1e308, 0.5, "é" * 300])
        except (KeyError, IndexError):
            pass
    data[:] = json.dumps(value).encode()


def rows(data):
    """Another valid table: extreme cells, nulls, another type, no rows, rows twice, in another order."""
    table = pq.read_table(pa.BufferReader(bytes(data)))
    what = dice.choice(["cell"] * 6 + ["null", "type", "drop", "empty", "twice", "order", "column"])
    name = dice.choice(table.column_names)
    at = table.column_names.index(name)
    column = table.column(name).to_pylist()
    kind = table.schema.field(name).type
    if what in ("cell", "column") and column:
        def other(value):
            if isinstance(value, bool):
                return not value
            if isinstance(value, int):
                return dice.choice([0, -1, 1, value + 1, value - 1, 2**31 - 1, -2**31, 13, 999])if kind in (pa.int32(), pa.uint16()) else extreme() % 2**63 * dice.choice([1, -1])
            if isinstance(value, float):
                return dice.choice([0.0, -1.0, 1e308, float("nan"), float("inf"), -float("inf"), 0.5])
            if isinstance(value, str):
                return dice.choice(["", "x", value + value, "<script>", "../../../etc/passwd", "/etc/passwd", "\0", "é" * 500, "-1", "9" * 40])
            if isinstance(value, list):
                value = list(value)
                what = dice.choice(["empty", "item", "long", "short", "far"])
                if what == "empty":
                    return []
                if what == "short":
                    return value[:-1]
                if what == "long":
                    return value * 50
                if value:
                    value[dice.randrange(len(value))] = dice.choice([0, 1, 12, 13, 65535]) if what == "item" else (65535 if "token" in name else dice.choice([2**62, -2**62, -1, 0]))
                return value
            return value
        if what == "cell":
            place = dice.randrange(len(column))
            column[place] = other(column[place])
        else:
            column = [other(value) for value in column]
        try:
            table = table.set_column(at, table.schema.field(name), pa.chunked_array([pa.array(column, kind)]))
        except (pa.ArrowInvalid, OverflowError, pa.ArrowTypeError):
            return
    elif what == "null" and column:
        column[dice.randrange(len(column))] = None
        table = table.set_column(at, pa.field(name, kind, True), pa.chunked_array([pa.array(column, kind)]))
    elif what == "type":
        other = dice.choice([pa.string(), pa.int64(), pa.int32(), pa.float64(), pa.bool_(), pa.list_(pa.int32()), pa.binary()])
        table = table.set_column(at, pa.field(name, other), pa.chunked_array([pa.nulls(table.num_rows, other)]))
    elif what == "drop":
        table = table.drop_columns([name])
    elif what == "empty":
        table = table.slice(0, 0)
    elif what == "twice":
        table = pa.concat_tables([table, table])
    elif what == "order":
        order = list(range(table.num_rows))
        dice.shuffle(order)
        table = table.take(pa.array(order))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=dice.choice(["zstd", "none", "snappy"]), use_dictionary=dice.random() < 0.5)
    data[:] = sink.getvalue().to_pybytes()


PARQUET = [bits, blocks, cut, footer, footer, pages, length] + ([rows] * 4 if pq else [])
SAFE = [bits, blocks, cut, length, header, header, floats]
JSON = [bits, blocks, cut, jsons, jsons, jsons]

DATA = {name.split("-")[0].split(".")[0]: name for name in os.listdir(folder_of["data"]) if name.endswith(".parquet")}
DEFINED = ("definition",) if "definition" in DATA else ()  # what the stages after the build need of it
last = sorted(os.listdir(f"{folder_of['train']}/checkpoints/seed-000"))[-1]
LAST = f"checkpoints/seed-000/{last}"
TARGETS = {  # name: (stage, [(folder, file, strategies)], resigned)
    "train": ("train", [("data", DATA[n], PARQUET) for n in ("train", "validation", "vocabulary")]),
    "audit": ("audit", [("data", DATA[n], PARQUET) for n in ("train", "validation", "test", "vocabulary", "counterfactuals") + DEFINED]),
    "evaluate": ("evaluate", [("data", DATA[n], PARQUET) for n in ("test", "train", "validation", "vocabulary") + DEFINED]
                 + [("audit", f"{n}.parquet", PARQUET) for n in ("certificate", "memorizers", "ceilings", "exposure", "ranges", "audited")]
                 + [("train", f"{n}.parquet", PARQUET) for n in ("checkpoints", "training", "trained_on", "vocabulary")]),
    "analyze": ("analyze", [("data", DATA[n], PARQUET) for n in ("test", "vocabulary", "counterfactuals")]
                + [("train", f"{n}.parquet", PARQUET) for n in ("checkpoints", "vocabulary")]),
    "report": ("report", [("data", DATA[n], PARQUET) for n in ("test", "vocabulary", "train") + DEFINED]
               + [("audit", f"{n}.parquet", PARQUET) for n in ("certificate", "leakage", "memorizers", "ceilings", "exposure")]
               + [("train", f"{n}.parquet", PARQUET) for n in ("checkpoints", "training")]
               + [("evaluate", f"{n}.parquet", PARQUET)
                  for n in ("scores", "seed_scores", "controls", "verdicts", "seed_verdicts", "predictions")]
               + [("analyze", n, PARQUET) for n in sorted(os.listdir(folder_of["analyze"])) if n.endswith(".parquet")]),
    "weights-evaluate": ("evaluate", [("train", LAST, SAFE)]),
    "weights-analyze": ("analyze", [("train", LAST, SAFE)]),
    "model-evaluate": ("evaluate", [("train", "model.json", JSON)]),
    "model-analyze": ("analyze", [("train", "model.json", JSON)]),
    "model-report": ("report", [("train", "model.json", JSON), ("train", "manifest.json", JSON), ("evaluate", "manifest.json", JSON)]),
    "from": ("more", [("train", "resume/seed-000.safetensors", SAFE), ("train", LAST, SAFE), ("train", "model.json", JSON),
                      ("train", "checkpoints.parquet", PARQUET)]),
    "resume": ("train", []),  # every file of the state, found once it is there
    "signed-evaluate": ("evaluate", [("train", LAST, SAFE)]),
    "signed-analyze": ("analyze", [("train", LAST, SAFE)]),
    "signed-from": ("more", [("train", LAST, SAFE)]),
    "folder": (None, [("data", DATA[n], PARQUET) for n in ("train", "validation", "test", "vocabulary", "counterfactuals")]),
    "folder-foreign": (None, [("data", DATA[n], PARQUET) for n in ("train", "validation", "test", "vocabulary", "counterfactuals")]),
}


def resign(train):
    """Lets checkpoints.parquet know the digests of the damaged weights, so that they are looked at."""
    table = pq.read_table(f"{folder_of['train']}/checkpoints.parquet")
    digests = []
    for path in table.column("path").to_pylist():
        with open(f"{train}/{path}", "rb") as file:
            digests.append(blake3(file.read()).hexdigest())
    at = table.column_names.index("digest")
    table = table.set_column(at, table.schema.field("digest"), pa.chunked_array([pa.array(digests)]))
    pq.write_table(table, f"{train}/checkpoints.parquet", compression="zstd")


def accepted_by_pipeline(folder, name, path):
    """Whether the pipeline calls the stage that wrote a file up to date, the damaged file in its place."""
    shutil.copytree(project, f"{work}/asked", symlinks=True, dirs_exist_ok=True)
    place = f"{work}/asked/" + os.path.relpath(f"{folder_of[folder]}/{name}", project)
    os.remove(place)
    shutil.copy(path, place)
    stage = folder
    said = execute([binary, "status", "pipelines/micro.yaml"], f"{work}/asked")[3]
    shutil.rmtree(f"{work}/asked")
    return any(line.startswith(f"{stage}") and "up to date" in line for line in said.splitlines()), said


def main():
    os.makedirs(f"{work}/kept", exist_ok=True)
    bad, tried = [], 0
    for target, (stage, files_of) in TARGETS.items():
        if wanted and target not in wanted:
            continue
        codes = {}
        if target.startswith("signed") and not (pq and blake3):
            continue
        count = dict(target=target, tried=0, refused=0, same=0, other=0, panics=0, hangs=0, memory=0, signals=0, accepted=0, warned=0)
        partial0 = None
        scratch = {key: f"{work}/scratch/{key}" for key in folder_of}
        shutil.rmtree(f"{work}/scratch", ignore_errors=True)
        used = {folder for folder, _, _ in files_of}
        for key, path in folder_of.items():
            if key in used and key != "partial":
                shutil.copytree(path, scratch[key])
            else:
                scratch[key] = path
        if target == "folder-foreign":
            os.remove(f"{scratch['data']}/manifest.json")

        ours = ["--ours"] if target == "folder-foreign" else []

        def once(partial=None):
            if stage is None:
                out = f"{work}/out"
                shutil.rmtree(out, ignore_errors=True)
                code, seconds, peak, said = execute([binary, "audit", scratch["data"], "--out", out, "--threads", "1", *ours], project)
                return code, seconds, peak, said, outputs(out) if os.path.isdir(out) else {}
            if target == "resume":
                return resume_runs(partial)
            return stage_runs(stage, scratch)

        def resume_runs(partial):
            with open(f"{work}/spec0") as file:
                value = json.load(file)
            value.update(parent=os.getpid(), out=f"{work}/out", partial=partial)
            shutil.rmtree(f"{work}/out", ignore_errors=True)
            os.makedirs(f"{work}/out")
            with open(f"{work}/spec", "w") as file:
                json.dump(value, file)
            return execute([binary, "stage", "--log-format", "wire", f"{work}/spec"], project) + (outputs(f"{work}/out"),)

        if target == "resume":
            # A short training with state to go on from: 40 steps, stopped after 20 (state is saved every 10 looks).
            value = spec("train", folder_of, f"{work}/out", f"{work}/p0")
            value["config"]["steps"], value["config"]["evaluate_every"] = 40, 1
            value["config"]["checkpoints"] = {"every": 10, "log_spaced": 0, "best": False}
            with open(f"{work}/spec0", "w") as file:
                json.dump(value, file)
            shutil.rmtree(f"{work}/p0", ignore_errors=True)
            assert resume_runs(f"{work}/p0")[0] == 0
            clean = outputs(f"{work}/out")
            # The state after the last step is what was saved last; that of step 20 is made by a shorter run of the same stream.
            value["config"]["steps"] = 20
            with open(f"{work}/spec0", "w") as file:
                json.dump(value, file)
            shutil.rmtree(f"{work}/p0", ignore_errors=True)
            assert resume_runs(f"{work}/p0")[0] == 0
            value["config"]["steps"] = 40
            with open(f"{work}/spec0", "w") as file:
                json.dump(value, file)
            partial0 = f"{work}/p0"
            shutil.rmtree(f"{work}/p1", ignore_errors=True)
            shutil.copytree(partial0, f"{work}/p1")
            again = resume_runs(f"{work}/p1")
            assert again[0] == 0 and again[4] == clean, ("resume differs undamaged", compare(clean, again[4]), again[3][-300:])
            base = again
            kinds = {".parquet": PARQUET, ".safetensors": SAFE, ".json": JSON}
            files_of = [("partial", name, kinds.get(os.path.splitext(name)[1], [bits, blocks, cut]))
                        for name in sorted(outputs(partial0)) if os.path.getsize(f"{partial0}/{name}")]
        else:
            base = once()
        assert base[0] == 0, base[3]
        baseline = base[4]
        for trial in range(trials):
            folder, name, strategies = dice.choice(files_of)
            strategy = dice.choice(strategies)
            if folder == "partial":
                shutil.rmtree(f"{work}/p1", ignore_errors=True)
                shutil.copytree(partial0, f"{work}/p1")
                source, place = f"{partial0}/{name}", f"{work}/p1/{name}"
            else:
                source, place = f"{folder_of[folder]}/{name}", f"{scratch[folder]}/{name}"
            with open(source, "rb") as file:
                data = bytearray(file.read())
            before = bytes(data)
            strategy(data)
            if bytes(data) == before:
                continue
            with open(place, "wb") as file:
                file.write(data)
            if target.startswith("signed"):
                resign(scratch["train"])
            code, seconds, peak, said, found = once(f"{work}/p1")
            count["tried"] += 1
            count["warned"] += "starts anew" in said
            codes[code] = codes.get(code, 0) + 1
            problem = None
            if panicked(said) or code == 101:
                problem = "panics"
            elif code is None:
                problem = "hangs"
            elif code < 0 or code > 128:
                problem = "signals"
            elif peak > 2 * GIB:
                problem = "memory"
            if problem:
                count[problem] += 1
            if code == 0:
                differs = compare(baseline, found)
                count["same" if not differs else "other"] += 1
                if differs and folder == "partial":
                    problem = problem or "accepted"
                    count["accepted"] += 1
                elif differs and stage is not None and not target.startswith("signed"):
                    up_to_date, said = accepted_by_pipeline(folder, name, place)
                    if up_to_date:
                        problem = problem or "accepted"
                        count["accepted"] += 1
                elif differs and target == "folder":
                    problem = problem or "accepted"
                    count["accepted"] += 1
            elif code is not None:
                count["refused"] += 1
            if problem:
                kept = f"{work}/kept/{target}-{trial}-{os.path.basename(name)}"
                shutil.copy(place, kept)
                line = panic_line(said) or said[-200:]
                bad.append((problem, target, f"{folder}/{name}", strategy.__name__, f"rc={code}", f"{seconds:.1f}s", f"{peak >> 20}MiB",
                            PANIC.split(line)[-1][:260], os.path.basename(kept),
                            compare(baseline, found)[:4] if problem == "accepted" else ""))
            if folder != "partial":
                shutil.copy(source, place)
        tried += count["tried"]
        count["codes"] = {str(key): value for key, value in codes.items()}
        print(json.dumps(count), flush=True)
    shown = {}
    for item in bad:
        key = (item[0], item[1], item[7].split("|")[0][:90] if item[0] == "panics" else (item[2], item[3]))
        shown.setdefault(key, []).append(item)
    for key, items in shown.items():
        print(len(items), *items[0])
    return tried, len(bad)


def pipeline():
    """Damages anything that a finished run left, and runs again: it has to be found, and made again to the same bytes."""
    reference, bad = files(project), {}
    count = dict(target="pipeline", tried=0, same=0, other=0, panics=0, hangs=0, failed=0, codes={})
    every = []
    for here, _, names in os.walk(project):
        every += [os.path.relpath(f"{here}/{name}", project) for name in names if not os.path.islink(f"{here}/{name}")]
    every = sorted(name for name in every if not name.startswith("pipelines/"))
    for trial in range(trials):
        shutil.rmtree(f"{work}/again", ignore_errors=True)
        shutil.copytree(project, f"{work}/again", symlinks=True)
        name = dice.choice(every)
        with open(f"{work}/again/{name}", "rb") as file:
            data = bytearray(file.read())
        kinds = PARQUET if name.endswith(".parquet") else SAFE if name.endswith(".safetensors") else JSON if name.endswith(".json") else [bits, blocks, cut]
        strategy, before = dice.choice(kinds), bytes(data)
        if not data:
            continue
        strategy(data)
        if bytes(data) == before:
            continue
        with open(f"{work}/again/{name}", "wb") as file:
            file.write(data)
        code, seconds, peak, said = execute([binary, "run", "pipelines/micro.yaml", "-q"], f"{work}/again")
        count["tried"] += 1
        count["codes"][str(code)] = count["codes"].get(str(code), 0) + 1
        differs = compare(reference, files(f"{work}/again")) if code is not None else ["hung"]
        problem = None
        if panicked(said) or code == 101:
            problem = "panics"
        elif code is None:
            problem = "hangs"
        elif code != 0:
            problem = "failed"
        elif differs:
            problem = "other"
        count[problem or "same"] += 1
        if problem:
            line = panic_line(said) or said[-200:]
            short = name.split("/")[-1]
            key = (problem, PANIC.split(line)[-1][:120] if problem == "panics" else (short, strategy.__name__, line[:60].replace(work, ".")))
            bad.setdefault(key, []).append((problem, name, strategy.__name__, f"rc={code}", line[-240:].replace(work, "."), differs[:3]))
            shutil.copy(f"{work}/again/{name}", f"{work}/kept/pipeline-{trial}-{short}") if os.path.exists(f"{work}/again/{name}") else None
    print(json.dumps(count), flush=True)
    for items in bad.values():
        print(len(items), *items[0])
    return count["tried"], sum(map(len, bad.values()))


os.makedirs(f"{work}/kept", exist_ok=True)
found = [pipeline()] if not wanted or "pipeline" in wanted else []
found.append(main())
end(*map(sum, zip(*found)))
