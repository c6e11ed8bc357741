"""Disks that are full again and again, and flushes that fail: nothing answered is lost, and nothing is answered that is not on disk.

    faults.py EXECUTABLE [--rounds N]

A file system of 192 MiB is filled and freed under eight writers, 20 times (root). strace makes fdatasync and pwrite64 fail in the executable
at different moments (where ptrace is allowed).
"""
import contextlib, ctypes, http.client, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path

EXE = str(Path(sys.argv[1]).resolve())
ROUNDS = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 20
QUICK = ["--hash-memory=128K", "--hash-time=1", "--throttle-enabled=false", "--log-level=warn"]
PASSWORD = "correct horse battery"
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def ask(port, method, path, body=None, token=None, timeout=30):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}


def register(port, name):
    return ask(port, "POST", "/api/auth/register", {"email": f"{name}@example.org", "password": PASSWORD, "name": "Somebody"})


@contextlib.contextmanager
def serving(data, *before, more=()):
    port = free_port()
    with tempfile.TemporaryFile("w+") as log:
        words = [*before, EXE, "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}", *QUICK, *more]
        process = subprocess.Popen(words, stdout=log, stderr=log, env=ENVIRONMENT)
        try:
            end = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    ask(port, "GET", "/livez", timeout=5)
                    break
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise AssertionError(f"no server: {process.poll()}\n{log.read()}")
                time.sleep(0.02)
            yield process, port
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def accounts(data):
    words = [EXE, "admin", "user", "list", "--json", "--data", str(data)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return {json.loads(line)["email"].split("@")[0] for line in done.stdout.splitlines()}


def is_sound(data):
    done = subprocess.run([EXE, "admin", "check", "--deep", "--data", str(data)], capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr


class Writers:
    """Threads that make accounts until told to stop, and know what each was answered."""

    def __init__(self, port, prefix, count=8):
        self.answered, self.refused, self.others = set(), 0, []
        self.lock, self.ends = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(port, f"{prefix}-{index}")) for index in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, port, prefix):
        number = 0
        while not self.ends.is_set():
            name = f"{prefix}-{number}"
            number += 1
            # Accounts stay: a faster writer would fill the disk by itself, and freeing the filler would be no help.
            time.sleep(0.01)
            try:
                status, answer = register(port, name)
            except (OSError, http.client.HTTPException):
                continue
            with self.lock:
                if status == 201:
                    self.answered.add(name)
                elif status in (503, 507):
                    self.refused += 1
                else:
                    self.others.append((status, answer))

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()
        assert not self.others, self.others[:3]


def full_disk(folder):
    libc = ctypes.CDLL(None, use_errno=True)
    disk = folder / "disk"
    disk.mkdir()
    if libc.mount(b"userd-faults", str(disk).encode(), b"tmpfs", 0, b"size=201326592") != 0:
        return print("  no file system of its own can be mounted here: not tried")
    try:
        data, filler = disk / "db", disk / "filler"
        with serving(data) as (process, port):
            status, ann = register(port, "ann")
            assert status == 201
            writers = Writers(port, "w")
            full = 0
            for round_number in range(ROUNDS):
                # All but nothing is taken: the log's segment that is open has room for a while, so writers go on until it is full.
                with open(filler, "wb") as file, contextlib.suppress(OSError):
                    while True:
                        file.write(b"\xff" * 65536)
                        file.flush()
                before, deadline = writers.refused, time.monotonic() + 5
                while writers.refused == before and time.monotonic() < deadline:
                    assert ask(port, "GET", "/api/auth/me", token=ann["token"])[0] in (200, 401)
                    time.sleep(0.02)
                full += writers.refused > before
                filler.unlink()
                count, deadline = len(writers.answered), time.monotonic() + 20
                while len(writers.answered) == count:
                    assert time.monotonic() < deadline, f"writes did not come back in round {round_number}"
                    time.sleep(0.02)
            writers.stop()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        missing = (writers.answered | {"ann"}) - accounts(data)
        assert not missing, f"{len(missing)} answered accounts are gone"
        is_sound(data)
        print(f"  {ROUNDS} rounds, refused in {full} of them; {len(writers.answered)} answered, all there; {writers.refused} refused")
    finally:
        libc.umount2(str(disk).encode(), 2)


def failing_calls(folder):
    if not shutil.which("strace"):
        raise SystemExit("faults: strace is missing")
    probe = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", EXE, "version"], capture_output=True)
    if probe.returncode != 0:
        return print("  ptrace is not allowed here: not tried")
    generator = random.Random(20261121)
    for call, error in (("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("fdatasync", "EDQUOT"), ("pwrite64", "EIO"), ("fdatasync", "EIO")):
        data = folder / f"{call}-{error}-{generator.randrange(1000)}"
        with serving(data) as (process, port):
            assert register(port, "before")[0] == 201
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        when = generator.randint(20, 60)
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}+"]
        with serving(data, *strace, more=["--shutdown-grace=2s"]) as (process, port):
            writers = Writers(port, "w", count=4)
            deadline = time.monotonic() + 60
            while writers.refused == 0:
                assert time.monotonic() < deadline, f"{call} {error} from call {when} on: no write was refused"
                time.sleep(0.01)
            # Promise 3: after the failure not one write is answered as done, until a restart.
            time.sleep(0.2)
            count, status = len(writers.answered), None
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, _ = ask(port, "GET", "/readyz")
            time.sleep(0.3)
            if error == "EIO" and call == "fdatasync":
                assert len(writers.answered) == count, "a write was answered after a flush had failed"
                assert status in (503, None), status
            code = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(20)
            if code is None:
                process.terminate()
                code = process.wait(60)
            writers.stop()
        if call == "fdatasync":
            assert code == 74, f"{call} {error}: exit {code}"
        missing = (writers.answered | {"before"}) - accounts(data)
        assert not missing, f"{call} {error} from call {when} on: {len(missing)} answered accounts are gone"
        is_sound(data)
        with serving(data) as (process, port):
            assert register(port, "after")[0] == 201, "a restart writes again"
        print(f"  {call} {error} from call {when} on: exit {code}, {len(writers.answered)} answered, all there; {writers.refused} refused")


for check in (full_disk, failing_calls):
    print(f"faults: {check.__name__}", flush=True)
    with tempfile.TemporaryDirectory(prefix="userd-faults-") as name:
        check(Path(name))
print("faults: nothing answered was lost")
