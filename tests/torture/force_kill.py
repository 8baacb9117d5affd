#!/usr/bin/env python3
"""Kills, and fails, each file operation of a forced second run: force_kill.py BINARY FAULT_SO [STEP=1] [WORK] [SEED=0]

What was finished before a forced run that fails is still shown after it; after one that was killed, the next run shows
it again. Exit 0: all of that, always, without litter.
"""
from common import *

binary, shim = map(os.path.abspath, sys.argv[1:3])
step = int(sys.argv[3]) if len(sys.argv) > 3 else 1
work = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="force-")
seed = int(sys.argv[5]) if len(sys.argv) > 5 else 0
reference_folder, folder = make(f"{work}/reference"), f"{work}/here"
assert run(binary, reference_folder).returncode == 0
reference = files(reference_folder)


def trial(mode, n):
    """Whether a fault was there, how the forced run and the next one ended, what differed between and after, litter."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(reference_folder, folder, symlinks=True)
    with open(f"{work}/state", "wb") as file:
        file.write(bytes(16))
    env = dict(os.environ, LD_PRELOAD=shim, FAULT_STATE=f"{work}/state", FAULT_OPS="ownmulft", FAULT_N=str(n),
               FAULT_UNDER=f"{folder}/", FAULT_MODE=mode)
    first = run(binary, folder, "evaluate", "--force", "--threads", "1", env=env)
    with open(f"{work}/state", "rb") as file:
        fired = int.from_bytes(file.read()[8:], "little")
    between = compare(reference, files(folder))
    again = run(binary, folder)
    return fired, first, between, again, compare(reference, files(folder)), litter(folder)


tried, bad = 0, []
for mode in ("kill", "28", "5"):
    count = dict(mode=mode, tried=0, same=0, lost=0, litter=0)
    n = 1 + random.Random(f"{seed}{mode}").randrange(step)
    while True:
        fired, first, between, again, after, left = trial(mode, n)
        if not fired:
            break
        words = words_of(first)
        count["tried"] += 1
        count["same"] += again.returncode == 0 and not after
        count["lost"] += bool(between)
        count["litter"] += bool(left)
        if panicked(words):
            bad.append((mode, n, "panic", panic_line(words)))
        if mode != "kill" and between:
            bad.append((mode, n, "lost what was finished", words[-150:].replace(work, "."), between[:2]))
        if again.returncode or after or left:
            bad.append((mode, n, first.returncode, "next run", again.returncode, after[:2], left[:2]))
        n += step
    tried += count["tried"]
    print(json.dumps(count), flush=True)
for item in bad:
    print(*item)
end(tried, len(bad))
