#!/usr/bin/env python3
"""Fails (or kills at) the N-th file operation of a run, N = 1, 2, ...: faults.py BINARY FAULT_SO [MODES] [OPS] [STEP=1] [WORK] [SEED=0]

With STEP, every STEP-th operation from a seeded first one. MODES: errno numbers, `kill`, `short`, each with `+` for "and all later ones"; OPS: letters of fault.c. Each fault is put
into one stage at a time, on what the stages before have left. After it: exit code 1 with one line that names a path under the folder (no panic,
no signal), and a run without faults completes, to the same files, without litter. Exit 0: all of that, always.
"""
from common import *

binary, shim = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
modes = (sys.argv[3] if len(sys.argv) > 3 else "28,5,kill,short").split(",")
kinds = sys.argv[4] if len(sys.argv) > 4 else "owrfnmuldtc"
step = int(sys.argv[5]) if len(sys.argv) > 5 else 1
work = sys.argv[6] if len(sys.argv) > 6 else tempfile.mkdtemp(prefix="faults-")
seed = int(sys.argv[7]) if len(sys.argv) > 7 else 0
stages = os.environ.get("STAGES", ",".join(STAGES)).split(",")

reference_folder = make(f"{work}/reference")
assert run(binary, reference_folder, "--threads", "1").returncode == 0
reference = files(reference_folder)
folder, before = f"{work}/here", f"{work}/before"
state = f"{work}/state"


def ops_of(mode):
    """Only reads and writes can be short."""
    return "".join(kind for kind in kinds if kind in "rw") if mode.startswith("short") else kinds


def shimmed(stage, mode, n):
    with open(state, "wb") as file:
        file.write(bytes(16))
    env = dict(os.environ, LD_PRELOAD=shim, FAULT_STATE=state, FAULT_OPS=ops_of(mode), FAULT_N=str(n), FAULT_UNDER=f"{folder}/",
               FAULT_MODE=mode.rstrip("+"))
    if mode.endswith("+"):
        env["FAULT_STICKY"] = "1"
    if n == -1:
        env["FAULT_N"], env["FAULT_LOG"] = "0", f"{work}/log-{stage}"
    result = run(binary, folder, "--until", stage, "--threads", "1", env=env)
    with open(state, "rb") as file:
        data = file.read()
    return result, int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")


def reset():
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder, symlinks=True)


make(before)
bad, tried = {}, 0
for stage in stages:
    reset()
    if os.path.exists(f"{work}/log-{stage}"):
        os.remove(f"{work}/log-{stage}")
    result, _, _ = shimmed(stage, "5", -1)
    assert result.returncode == 0, words_of(result)
    with open(f"{work}/log-{stage}") as file:
        whole = [line.split(" ", 3) for line in file]
    shutil.copytree(folder, f"{work}/after", symlinks=True, dirs_exist_ok=False)
    expected = {name: digest for name, digest in files(folder).items()}
    for mode in modes:
        log = [line for line in whole if line[1] in ops_of(mode)]
        count = dict(stage=stage, mode=mode, tried=0, absorbed=0, clean=0, rerun=0, same=0)
        for n in range(1 + random.Random(f"{seed}{stage}{mode}").randrange(step), len(log) + 1, step):
            reset()
            try:
                result, _, fired = shimmed(stage, mode, n)
            except subprocess.TimeoutExpired:
                bad.setdefault(("hang", stage, mode), []).append((n, log[n - 1][1:]))
                continue
            if not fired:
                continue
            count["tried"] += 1
            words = words_of(result).strip()
            what = (n, log[min(n, len(log)) - 1][1], log[min(n, len(log)) - 1][3].strip().replace(folder, "."), result.returncode, words[-160:].replace(folder, "."))
            killed = mode.startswith("kill")
            if panicked(words):
                bad.setdefault(("panic", stage, mode), []).append(what)
            if result.returncode == 0:
                count["absorbed"] += 1
            elif killed and result.returncode in (-9, 1):
                count["clean"] += 1
            elif result.returncode == 1 and words.startswith("error: "):
                named = names_path(words, folder)
                count["clean"] += named
                if not named:
                    bad.setdefault(("names no path", stage, mode), []).append(what)
            else:
                bad.setdefault(("exit code or form", stage, mode), []).append(what)
            if result.returncode != 0 and not killed and not mode.endswith("+"):
                left = unexpected(litter(folder))
                if left:
                    bad.setdefault(("litter at once", stage, mode), []).append(what + (left,))
            again = run(binary, folder, "--until", stage, "--threads", "1")
            if again.returncode != 0:
                bad.setdefault(("rerun fails", stage, mode), []).append(what + (words_of(again)[-200:],))
                continue
            count["rerun"] += 1
            differs = compare(expected, files(folder))
            count["same"] += not differs
            if differs:
                bad.setdefault(("differs", stage, mode), []).append(what + (differs,))
            left = litter(folder)
            if left:
                bad.setdefault(("litter after rerun", stage, mode), []).append(what + (left,))
        print(json.dumps(count), flush=True)
        tried += count["tried"]
    shutil.rmtree(before)
    os.rename(f"{work}/after", before)
for (kind, stage, mode), items in sorted(bad.items()):
    print(f"{kind}: {stage}, {mode}: {len(items)}")
    for item in items[: int(os.environ.get("SHOW", "3"))]:
        print("   ", item)
end(tried, sum(map(len, bad.values())))
