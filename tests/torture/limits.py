#!/usr/bin/env python3
"""A run within limits that are too low: limits.py BINARY [FAULT_SO] [EVERY=1] [WORK] [SEED=1]

Limits on open files, the size of a file, processor time, memory (address space) and stack; threads and processes that the
system refuses (by the shim, which fails the N-th of them and all later ones; and by the limit on processes where root can
become somebody else). Each run ends in words that name the cause, with exit code 1, or does its work; the next run,
without limits, completes to the same files. Only a program that gets no memory at all may abort, and has to say so.
"""
import resource
from common import *

binary = os.path.abspath(sys.argv[1])
shim = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else None
every = int(sys.argv[3]) if len(sys.argv) > 3 else 1
work = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="limits-")
first_of = random.Random(int(sys.argv[5]) if len(sys.argv) > 5 else 1).randrange(every)
NOBODY = 65534
MIB = 1 << 20

reference_folder = make(f"{work}/reference")
assert run(binary, reference_folder).returncode == 0
reference = files(reference_folder)
largest = max(os.path.getsize(f"{reference_folder}/{name}") for name in reference if not name.endswith(" ->"))

CASES = [("open files", resource.RLIMIT_NOFILE, n, "Too many open files") for n in range(4, 40)]
CASES += [("size of a file", resource.RLIMIT_FSIZE, max(1, largest * n // 24), "File too large") for n in range(25)]
CASES += [("memory", resource.RLIMIT_AS, n * MIB, "memory") for n in (24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 448, 512, 768, 1024)]
CASES += [("stack", resource.RLIMIT_STACK, n << 10, "") for n in (64, 128, 256, 1024)]
CASES += [("processor time", resource.RLIMIT_CPU, n, "SIGXCPU") for n in (0, 1)]
CASES += [("processes", resource.RLIMIT_NPROC, n, "Resource temporarily unavailable") for n in range(1, 14)] if os.getuid() == 0 else []
CASES += [("threads", "p", n, "Resource temporarily unavailable") for n in range(1, 25)] if shim else []
CASES += [("starts", "x", n, "Resource temporarily unavailable") for n in range(1, 9)] if shim else []


def limited(which, value):
    def apply():
        if which == resource.RLIMIT_NPROC:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        hard = value + 1 if which == resource.RLIMIT_CPU else value
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(which, (value, hard))
    return apply


def owned(folder, user):
    for here, folders, names in os.walk(folder):
        for name in ["."] + folders + names:
            os.chown(f"{here}/{name}", user, user, follow_symlinks=False)


bad, counts = [], {}
os.chmod(work, 0o755)
program = binary
if os.getuid() == 0:  # nobody may not be able to reach the binary where it lies
    program = shutil.copy(binary, f"{work}/seqlab")
    os.chmod(program, 0o755)
for number, (kind, which, value, cause) in enumerate(CASES):
    if number % every != first_of:
        continue
    count = counts.setdefault(kind, dict(kind=kind, tried=0, refused=0, done=0, aborted=0, same=0))
    folder, env, what = make(f"{work}/here"), dict(os.environ, RUST_BACKTRACE="1"), (kind, value)
    if which == resource.RLIMIT_NPROC:
        owned(folder, NOBODY)
    if isinstance(which, str):
        with open(f"{work}/state", "wb") as file:
            file.write(bytes(16))
        env.update(LD_PRELOAD=shim, FAULT_STATE=f"{work}/state", FAULT_OPS=which, FAULT_N=str(value), FAULT_STICKY="1",
                   FAULT_UNDER=f"{folder}/", FAULT_MODE="11")
    count["tried"] += 1
    try:
        first = run(program, folder, "--threads", "4", env=env, preexec=None if isinstance(which, str) else limited(which, value))
    except subprocess.TimeoutExpired:
        bad.append(what + ("hang",))
        continue
    words = words_of(first)
    # A command of another program (`shell`) says itself what it lacks.
    no_memory = kind in ("memory", "stack") and ("memory allocation of" in words or "cannot allocate memory" in words.lower()
                                                 or "error while loading shared libraries" in words or "stack" in words)
    if panicked(words) or first.returncode == 101:
        bad.append(what + ("panic", panic_line(words)))
    elif first.returncode == 0:
        count["done"] += 1
    elif first.returncode == 1 and re.search("^error: ", words, re.M) and (cause in words or "stage shell failed" in words):
        count["refused"] += 1
    elif no_memory or (kind in ("memory", "stack") and first.returncode in (-11, 127)):
        count["aborted"] += 1  # the loader, or a program without a first stack
    elif kind == "processor time" and first.returncode in (-24, -9):
        count["aborted"] += 1  # the runner itself has used it up
    else:
        bad.append(what + (f"exit {first.returncode}", words[-300:]))
    if processes(folder):
        time.sleep(0.5)
        for pid, command in processes(folder):
            bad.append(what + ("still there", pid, command))
    if which == resource.RLIMIT_NPROC:
        owned(folder, 0)
    again = run(binary, folder)
    differs = compare(reference, files(folder))
    count["same"] += again.returncode == 0 and not differs
    if again.returncode or differs or litter(folder):
        bad.append(what + ("next run", again.returncode, words_of(again)[-200:], differs[:3], litter(folder)))
for count in counts.values():
    print(json.dumps(count))
for missing in [] if shim else ["threads and processes that are refused (no shim)"]:
    print("SKIPPED:", missing)
for missing in [] if os.getuid() == 0 else ["the limit on processes (root is needed)"]:
    print("SKIPPED:", missing)
for item in bad:
    print(*item)
end(sum(count["tried"] for count in counts.values()), len(bad))
