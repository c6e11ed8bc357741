"""What the scripts about faults share: the executable started and stopped, requests, writers that remember, disks of their own, checks by name."""
import contextlib, ctypes, http.client, json, os, shutil, signal, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path

# userd refuses variables of its kind that it does not know, and the seed of a run of all tests is one.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("USERD_")}
QUICK = ["--hash-memory=128K", "--hash-time=1", "--throttle-enabled=false", "--log-level=warn", "--log-format=json"]
PASSWORD = "correct horse battery"


class LeftOut(Exception):
    """What this machine does not allow: said in the last lines, and no failure."""


def expect(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def eventually(condition, what, seconds=30):
    """What the condition gives once that is true; the time is for a machine that does much else."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def exchange(connection, method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text.startswith(b"{") else {}


class UnixConnection(http.client.HTTPConnection):
    """To the admin socket, whose peer may do everything."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def local(data, method, path, body=None):
    with contextlib.closing(UnixConnection(f"{data}/admin.sock")) as connection:
        return exchange(connection, method, path, body)


def bulk(data, name):
    """Fifty accounts with much metadata in one commit: the status and the identifiers."""
    operations = [{"method": "create", "user": {"email": f"{name}-{part}@example.org", "name": "Bulk", "metadata": {"x": "x" * 3900}}} for part in range(50)]
    status, answer = local(data, "POST", "/api/v1/users:batch", {"operations": operations})
    return status, [one["user"]["id"] for one in answer.get("results", []) if one["status"] == 201]


def ask(port, method, path, body=None, token=None, timeout=30):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        return exchange(connection, method, path, body, token)


def register(port, name, timeout=30):
    return ask(port, "POST", "/api/auth/register", {"email": f"{name}@example.org", "password": PASSWORD, "name": "Somebody"}, timeout=timeout)


class Server:
    """userd on a port of 127.0.0.1. `before` are words of a command that starts it, which has to hand on its exit code."""

    def __init__(self, exe, data, *more, before=(), waits=True):
        self.exe, self.data, self.port = exe, str(data), free_port()
        self.log = tempfile.NamedTemporaryFile("rb", prefix="userd-log-")
        words = [*before, exe, "serve", "--data", str(data), "--listen", f"127.0.0.1:{self.port}", *QUICK, *more]
        with open(self.log.name, "wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=ENVIRONMENT)
        if waits:
            self.wait_until_it_serves()

    def wait_until_it_serves(self, seconds=90):
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(self.port, "GET", "/livez", timeout=5)
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no server: {self.process.poll()}\n{self.said()}")
            time.sleep(0.02)

    def said(self):
        return Path(self.log.name).read_text(errors="replace")

    def pid(self):
        """That of userd, also where another program started it."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if os.readlink(f"/proc/{self.process.pid}/exe") == os.path.realpath(self.exe):
            return self.process.pid
        return int(children.read_text().split()[0])

    def status(self):
        """The numbers of /proc/PID/status, memory in bytes, and the open descriptors."""
        pid, found = self.pid(), {}
        for line in open(f"/proc/{pid}/status"):
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].isdigit():
                found[name] = int(words[0]) * (1024 if words[-1] == "kB" else 1)
        found["descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
        return found

    def ended(self, seconds=60):
        return self.process.wait(seconds)

    def stop(self, code=0, seconds=90):
        self.process.send_signal(signal.SIGTERM)
        found = self.process.wait(seconds)
        if found != code:
            raise AssertionError(f"an orderly end: exit {found}, not {code}\n{self.said()[-2000:]}")

    def kill(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                os.kill(self.pid(), signal.SIGKILL)
            self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.log.close()


def admin(exe, data, *words, code=0, seconds=300):
    done = subprocess.run([exe, "admin", *words, "--data", str(data)], capture_output=True, text=True, timeout=seconds, env=ENVIRONMENT)
    if code is not None and done.returncode != code:
        raise AssertionError(f"admin {' '.join(words)}: exit {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done


def accounts(exe, data):
    lines = admin(exe, data, "user", "list", "--json").stdout.splitlines()
    return {json.loads(line)["email"].split("@")[0] for line in lines}


def is_sound(exe, data):
    admin(exe, data, "check", "--deep")


def holds(exe, data, answered, what):
    """The oracle of all faults: every account that was answered is there, and the store is whole."""
    missing = set(answered) - accounts(exe, data)
    if missing:
        raise AssertionError(f"{what}: {len(missing)} answered accounts are gone, such as {sorted(missing)[:3]}")
    is_sound(exe, data)


class Writers:
    """Threads that make accounts until told to stop, and know what each was answered."""

    def __init__(self, port, prefix, count=8, pause=0.01, fine=(503, 507)):
        self.answered, self.refused, self.unheard, self.others = set(), {}, 0, []
        self.port, self.pause, self.fine = port, pause, fine
        self.lock, self.ends = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(f"{prefix}-{index}",), daemon=True) for index in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, prefix):
        number = 0
        while not self.ends.is_set():
            name = f"{prefix}-{number}"
            number += 1
            # Accounts stay: a faster writer would fill the disk by itself.
            time.sleep(self.pause)
            try:
                status, answer = register(self.port, name)
            except (OSError, http.client.HTTPException, ValueError):
                with self.lock:
                    self.unheard += 1
                time.sleep(0.02)
                continue
            with self.lock:
                if status == 201:
                    self.answered.add(name)
                elif status in self.fine:
                    key = (status, answer.get("code"))
                    self.refused[key] = self.refused.get(key, 0) + 1
                else:
                    self.others.append((status, answer))

    def wait_for_answers(self, count, seconds=60):
        wanted = len(self.answered) + count
        eventually(lambda: len(self.answered) >= wanted, f"{count} more answered writes", seconds)

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join(120)
        if any(thread.is_alive() for thread in self.threads):
            raise AssertionError("a writer still waits for an answer")
        if self.others:
            raise AssertionError(f"{len(self.others)} answers that nobody expects, such as {self.others[:3]}")


# ---- disks of their own ----


@contextlib.contextmanager
def disk(folder, kind, megabytes):
    """A file system in memory ("tmpfs") or in a file ("ext4"), mounted for as long as it is used."""
    place = Path(folder, f"disk-{kind}")
    place.mkdir(exist_ok=True)
    if kind == "tmpfs":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"userd", os.fsencode(place), b"tmpfs", 0, b"size=%d" % (megabytes << 20)) != 0:
            raise LeftOut("no file system of its own can be mounted here")
    else:
        mount_new(Path(folder, "image"), place, megabytes)
    try:
        yield place
    finally:
        release(place)


def mount_new(image, place, megabytes):
    """A file with an empty ext4 in it, mounted."""
    if not shutil.which("mkfs.ext4"):
        raise LeftOut("mkfs.ext4 is missing")
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)], check=True)
    try:
        mount(image, place)
    except subprocess.CalledProcessError:
        raise LeftOut("no loop device can be mounted here")


def mount(image, place):
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], capture_output=True, check=True)


def release(place):
    """Takes off what is mounted there, as soon as nobody has it open."""
    for _ in range(200):
        if not os.path.ismount(place) or subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
            return
        time.sleep(0.05)


def fill(place):
    """Takes all room that there is; removing the file gives it back."""
    filler, size, step = Path(place, "filler"), 0, 64 << 20
    with open(filler, "wb") as file:
        while step >= 4096:
            try:
                os.posix_fallocate(file.fileno(), size, step)
                size += step
            except OSError:
                step //= 4
    return filler


def run(name, checks, words, arguments=()):
    """Runs the checks whose name holds one of the words (all without words) and ends the process with what came out."""
    began, failed, left = time.monotonic(), 0, []
    chosen = [one for one in checks if not words or any(word in one.__name__ for word in words)]
    for one in chosen:
        title, start = one.__name__.replace("_", " "), time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix=f"userd-{name}-") as folder:
                said = one(Path(folder), *arguments)
            print(f"ok      {title} ({time.monotonic() - start:.1f} s){': ' + said if said else ''}", flush=True)
        except LeftOut as reason:
            left.append(f"{title}: {reason}")
        except Exception as error:
            failed += 1
            print(f"FAILED  {title}: {type(error).__name__}: {str(error)[:3000]}", flush=True)
    for line in left:
        print(f"left out  {line}")
    print(f"{name}: {len(chosen) - failed - len(left)} of {len(chosen)} in {time.monotonic() - began:.0f} s, {len(left)} left out")
    sys.exit(1 if failed or not chosen else 0)
