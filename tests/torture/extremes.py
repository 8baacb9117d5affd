#!/usr/bin/env python3
"""Every number of a definition at its extremes: extremes.py BINARY [WORK] [EVERY=1] [SEED=1]

Sets each number of the small pipeline (and those left to their defaults) to 0, 1, -1, 2^31, 2^32, 2^53, 2^63-1, 2^64-1, 1e308, ...; what the check
accepts is run for at most 10 s in at most 6 GiB. Exit 0: no panic, no abort, no signal; what does not fit is refused in words.
"""
import resource
from common import *

binary = os.path.abspath(sys.argv[1])
work = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="extremes-")
VALUES = ["0", "1", "-1", "3", "65535", "65537", "2147483647", "4294967295", "9007199254740993", "9223372036854775807", "18446744073709551615", "1e308", "1e-320", "0.5", "null"]
KEYS = """data.seed data.tasks.x2.start.min data.tasks.x2.start.max data.tasks.x2.terms data.tasks.x2.notation.digits.width data.tasks.x2.family.geometric.ratio
data.holdout.test data.holdout.validation data.holdout.min_seen data.holdout.seed data.holdout.min_rows.test data.holdout.min_rows.validation data.rows.train data.rows.validation data.rows.test
train.model.n_layers train.model.n_heads train.model.d_model train.model.d_mlp train.model.d_head train.model.n_ctx train.model.initializer_range train.model.dropout
train.optimizer.learning_rate train.optimizer.weight_decay train.optimizer.beta1 train.optimizer.beta2 train.optimizer.eps train.optimizer.warmup train.optimizer.clip
train.seeds train.steps train.batch train.log_every train.evaluate_every train.checkpoints.every train.checkpoints.log_spaced
evaluate.train_rows evaluate.batch evaluate.bootstrap_draws evaluate.threshold analyze.sample""".split()


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


every = int(sys.argv[3]) if len(sys.argv) > 3 else 1
first_of = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1).randrange(every)
folder = make(f"{work}/here", steps=4)
definition = open(f"{folder}/pipelines/micro.yaml").read().replace("d_model: 16, d_mlp: 16", "d_model: 16")
open(f"{folder}/pipelines/micro.yaml", "w").write(definition)
count, bad = dict(tried=0, refused=0, ran=0, failed=0, slow=0, panics=0, signals=0), []
for number, (key, value) in enumerate((key, value) for key in KEYS for value in VALUES):
    if number % every == first_of:
        words = ["--set", f"{key}={value}"]
        count["tried"] += 1
        first = run(binary, folder, "--dry-run", *words, preexec=limited, timeout=30)
        text = words_of(first)
        what = None
        if panicked(text) or first.returncode not in (0, 2):
            what = "panics" if panicked(text) else "signals"
            bad.append((what, "check", words[1], first.returncode, panic_line(text) or text[-150:]))
            count[what] += 1
            continue
        if first.returncode == 2:
            count["refused"] += 1
            continue
        process = subprocess.Popen([binary, "run", "pipelines/micro.yaml", "-q", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limited)
        try:
            _, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                _, err = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                _, err = process.communicate()
                bad.append(("no end by SIGTERM", "run", words[1]))
            count["slow"] += 1
            clear(folder)
            if not panicked(err.decode(errors="replace")):
                continue
        text = err.decode(errors="replace")
        if panicked(text) or process.returncode == 101:
            count["panics"] += 1
            bad.append(("panics", "run", words[1], process.returncode, panic_line(text)))
        elif "signal" in text or "ended by SIG" in text or process.returncode < 0:
            count["signals"] += 1
            bad.append(("signals", "run", words[1], process.returncode, text[-200:]))
        elif process.returncode == 0:
            count["ran"] += 1
        else:
            count["failed"] += 1
        if key.startswith("data"):
            clear(folder)
print(json.dumps(count))
for item in bad:
    print(*item)
end(count["tried"], len(bad))
