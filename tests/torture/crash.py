#!/usr/bin/env python3
"""Kills a run at random moments and runs it again: crash.py BINARY [TRIALS=50] [KINDS=all] [WORK] [SEED]

Kinds: runner, child, group (runner and all children at once), stop (SIGSTOP, then SIGKILL), chain (five kills in a row),
term, int, hup. Exit 0: every rerun completed, nothing differs, no process and no litter was left.
"""
from common import *

binary = os.path.abspath(sys.argv[1])
trials = int(sys.argv[2]) if len(sys.argv) > 2 else 50
kinds = sys.argv[3] if len(sys.argv) > 3 else "all"
work = sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="crash-")
seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
kinds = ["runner", "child", "group", "stop", "chain", "term", "int"] if kinds == "all" else kinds.split(",")
dice = random.Random(seed)


def start(folder):
    words = [binary, "run", "pipelines/micro.yaml", "-q"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def strike(kind, process):
    """Returns whether something was hit."""
    if process.poll() is not None:
        return False
    if kind == "child":
        found = children(process.pid)
        for child in found:
            kill(child, signal.SIGKILL)
        return bool(found)
    if kind == "group":
        found = children(process.pid)
        kill(process.pid, signal.SIGSTOP)
        for child in found + [process.pid]:
            kill(child, signal.SIGKILL)
        return True
    if kind == "stop":
        kill(process.pid, signal.SIGSTOP)
        time.sleep(0.02)
    number = {"term": signal.SIGTERM, "int": signal.SIGINT, "hup": signal.SIGHUP}.get(kind, signal.SIGKILL)
    kill(process.pid, number)
    return True


reference_folder = make(f"{work}/reference", steps=60)
begun = time.time()
assert run(binary, reference_folder).returncode == 0
whole = time.time() - begun
reference = files(reference_folder)
bad, total = [], {}
for kind in kinds:
    count = total.setdefault(kind, dict(tried=0, hit=0, rerun=0, same=0, litter=0, orphans=0, partial=0, codes={}))
    for trial in range(trials):
        folder = make(f"{work}/{kind}", steps=60)
        count["tried"] += 1
        for _ in range(5 if kind == "chain" else 1):
            process = start(folder)
            time.sleep(dice.uniform(0, whole * 0.9))
            hit = strike(kind, process)
            out, err = process.communicate(timeout=30 * PATIENCE)
            code = process.returncode
            count["hit"] += hit
            count["codes"][code] = count["codes"].get(code, 0) + hit
            if hit and panicked(err.decode(errors="replace")):
                bad.append((kind, trial, "panic", err.decode()[-300:]))
            expected = {"term": 143, "int": 130, "child": 1, "hup": -1}.get(kind, -9)
            # Before anything is begun the signal ends the runner by itself, which a shell calls 143 or 130 as well.
            unbegun = code in (-15, -2) and not os.path.exists(f"{folder}/{STATE}")
            if hit and code not in (expected, 0) and not unbegun:
                bad.append((kind, trial, f"exit {code}", err.decode()[-300:]))
            if kind in ("child", "term", "int") and hit:
                left = unexpected(litter(folder))
                if left:
                    bad.append((kind, trial, "litter at once", left))
        time.sleep(0.05)
        left = processes(folder)
        if left:
            time.sleep(0.5)
            left = processes(folder)
        if left:
            count["orphans"] += 1
            bad.append((kind, trial, "orphans", left))
        count["partial"] += len(litter(folder)) > len(unexpected(litter(folder)))
        again = run(binary, folder)
        if again.returncode != 0:
            bad.append((kind, trial, f"rerun exit {again.returncode}", words_of(again)[-300:]))
            continue
        count["rerun"] += 1
        differs = compare(reference, files(folder))
        count["same"] += not differs
        if differs:
            bad.append((kind, trial, "differs", differs))
            shutil.copytree(folder, f"{work}/kept-{kind}-{trial}", symlinks=True, dirs_exist_ok=True)
        left = litter(folder)
        if left:
            count["litter"] += 1
            bad.append((kind, trial, "litter", left))
    print(kind, json.dumps(count), flush=True)
for item in bad:
    print(*item)
end(sum(count["tried"] for count in total.values()), len(bad))
