#!/usr/bin/env python3
"""Damaged definitions: fuzz_yaml.py BINARY PIPELINES TRIALS [SEED=1] [WORK]

Half of the trials damage bytes of a definition of the folder PIPELINES, half change its structure (other values, keys, shapes,
extreme numbers, references, anchors, long lists). Each is checked with `run --dry-run`. Exit 0: every exit code is 0 or 2 (1 for a file
that is no file), no panic, no hang (> 20 s), no memory above 2 GiB, and each mistake names the file with line and column.
"""
import glob, resource
from common import *

binary, pipelines, trials = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
work = os.path.abspath(sys.argv[5]) if len(sys.argv) > 5 else tempfile.mkdtemp(prefix="yaml-")
dice = random.Random(seed)
shutil.rmtree(f"{work}/here", ignore_errors=True)
os.makedirs(f"{work}/here")
texts = [open(path, "rb").read() for path in sorted(glob.glob(f"{pipelines}/*.yaml"))] + [DEFINITION.replace("STEPS", "40").encode()]

NUMBERS = ["0", "-1", "1", "2", "3", "0.5", "-0.0", "1e308", "1e-320", ".inf", ".nan", "255", "256", "65535", "65536", "2147483647", "2147483648", "4294967296",
           "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775808",
           "1" + "0" * 40, "0x10", "0o17", "012", "1_000", "+5", "1e3"]
WORDS = ["null", "~", "true", "no", "on", "''", "\"\"", "'x'", "[]", "{}", "[[[]]]", "{a: {b: {c: 1}}}", "[1, 2, 3]", "{ min: 1, max: 5 }", "{ min: 5, max: 1 }",
         "{ min: 0, max: 9223372036854775807 }", "{ min: -9223372036854775808, max: 9223372036854775807 }",
         "${matrix.k}", "${stages.data.build.seed}", "${stages.train}", "${name}", "$${x}", "${", "${}", "${stages.data.build.tasks}", "\"${matrix.level}\"",
         "*a", "&a 1", "!!int 3", "!x y", "<<", "|\n      x", ">\n      y", "'é\u202e'", "\"\\x1b[31m\"", "\"\\0\"", "a" * 5000, "../x", "/etc/passwd", "data", "train", "x2",
         "[" + ", ".join(str(i) for i in range(3000)) + "]", "[" * 60 + "]" * 60, "[" * 70 + "]" * 70, "{ digits: { width: 200, order: least_first } }", "words", "months", "numeral",
         "{ digits: { width: 0, order: least_first } }", "{ arithmetic: { steps: { min: -5, max: 5 } } }", "{ geometric: { ratio: 0 } }", "{ geometric: { ratio: 1 } }",
         "{ geometric: { ratio: -2 } }", "{ modular_addition: { modulus: 1 } }", "{ modular_addition: { modulus: 4294967296 } }", "{ addition: { digits: 19 } }", "{ sort: { } }",
         "{ fibonacci: {} }", "{ cyclic: { cycle: months, steps: { min: 0, max: 0 } } }", "{ random: {} }", "{ step: { test: [1] } }", "{ window: { m: 0 } }", "{ window: { m: 100000 } }",
         "{ range: { test: 0 } }", "{ length: { test: 1 } }", "{ family: { test: [none] } }", "{ notation: { test: [words] } }"]


def bits(data):
    for _ in range(dice.choice([1, 1, 2, 6])):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def characters(data):
    for _ in range(dice.choice([1, 2, 4])):
        data[dice.randrange(len(data))] = dice.choice(b" \t\n{}[]:,-#&*!|>'\"%@`?0123456789abcdefghijklmnop_$.~\\\r\0\x1b")


def blocks(data):
    size = min(len(data), dice.choice([1, 2, 5, 20, 100]))
    at, other = dice.randrange(len(data) - size + 1), dice.randrange(len(data) - size + 1)
    what = dice.choice(["delete", "insert", "copy"])
    if what == "delete":
        del data[at:at + size]
    elif what == "insert":
        data[at:at] = data[other:other + size]
    else:
        data[at:at + size] = data[other:other + size]


def cut(data):
    del data[dice.randrange(len(data)):]


def lines(data):
    rows = bytes(data).split(b"\n")
    at, other = dice.randrange(len(rows)), dice.randrange(len(rows))
    what = dice.choice(["drop", "twice", "swap", "indent"])
    if what == "drop":
        del rows[at]
    elif what == "twice":
        rows.insert(other, rows[at])
    elif what == "swap":
        rows[at], rows[other] = rows[other], rows[at]
    else:
        rows[at] = b" " * dice.choice([1, 2, 3]) + rows[at]
    data[:] = b"\n".join(rows)


def values(data):
    """Puts another value in the place of one, or of several."""
    import re
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        text = bytes(data).decode("utf-8", "surrogateescape")
        spots = [m for m in re.finditer(r"(?<=[:,\[] )[^\s,{}\[\]#]+", text)]
        if not spots:
            return
        spot = dice.choice(spots)
        text = text[:spot.start()] + dice.choice(NUMBERS if dice.random() < 0.5 else WORDS) + text[spot.end():]
        data[:] = text.encode("utf-8", "surrogateescape")


def nests(data):
    """Puts another value in the place of a whole flow mapping or list."""
    import re
    text = bytes(data).decode("utf-8", "surrogateescape")
    spots = [m for m in re.finditer(r"\{[^{}]*\}|\[[^\[\]]*\]", text)]
    if spots:
        spot = dice.choice(spots)
        text = text[:spot.start()] + dice.choice(NUMBERS + WORDS) + text[spot.end():]
        data[:] = text.encode("utf-8", "surrogateescape")


def keys(data):
    import re
    text = bytes(data).decode("utf-8", "surrogateescape")
    spots = [m for m in re.finditer(r"[A-Za-z_]+(?=:)", text)]
    spot, other = dice.choice(spots), dice.choice(spots)
    text = text[:spot.start()] + dice.choice([other.group(), "x", "'é'", "1", "null", "a" * 300, "? [a]", "\"a.b\"", "matrix", "../x", "\"\""]) + text[spot.end():]
    data[:] = text.encode("utf-8", "surrogateescape")


def grafts(data):
    """A stage, a task or a matrix from another definition, or an axis used everywhere."""
    text = bytes(data).decode()
    what = dice.choice(["matrix", "stage", "axis"])
    if what == "matrix":
        axes = ", ".join(f"a{i}: [{', '.join(map(str, range(dice.choice([1, 2, 10, 120]))))}]" for i in range(dice.choice([1, 2, 3, 6])))
        text += f"\nmatrix: {{ {axes} }}\n"
    elif what == "stage":
        other = dice.choice(texts).decode()
        text += "\n" + other[other.find("  audit:"):]
    else:
        text = text.replace("seed: 1729", "seed: \"${matrix.a0}\"") + f"\nmatrix: {{ a0: [{', '.join(map(str, range(dice.choice([2, 50, 900]))))}] }}\n"
    data[:] = text.encode()


STRATEGIES = [bits, characters, blocks, cut, lines] + [values, values, values, nests, keys, grafts]


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


count = dict(tried=0, panics=0, hangs=0, memory=0, signals=0, placeless=0, litter=0, codes={}, slowest=0.0, largest_mib=0)
bad = {}
for trial in range(trials):
    data = bytearray(dice.choice(texts))
    strategy = dice.choice(STRATEGIES)
    try:
        strategy(data)
    except (UnicodeDecodeError, IndexError, ValueError):
        continue
    path = f"{work}/here/x.yaml"
    with open(path, "wb") as file:
        file.write(data)
    with open(f"{work}/said", "wb") as said:
        begun = time.time()
        process = subprocess.Popen([binary, "run", "x.yaml", "--dry-run"], cwd=f"{work}/here", stdout=said, stderr=said, preexec_fn=limited)
        code = "hung"
        while time.time() - begun < 20 * PATIENCE:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                code = process.returncode = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.001)
        else:
            process.kill()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = -9
    seconds, peak = time.time() - begun, usage.ru_maxrss >> 10
    text = open(f"{work}/said", "rb").read(4000).decode(errors="replace")
    count["tried"] += 1
    count["codes"][str(code)] = count["codes"].get(str(code), 0) + 1
    count["slowest"], count["largest_mib"] = max(count["slowest"], round(seconds, 2)), max(count["largest_mib"], peak)
    problem = None
    if panicked(text) or code == 101:
        problem = "panics"
    elif code == "hung":
        problem = "hangs"
    elif peak > 2048:
        problem = "memory"
    elif code not in (0, 1, 2):
        problem = "signals"
    elif code == 2 and "x.yaml:" not in text:
        problem = "placeless"
    elif os.listdir(f"{work}/here") != ["x.yaml"]:
        problem = "litter"
        for name in os.listdir(f"{work}/here"):
            shutil.rmtree(f"{work}/here/{name}", ignore_errors=True)
    if problem:
        count[problem] += 1
        line = panic_line(text) or text[:150]
        line = PANIC.split(line)[-1][:110] if problem == "panics" else text.split("error: ")[-1][:60] if problem == "placeless" else strategy.__name__
        bad.setdefault((problem, line), []).append((trial, strategy.__name__, code, f"{seconds:.1f}s", f"{peak}MiB", text[:260].replace("\n", " | ")))
        shutil.copy(path, f"{work}/{problem}-{trial}.yaml")
print(json.dumps(count))
for key, items in bad.items():
    print(len(items), *key, *items[0])
end(count["tried"], sum(map(len, bad.values())))
