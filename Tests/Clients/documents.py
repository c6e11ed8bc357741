"""Does what docs/deploy and the manual say, with the programs they are about: systemd's tools, shells, a container, cron, YAML.

    documents.py EXECUTABLE [--allow-missing] [CHECK...]

A tool that is missing is a failure, or with --allow-missing a line that says so.
"""
import contextlib, ctypes, http.client, json, os, random, re, shutil, signal, socket, subprocess, sys, tempfile, time, tomllib
from pathlib import Path

from checks import ask, eventually, free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs/deploy"
EXE = str(Path(sys.argv[1]).resolve())
ALLOW_MISSING = "--allow-missing" in sys.argv
QUICK = ["--hash-memory=128K", "--hash-time=1"]
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C.UTF-8"}


class Missing(Exception):
    pass


def need(tool):
    if not shutil.which(tool):
        raise Missing(tool)
    return tool


def run(*words, expect=0, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env={**ENVIRONMENT, **options.pop("env", {})}, **options)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def status(port, path="/readyz"):
    return ask(port, "GET", path, timeout=10)[0]


def answers(port, path="/readyz"):
    """Whether it does with 200, in the end."""

    def is_well():
        with contextlib.suppress(OSError, http.client.HTTPException):
            return status(port, path) == 200

    return eventually(is_well, f"200 for {path}")


@contextlib.contextmanager
def process(words, **options):
    running = subprocess.Popen(words, stdout=options.pop("stdout", subprocess.DEVNULL), env={**ENVIRONMENT, **options.pop("env", {})}, **options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            raise


# ---- shells ----


def bash(folder):
    script = folder / "userd.bash"
    script.write_text(run(EXE, "completion", "bash").stdout)
    run(need("bash"), "-n", script)

    def complete(*words):
        line = " ".join(f"'{word}'" for word in (EXE, *words))
        code = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _userd; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return run("bash", "--norc", "-c", code).stdout.split()

    assert complete("adm") == ["admin"], complete("adm")
    assert complete("serve", "--log-l") == ["--log-level"]
    assert complete("serve", "--log-level", "w") == ["warn"]
    assert complete("config", "") == ["check", "show", "keys"], complete("config", "")
    assert complete("completion", "z") == ["zsh"]
    (folder / "some.toml").touch()
    assert str(folder / "some.toml") in complete("config", "check", "--config", f"{folder}/so")
    assert "-F _userd" in run("bash", "--norc", "-c", f"source {script}; complete -p userd").stdout


def zsh(folder):
    script = folder / "_userd"
    script.write_text(run(EXE, "completion", "zsh").stdout)
    run(need("zsh"), "-n", script)

    def complete(*words):
        line = " ".join(f"'{word}'" for word in (EXE, *words))
        code = f"""
          compdef() {{ }}; _describe() {{ print -l -- ${{(P)2}} }}; _files() {{ print files }}
          source {script}; words=({line}); CURRENT={len(words) + 1}; _userd"""
        return run("zsh", "-f", "-c", code).stdout.splitlines()

    assert [line.split(":")[0] for line in complete("adm")] == ["admin"], complete("adm")
    assert complete("serve", "--log-l")[0].startswith("--log-level:the least"), complete("serve", "--log-l")
    assert complete("serve", "--log-level", "w") == ["warn"], complete("serve", "--log-level", "w")
    assert complete("serve", "--config", "") == ["files"]
    # As compinit finds it.
    found = run("zsh", "-f", "-c", f"fpath=({folder} $fpath); autoload -U compinit; compinit -D -u; print $_comps[userd]").stdout
    assert found.strip() == "_userd", found


def fish(folder):
    script = folder / "userd.fish"
    script.write_text(run(EXE, "completion", "fish").stdout)
    run(need("fish"), "-n", script)
    (folder / "userd").symlink_to(EXE)
    path = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}

    def complete(line):
        return run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'", env=path).stdout.splitlines()

    assert [line.split("\t")[0] for line in complete("userd adm")] == ["admin"], complete("userd adm")
    assert [line.split("\t")[0] for line in complete("userd serve --log-l")] == ["--log-level"]
    assert complete("userd serve --log-level w")[0].split("\t")[0] == "warn"


# ---- the service manager ----


class Listener:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.messages = []

    def hear(self, seconds):
        self.socket.settimeout(seconds)
        try:
            self.messages.append(self.socket.recv(4096).decode())
            return self.messages[-1]
        except TimeoutError:
            return None

    def hear_until(self, words, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.hear(0.5)
            if message and words in message.split("\n"):
                return message
        raise AssertionError(f"no {words} in {self.messages}")

    def clear(self):
        while self.hear(0.01):
            pass


def notify(folder):
    for address in (str(folder / "notify"), f"\0userd-documents-{os.getpid()}"):
        listener = Listener(address)
        name = {"NOTIFY_SOCKET": address.replace("\0", "@")}
        # What the real program sends arrives here, so this end is as systemd's.
        run(need("systemd-notify"), "--ready", "--status=from systemd-notify", env=name, expect=None)
        assert listener.hear(5), "nothing came from systemd-notify"
        assert "READY=1" in listener.messages[0].split("\n") or listener.hear_until("READY=1")
        listener.clear()
        port = free_port()
        watchdog = {"WATCHDOG_USEC": "2000000"}
        with process([EXE, "serve", "--data", f"{folder}/db", "--listen", f"127.0.0.1:{port}", *QUICK], env=name | watchdog) as server:
            listener.hear_until("READY=1")
            assert status(port) == 200, "READY means that requests are taken"
            listener.hear_until("WATCHDOG=1")
            listener.hear_until("WATCHDOG=1")
            server.send_signal(signal.SIGHUP)
            message = listener.hear_until("RELOADING=1")
            moment = int(re.search(r"MONOTONIC_USEC=(\d+)", message).group(1))
            assert abs(moment - time.monotonic_ns() // 1000) < 60_000_000, "MONOTONIC_USEC is not of this clock"
            listener.hear_until("READY=1")
            variables = Path(f"/proc/{server.pid}/environ").read_bytes()
            assert b"WATCHDOG_USEC" in variables, "the kernel keeps what the process was given"
            if os.geteuid() == 0:
                one_loop_hangs(server.pid, listener)
            server.send_signal(signal.SIGTERM)
            listener.hear_until("STOPPING=1")
            assert server.wait(20) == 0
        shutil.rmtree(folder / "db")
    # An address of another kind is refused before anything is made.
    assert run(EXE, "serve", "--data", f"{folder}/db", env={"NOTIFY_SOCKET": "vsock:2:1234"}, expect=None).returncode == 78
    assert not (folder / "db").exists()


def one_loop_hangs(pid, listener):
    """Stops the thread of one loop, as a debugger would: no more signs of life; lets it go: they come again."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    tasks = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().strip() == "userd-loop"]
    assert tasks
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    if libc.ptrace(SEIZE, tasks[0], 0, 0) != 0:
        print("  (no ptrace here: a hanging loop was not tried)")
        return
    assert libc.ptrace(INTERRUPT, tasks[0], 0, 0) == 0
    os.waitpid(tasks[0], 0x40000000)
    time.sleep(1.2)
    listener.clear()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        message = listener.hear(0.2)
        assert message is None or "WATCHDOG" not in message, "a sign of life from a server with a loop that hangs"
    assert libc.ptrace(DETACH, tasks[0], 0, 0) == 0
    listener.hear_until("WATCHDOG=1")


def activation(folder):
    port = free_port()
    words = [need("systemd-socket-activate"), "-l", f"127.0.0.1:{port}", "-l", str(folder / "web"), "-E", "PATH",
             EXE, "serve", "--data", f"{folder}/db", *QUICK]
    with process(words, stderr=subprocess.DEVNULL) as server:
        assert answers(port)
        # The other socket, by the name that healthcheck knows it by.
        assert run(EXE, "healthcheck", "--listen", f"unix:{folder}/web").stdout == f"unix:{folder}/web: 200\n"
        assert run(EXE, "healthcheck", "--url", f"http://127.0.0.1:{port}/readyz").returncode == 0
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    assert (folder / "web").exists(), "a socket of somebody else stays"
    assert run(EXE, "healthcheck", "--listen", f"127.0.0.1:{port}", expect=None).returncode == 1


def unit(folder):
    text = (DEPLOY / "userd.service").read_text()
    assert "ExecStart=/usr/local/bin/userd serve" in text
    shutil.copy(DEPLOY / "userd.socket", folder)
    (folder / "userd.service").write_text(text.replace("/usr/local/bin/userd", EXE))
    done = run(need("systemd-analyze"), "verify", "--man=no", folder / "userd.service", folder / "userd.socket", expect=None)
    complaints = [line for line in done.stderr.splitlines() if "userd" in line]
    assert done.returncode == 0 and not complaints, done.stderr
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", folder / "userd.service", expect=None)
    print("  " + done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout


# ---- files ----


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def shown(path):
    done = run(EXE, "config", "show", "--json", "--config", path, expect=None)
    if done.returncode:
        return None
    return {row["key"]: row["value"] for row in json.loads(done.stdout) if row["origin"] == "file"}


def same(ours, theirs):
    """Whether a text of ours is the value that tomllib read."""
    if isinstance(ours, list):
        return ours == (theirs if isinstance(theirs, list) else [theirs])
    return ours == (str(theirs).lower() if isinstance(theirs, bool) else str(theirs))


def settings(folder):
    print("  " + run(EXE, "config", "check", "--config", DEPLOY / "userd.toml").stdout.strip())
    original = (DEPLOY / "userd.toml").read_bytes()
    read = shown(DEPLOY / "userd.toml")
    meant = dict(flat(tomllib.loads(original.decode())))
    assert read.keys() == meant.keys() and all(same(read[key], meant[key]) for key in meant)
    # What is taken, tomllib takes as well, and means the same.
    generator, taken = random.Random(20261121), 0
    path = folder / "edited.toml"
    for _ in range(400):
        edited = bytearray(original)
        for _ in range(generator.randint(1, 3)):
            place = generator.randrange(len(edited))
            kind = generator.randrange(4)
            if kind == 0:
                edited[place] = generator.choice(b"[]=.\"'\\#,_ \n\r\t0a")
            elif kind == 1:
                del edited[place : place + generator.randint(1, 4)]
            elif kind == 2:
                edited.insert(place, generator.choice(b"[]=.\"'\\#,_ \n\r\t0a"))
            else:
                edited[place:place] = edited[generator.randrange(len(edited)) :][: generator.randint(1, 40)]
        path.write_bytes(edited)
        read = shown(path)
        if read is None:
            continue
        taken += 1
        meant = dict(flat(tomllib.loads(edited.decode())))
        assert read.keys() == meant.keys() and all(same(read[key], meant[key]) for key in meant), edited.decode()
    assert taken > 20, taken
    print(f"  {taken} of 400 edited files were taken, each as tomllib reads it")


def container(folder):
    text = (DEPLOY / "Dockerfile").read_text()
    shutil.copy(EXE, folder / "userd")
    shutil.copy(DEPLOY / "Dockerfile", folder)
    for builder in ("docker", "podman", "buildah"):
        if shutil.which(builder) and subprocess.run([builder, "info"], capture_output=True).returncode == 0:
            run(builder, "build", "-t", "userd-documents", folder)
            print(f"  built by {builder}")
            return
    instructions = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    names = [name for name, _ in instructions]
    assert names[0] == "FROM" and instructions[0][1] == "scratch" and set(names) <= {
        "FROM", "COPY", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}, names
    given = dict(instructions)
    environment = dict(word.split("=", 1) for word in given["ENV"].split())
    run(EXE, "config", "check", env=environment)
    print("  no builder works here: the file was read, and what it says done in an empty root")
    if os.geteuid() != 0:
        return print("  only root may change into an empty root: not tried")
    # What the image would have: the executable, a volume of the user, /proc; nothing else.
    root = folder / "root"
    (root / "data").mkdir(parents=True)
    (root / "proc").mkdir()
    root.chmod(0o755)
    shutil.copy(EXE, root / "userd")
    user = given["USER"]
    os.chown(root / "data", *map(int, user.split(":")))
    folder.chmod(0o711)
    port = free_port()
    environment["USERD_HTTP_LISTEN"] = environment["USERD_HTTP_LISTEN"].replace(":8080", f":{port}")
    entry = json.loads(given["ENTRYPOINT"]) + json.loads(given["CMD"])
    check = json.loads(re.search(r"CMD (\[.*\])$", given["HEALTHCHECK"]).group(1))

    def inside(words):
        return [need("unshare"), "--mount", "--", "sh", "-c", f'mount -t proc proc {root}/proc && exec chroot --userspec={user} {root} "$@"', "sh", *words]

    if subprocess.run(inside(["/userd", "version"]), capture_output=True).returncode != 0:
        return print("  /proc cannot be mounted in an empty root here: not tried")
    with process(inside(entry + QUICK), env=environment) as server:
        answers(port)
        assert run(*inside(check), env=environment).stdout.endswith(": 200\n")
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    assert run(*inside(check), env=environment, expect=None).returncode == 1


def kubernetes(folder):
    import yaml, kubernetes_validate

    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    version = kubernetes_validate.latest_version()
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
    print(f"  {len(documents)} objects are valid in Kubernetes {version}")
    by_kind = {document["kind"]: document for document in documents}
    (folder / "userd.toml").write_text(by_kind["ConfigMap"]["data"]["userd.toml"])
    run(EXE, "config", "check", "--config", folder / "userd.toml")
    pod = by_kind["StatefulSet"]["spec"]["template"]["spec"]
    main = pod["containers"][0]
    assert main["ports"][0]["name"] == by_kind["Service"]["spec"]["ports"][0]["targetPort"] == main["readinessProbe"]["httpGet"]["port"]
    grace = shown(folder / "userd.toml")["shutdown.grace"]
    assert int(grace.rstrip("s")) < pod["terminationGracePeriodSeconds"]
    port = free_port()
    with process([EXE, *main["args"][:1], "--config", folder / "userd.toml", "--data", f"{folder}/db", "--listen", f"127.0.0.1:{port}", *QUICK]):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert answers(port, main[probe]["httpGet"]["path"])


def cron(folder):
    backups, data = folder / "backups", folder / "db"
    backups.mkdir()
    run(EXE, "admin", "user", "create", "--data", data, "--email", "ann@example.org", "--password-stdin", input="correct horse battery\n",
        env={"USERD_HASH_MEMORY": "128K", "USERD_HASH_TIME": "1"})
    (folder / "bin").mkdir()
    (folder / "bin/userd").symlink_to(EXE)
    ran = 0
    for line in (DEPLOY / "userd.cron").read_text().splitlines():
        if not line or line.startswith("#") or re.match(r"[A-Z]+=", line):
            continue
        fields = line.split(None, 6)
        assert len(fields) == 7 and all(re.fullmatch(r"[\d*,/-]+", field) for field in fields[:5]) and fields[5] == "userd", line
        assert not re.search(r"(?<!\\)%", fields[6]), "cron takes a bare % for the end of the command"
        command = fields[6].replace("\\%", "%").replace("/backups", str(backups)).replace("/var/lib/userd", str(data))
        run("sh", "-c", command, env={"PATH": f"{folder}/bin:{os.environ['PATH']}"})
        ran += 1
    full, increment = sorted(backups.iterdir())
    assert full.name.startswith("full-") and increment.name.startswith("inc-"), list(backups.iterdir())
    run(EXE, "admin", "restore", "--verify", full, increment)
    print(f"  {ran} lines of cron did what they say; both backups restore")


def manual(folder):
    """The commands of the drill in docs/operations.md, and of the way from nothing to a unit, as far as they need no systemd."""
    text = (ROOT / "docs/operations.md").read_text()
    for name in re.findall(r"\]\((deploy/[^)]+)\)", text):
        assert (ROOT / "docs" / name).is_file(), f"docs/operations.md names {name}"
    block = re.search(r"```\n(install -m.*?)```", text, re.S).group(1)
    for name in ("userd.toml", "userd.service"):
        shutil.copy(DEPLOY / name, folder)
    shutil.copy(EXE, folder / "userd")
    root = folder / "root"
    for place in ("usr/local/bin", "etc/systemd/system"):
        (root / place).mkdir(parents=True)
    for line in block.splitlines():
        if line.startswith("systemctl"):
            continue
        line = re.sub(r" /(usr|etc)/", rf" {root}/\1/", line).replace("userd config check", f"userd config check --config {root}/etc/userd/userd.toml")
        run("sh", "-ec", line, cwd=folder, env={"PATH": f"{root}/usr/local/bin:{os.environ['PATH']}"})
    assert (root / "etc/userd/userd.toml").read_bytes() == (DEPLOY / "userd.toml").read_bytes()


ONLY = [word for word in sys.argv[2:] if not word.startswith("--")]
CHECKS = [check for check in [bash, zsh, fish, notify, activation, unit, settings, container, kubernetes, cron, manual] if not ONLY or check.__name__ in ONLY]

for check in CHECKS:
    print(f"documents: {check.__name__}", flush=True)
    with tempfile.TemporaryDirectory(prefix="userd-documents-") as name:
        try:
            check(Path(name))
        except (Missing, ImportError) as missing:
            if not ALLOW_MISSING:
                raise SystemExit(f"documents: {check.__name__} needs {missing}; --allow-missing goes on without it")
            print(f"  SKIPPED: it needs {missing}")
print(f"documents: all {len(CHECKS)} say what is so")
