#!/usr/bin/env python3
"""A disk that is full, at every size: full.py BINARY [SIZES=40] [WORK] [SEED=1]  (as root on Linux: it mounts small tmpfs)

Runs the small pipeline on file systems with too few bytes, then too few inodes, then read-only, then with too little
room for temporary files. Each run ends with exit code 1 and one line that names a path and the cause, and leaves nothing
that is not a start; with room again, the same command completes to the same files. Exit 77: nothing could be mounted.
"""
from common import *

binary = os.path.abspath(sys.argv[1])
sizes = int(sys.argv[2]) if len(sys.argv) > 2 else 40
work = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="full-")
dice = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
place = f"{work}/disk"
CAUSES = {"bytes": "No space left on device", "inodes": "No space left on device", "read-only": "Read-only file system"}


def mount(options):
    os.makedirs(place, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "torture", place], capture_output=True)


def remount(options):
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True, capture_output=True)


def unmount():
    for _ in range(50):
        if subprocess.run(["umount", place], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise SystemExit(f"{place} cannot be unmounted: {processes(place)}")


tried_one = mount("size=1m")
if tried_one.returncode:
    print("SKIPPED: no tmpfs can be mounted here (root is needed):", tried_one.stderr.decode().strip())
    sys.exit(77)
unmount()
mount("size=1g")
try:
    folder = make(f"{place}/here")
    assert run(binary, folder).returncode == 0
    reference = files(folder)
    state = os.statvfs(place)
    used, inodes = (state.f_blocks - state.f_bfree) * state.f_frsize, state.f_files - state.f_ffree
finally:
    unmount()

bad, tried = [], 0
for kind in ("bytes", "inodes", "read-only"):
    count = dict(kind=kind, tried=0, refused=0, fitted=0, same=0)
    whole = used if kind == "bytes" else inodes
    steps = [1] if kind == "read-only" else range(sizes)
    for number in steps:
        share = (number + dice.random()) / sizes * 1.1
        limit = max(8192, int(whole * share)) if kind == "bytes" else max(8, int(whole * share))
        mount({"bytes": f"size={limit}", "inodes": f"size=1g,nr_inodes={limit}", "read-only": "size=1g"}[kind])
        try:
            try:
                folder = make(f"{place}/here")
            except OSError:
                continue
            if kind == "read-only":
                remount("ro")
            count["tried"] += 1
            what = (kind, limit)
            try:
                first = run(binary, folder, "-j", str(dice.choice([1, 2])))
            except subprocess.TimeoutExpired:
                bad.append(what + ("hang",))
                continue
            words = words_of(first)
            if panicked(words):
                bad.append(what + ("panic", panic_line(words)))
            if first.returncode == 0:
                count["fitted"] += 1
            elif first.returncode == 1 and words.startswith("error: ") and names_path(words, folder) and CAUSES[kind] in words:
                count["refused"] += 1
            else:
                bad.append(what + (f"exit {first.returncode}", words[-300:]))
            left = unexpected(litter(folder)) if kind != "read-only" and first.returncode else []
            if left:
                bad.append(what + ("litter at once", left))
            remount("rw,size=1g,nr_inodes=100000")
            again = run(binary, folder)
            differs = compare(reference, files(folder))
            count["same"] += again.returncode == 0 and not differs
            if again.returncode or differs or litter(folder):
                bad.append(what + ("next run", again.returncode, words_of(again)[-200:], differs[:3], litter(folder)))
        finally:
            unmount()
    tried += count["tried"]
    print(json.dumps(count), flush=True)

# No room for temporary files elsewhere: a run needs none, or says so.
mount("size=64k,nr_inodes=20")
try:
    with open(f"{place}/rest", "wb") as file:
        try:
            file.write(bytes(1 << 20))
        except OSError:
            pass
    folder = make(f"{work}/here")
    tried += 1
    first = run(binary, folder, env=dict(os.environ, TMPDIR=place))
    words = words_of(first)
    if panicked(words) or first.returncode not in (0, 1) or (first.returncode == 1 and CAUSES["bytes"] not in words):
        bad.append(("temporary files", first.returncode, words[-300:]))
finally:
    unmount()
for item in bad:
    print(*item)
end(tried, len(bad))
