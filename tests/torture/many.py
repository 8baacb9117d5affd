#!/usr/bin/env python3
"""Twenty runs at once in one project: many.py BINARY [ROUNDS=5] [WORK] [SEED=1]

`same`: one pipeline, twenty times: each ends with 0 or 75, one at least with 0. `different`: twenty pipelines, most of
which share stages: all end with 0. `killed`: the same, some of them killed, then all of them again. `watched`: twenty
pipelines, while others ask for status, runs and the plan, and collect garbage. After each round every pipeline shows what
it shows when it runs alone, and nothing else lies there. Exit 0: always.
"""
from common import *

binary = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
work = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="many-")
dice = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
COUNT = 20


def named(number):
    """Pipelines of five kinds: what they share is made by whoever comes first."""
    text = DEFINITION.replace("STEPS", str(20 + 2 * (number % 3))).replace("name: micro", f"name: p{number:02}")
    return text.replace("sample: 20", f"sample: {20 + number % 5}")


def project(folder):
    make(folder)
    os.remove(f"{folder}/pipelines/micro.yaml")
    for number in range(COUNT):
        with open(f"{folder}/pipelines/p{number:02}.yaml", "w") as file:
            file.write(named(number))
    return folder


def begin(folder, number, *more):
    words = [binary, "run", f"pipelines/p{number:02}.yaml", "-q", "--threads", "1", *more]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def visible(found, number):
    """What a pipeline shows, without what is said of the attempt."""
    name = f"p{number:02}"
    return {path: digest for path, digest in found.items() if f"/{name}/" in f"/{path}/".replace(" ->", "")
            and os.path.basename(path) not in ("manifest.json", "size.txt")}


alone = {}
for number in range(COUNT):
    folder = project(f"{work}/alone")
    process = begin(folder, number)
    _, err = process.communicate(timeout=120 * PATIENCE)
    assert process.returncode == 0, err.decode()
    alone[number] = visible(files(folder), number)
    assert alone[number], f"p{number:02} shows nothing"

bad, counts = [], {}
for kind in ("same", "different", "killed", "watched"):
    count = counts.setdefault(kind, dict(kind=kind, tried=0, done=0, locked=0))
    for turn in range(rounds):
        folder = project(f"{work}/here")
        numbers = [0] * COUNT if kind == "same" else list(range(COUNT))
        dice.shuffle(numbers)
        runs, others = [begin(folder, number) for number in numbers], []
        if kind == "killed":
            for victim in dice.sample(runs, 8):
                time.sleep(dice.uniform(0, 0.3))
                victim.send_signal(dice.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        while kind == "watched" and any(process.poll() is None for process in runs):
            words = dice.choice([["status", "pipelines/p03.yaml"], ["runs"], ["run", "pipelines/p04.yaml", "--dry-run"], ["gc"],
                                 ["gc", "--delete"], ["why", "pipelines/p05.yaml", "train"]])
            other = subprocess.run([binary, *words], cwd=folder, capture_output=True, timeout=120 * PATIENCE)
            others.append((words, other.returncode, words_of(other)))
        for number, process in zip(numbers, runs):
            try:
                _, err = process.communicate(timeout=300 * PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                bad.append((kind, turn, number, "hang"))
                continue
            words, code = err.decode(errors="replace"), process.returncode
            count["tried"] += 1
            count["done"] += code == 0
            count["locked"] += code == 75
            allowed = {"same": (0, 75), "killed": (0, -9, 130, 143)}.get(kind, (0,))
            if panicked(words) or code not in allowed:
                bad.append((kind, turn, number, f"exit {code}", words[-300:]))
        for words, code, said in others:
            count["tried"] += 1
            # While others run, gc may say that it has to wait.
            if panicked(said) or code not in ((0, 75) if words[0] == "gc" else (0,)):
                bad.append((kind, turn, " ".join(words), f"exit {code}", said[-300:]))
        if kind == "same" and not any(process.returncode == 0 for process in runs):
            bad.append((kind, turn, "nobody did it"))
        for number in sorted(set(numbers)) if kind == "killed" else []:
            process = begin(folder, number)
            _, err = process.communicate(timeout=120 * PATIENCE)
            if process.returncode:
                bad.append((kind, turn, number, f"again: exit {process.returncode}", err.decode(errors="replace")[-300:]))
        found = files(folder)
        for number in sorted(set(numbers)):
            differs = compare(alone[number], visible(found, number))
            if differs:
                bad.append((kind, turn, number, "differs", differs[:3], len(differs)))
        if litter(folder) or processes(folder):
            bad.append((kind, turn, "left", litter(folder)[:4], processes(folder)[:2]))
    print(json.dumps(count), flush=True)
for item in bad[:40]:
    print(*item)
end(sum(count["tried"] for count in counts.values()), len(bad))
