#!/usr/bin/env python3
"""Projects in strange places, with strange things in them: places.py BINARY [WORK]

Folders of any name, and folders, files, links and pipes where the pipeline wants to write, or reads. A run either does
its work, to the same files, or ends with exit code 1 or 2 and words; it waits for no pipe, writes through no planted
link, and sends no control character to the terminal. Exit 0: always.
"""
from common import *

binary = os.path.abspath(sys.argv[1])
work = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="places-")
reference_folder = make(f"{work}/reference")
assert run(binary, reference_folder).returncode == 0
reference = files(reference_folder)
bad, tried = [], 0
OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def trial(what, folder, codes, same, *more, name="pipelines/micro.yaml", env=None):
    """One run in `folder`, how it may end, and whether what it leaves has to be what it leaves elsewhere."""
    global tried
    tried += 1
    try:
        result = subprocess.run([binary, "run", name, *more], cwd=folder, capture_output=True, timeout=60 * PATIENCE, env=env)
    except subprocess.TimeoutExpired:
        bad.append((what, "hang"))
        return
    words = (result.stdout + result.stderr).decode(errors="replace")
    if panicked(words) or result.returncode not in codes:
        bad.append((what, f"exit {result.returncode}", words[-300:]))
    if OBEYED.search(words):
        bad.append((what, "control characters", repr(words[-200:])))
    if same and result.returncode == 0 and compare(reference, files(folder)):
        bad.append((what, "differs", compare(reference, files(folder))[:3]))
    if result.returncode and "error: " not in words:
        bad.append((what, "no words", words[-200:]))


def fresh():
    return make(f"{work}/here")


def outside():
    """A folder that nothing may be written to."""
    shutil.rmtree(f"{work}/outside", ignore_errors=True)
    os.makedirs(f"{work}/outside/inner")
    with open(f"{work}/outside/precious", "w") as file:
        file.write("precious")


def untouched(what):
    found = sorted(os.listdir(f"{work}/outside"))
    inner = os.listdir(f"{work}/outside/inner")
    with open(f"{work}/outside/precious") as file:
        text = file.read()
    if found != ["inner", "precious"] or inner or text != "precious":
        bad.append((what, "written through a link", found, inner, text[:40]))


# Names
NAMES = [b"plain", b"with space", b"\xff\xfe", b"caf\xc3\xa9 \xc3", "数列".encode(), b"-rf", b"--help", b"$HOME", b"a'b\"c", b"line\nline", b"\x1b[31mred\x1b[0m",
         b"\xe2\x80\xaetxt.exe", b"a:b", b"a;b", b"{out}", b"{inputs.scores}", b"%s%n", b"*", b"~", b"a=1,b=2", b".hidden", b"x" * 255, b"#", b"\\"]
for name in NAMES:
    folder = os.path.join(os.fsencode(work), b"names", name)
    shutil.rmtree(os.path.dirname(folder), ignore_errors=True)
    os.makedirs(os.path.dirname(folder))
    shutil.copytree(os.fsencode(make(f"{work}/here")), folder)
    trial(("folder", name), os.fsdecode(folder), (0,), True)
    trial(("definition", name), os.fsdecode(folder), (1, 2), False, name=os.fsencode(b"absent" + name[:200]))
deep = f"{work}/deep" + f"/{'d' * 200}" * ((3300 - len(work)) // 201)
shutil.rmtree(f"{work}/deep", ignore_errors=True)
os.makedirs(deep)
shutil.copytree(fresh(), f"{deep}/here")
trial("a path of 3300 bytes", f"{deep}/here", (0, 1), True)
folder = fresh()
os.symlink(folder, f"{work}/linked") if not os.path.islink(f"{work}/linked") else None
trial("through a link", f"{work}/linked", (0,), True)
trial("no HOME, no PATH of ours", fresh(), (0,), True, env={"PATH": os.environ["PATH"]})

# A definition that is none
for what, plant in {
    "pipe": lambda path: os.mkfifo(path), "folder": lambda path: os.makedirs(path), "terminal": lambda path: os.symlink("/dev/tty", path),
    "zeros": lambda path: os.symlink("/dev/zero", path), "nothing": lambda path: os.symlink("/nowhere", path),
    "itself": lambda path: os.symlink(os.path.basename(path), path),
}.items():
    folder = fresh()
    plant(f"{folder}/pipelines/odd.yaml")
    trial(("definition that is", what), folder, (1, 2), False, name="pipelines/odd.yaml")

# What is in the way
SPOTS = ["results", "datasets", STATE, "results/micro", "datasets/micro", "results/micro/train", f"{STATE}/store", f"{STATE}/partial", f"{STATE}/attempts",
         f"{STATE}/runs", f"{STATE}/cache", f"{STATE}/locks", f"{STATE}/cache/digests.json", f"{STATE}/.gitignore"]
PLANTS = {
    "file": lambda path: open(path, "w").close(),
    "folder with a file": lambda path: (os.makedirs(path), open(f"{path}/mine", "w").close()),
    "pipe": lambda path: os.mkfifo(path),
    "link to a folder": lambda path: os.symlink(f"{work}/outside", path),
    "link to a file": lambda path: os.symlink(f"{work}/outside/precious", path),
    "link to nothing": lambda path: os.symlink(f"{work}/outside/absent", path),
    "link to itself": lambda path: os.symlink(os.path.basename(path), path),
}
# A person may keep results or state elsewhere: a link at the root is theirs. A link further down is not.
THEIRS = ("results", "datasets", STATE)
for spot in SPOTS:
    for what, plant in PLANTS.items():
        folder = fresh()
        outside()
        os.makedirs(os.path.dirname(f"{folder}/{spot}"), exist_ok=True)
        plant(f"{folder}/{spot}")
        trial(("at", spot, what), folder, (0, 1, 2), False)
        if spot not in THEIRS or what != "link to a folder":
            untouched(("at", spot, what))

# What a command may leave in its folder
for what, script, codes in (("pipe", "mkfifo $0/p", (1,)), ("link", "ln -s /etc/passwd $0/p", (1,)), ("link in place of the output", "rm -f $0/x; ln -s /etc/passwd $0/x", (1,)),
                            ("socket", "python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $0/p", (0, 1)),
                            ("no rights", "chmod 000 $0/x; chmod 500 $0", (0, 1)), ("a manifest", "echo {} > $0/manifest.json", (0, 1)),
                            ("control characters in a name", "touch \"$0/$(printf '\\033[31m\\nx')\"", (0, 1)), ("child that stays", "sleep 300 & sleep 300 >/dev/null 2>&1 &", (0,)),
                            ("session of its own", "setsid sleep 300 &", (0,)), ("its folder removed", "rm -rf $0", (1,)), ("its folder replaced", "rm -rf $0; ln -s /tmp $0", (1,))):
    folder = fresh()
    with open(f"{folder}/pipelines/odd.yaml", "w") as file:
        json.dump({"name": "odd", "stages": {"odd": {"run": {"command": ["sh", "-c", f"echo 1 > $0/x; {script}", "{out}"], "outputs": ["x"]}}}}, file)
    trial(("command leaves", what), folder, codes, False, name="pipelines/odd.yaml")
    time.sleep(0.1)
    for pid, words in processes(folder):
        bad.append(("command leaves", what, "still there", words))
        os.kill(pid, signal.SIGKILL)
for item in bad:
    print(*item)
end(tried, len(bad))
