#!/usr/bin/env python3
"""A long run of mixed load with faults on the real executable, drawn as an SVG.

usage: Tests/Clients/soak.py USERD [--minutes N] [--seed N] [--clients N] [--svg FILE] [--json FILE]

Clients register, log in, refresh, read, change and erase accounts, and know what each was answered; every answer is held against that. Meanwhile, about once
a minute: kill -9 and an orderly stop (in the first third and at the end), a process that stands still, a disk that is full, backups that are verified, compactions, scrubs,
checkpoints, new signing keys, reloads. Memory, descriptors, threads, files and latencies are sampled. Exit 1 for an answer that was lost or that nobody expects, and if in
the two thirds without a restart memory or descriptors grow. Standard library only; root, for a disk of its own (else without full disks)."""
import argparse, contextlib, http.client, json, os, random, signal, statistics, sys, tempfile, threading, time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "Benchmarks"))

import drawing
from checks import PASSWORD, LeftOut, Server, admin, bulk, disk, eventually, exchange, fill, is_sound, local

KINDS = {"kill -9": "#d00000", "stop": "#e08000", "standstill": "#8a3fa0", "full disk": "#000000", "backup": "#1f8fa8", "compaction": "#2a8a4a",
         "scrub": "#9a8a1a", "other": "#888888"}


class World:
    """The server of the moment, and what all clients have seen."""

    def __init__(self, exe, place, folder):
        self.exe, self.data, self.backups = exe, str(Path(place, "db")), Path(folder, "backups")
        self.backups.mkdir()
        self.lock, self.ends = threading.Lock(), threading.Event()
        self.latencies, self.counts, self.wrong = [], {}, []
        # What is done to the server at the moment, and what was done last and when that ended.
        self.fault, self.last, self.since = None, None, time.monotonic()
        self.start()

    def start(self):
        self.server = Server(self.exe, self.data, "--threads=2", "--store-cache=16M", "--store-wal-max=128M", "--auth-access-ttl=1h", f"--backup-dir={self.backups}",
                             "--password-min-length=8", "--store-scrub-rate=16M")

    def saw(self, what, seconds):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            self.latencies.append(seconds)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def moment(self):
        """Under what an answer was given; what ended less than five seconds ago counts still."""
        if self.fault:
            return "during " + self.fault
        return "after " + self.last if self.last and time.monotonic() - self.since < 5 else "at rest"

    def complain(self, *words):
        with self.lock:
            self.wrong.append(" ".join(map(str, words)))
            print("WRONG", *words, flush=True)


class Account:
    def __init__(self, name):
        self.email, self.identifier, self.token, self.refresh = f"{name}@example.org", None, None, None
        # The newest number that was answered, and the newest that was sent.
        self.answered, self.sent = 0, 0


class Client(threading.Thread):
    """One connection and up to forty accounts; what it was answered must stay true."""

    def __init__(self, world, index, seed, pause):
        super().__init__(daemon=True)
        self.world, self.index, self.random, self.pause = world, index, random.Random(seed), pause
        self.accounts, self.made, self.connection = [], 0, None

    def ask(self, what, method, path, body=None, token=None):
        """The answer, or None where nobody can know what became of it."""
        server = self.world.server
        try:
            if self.connection is None or self.connection.port != server.port:
                self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            began = time.monotonic()
            status, answer = exchange(self.connection, method, path, body, token)
        except (OSError, http.client.HTTPException, ValueError):
            if self.connection:
                self.connection.close()
            self.connection = None
            self.world.count("unheard")
            time.sleep(0.1)
            return None
        self.world.saw(what if status < 500 else f"{status} {answer.get('code')} {self.world.moment()}", time.monotonic() - began)
        if status == 503 and answer.get("code") == "commit_outcome_unknown":
            return None
        return status, answer

    def run(self):
        while not self.world.ends.is_set():
            time.sleep(self.pause * self.random.uniform(0.5, 1.5))
            draw = self.random.random()
            if len(self.accounts) < 3 or draw < 0.08:
                self.erase() if len(self.accounts) >= 40 else self.register()
                continue
            account = self.random.choice(self.accounts)
            for bound, step in ((0.18, self.login), (0.38, self.rotate), (0.58, self.change), (0.63, self.logout), (1.1, self.read)):
                if draw < bound:
                    step(account)
                    break

    def register(self):
        self.made += 1
        account = Account(f"c{self.index}-{self.made}")
        got = self.ask("register", "POST", "/api/auth/register", {"email": account.email, "password": PASSWORD, "name": "Somebody"})
        if got and got[0] == 201:
            account.token, account.refresh, account.identifier = got[1]["token"], got[1]["refreshToken"], got[1]["user"]["id"]
            self.accounts.append(account)
        elif got and got[0] not in (503, 507):
            self.world.complain("register", got)

    def login(self, account):
        got = self.ask("login", "POST", "/api/auth/login", {"email": account.email, "password": PASSWORD})
        if got and got[0] == 200:
            account.token, account.refresh = got[1]["token"], got[1]["refreshToken"]
            self.look(account, got[1]["user"])
        elif got and got[0] not in (503, 507):
            self.world.complain("login", account.email, got)

    def rotate(self, account):
        if not account.refresh:
            return self.login(account)
        got = self.ask("refresh", "POST", "/api/auth/refresh", {"refreshToken": account.refresh})
        if got is None:
            account.refresh = None
        elif got[0] == 200:
            account.token, account.refresh = got[1]["token"], got[1]["refreshToken"]
        elif got[0] not in (503, 507):
            self.world.complain("refresh", account.email, got)

    def change(self, account):
        if not account.token:
            return self.login(account)
        account.sent += 1
        got = self.ask("change", "PATCH", "/api/auth/me", {"metadata": {"number": account.sent, "filling": "x" * self.random.randrange(800)}}, account.token)
        if got and got[0] == 200:
            account.answered = account.sent
            self.look(account, got[1])
        elif got and got[0] not in (503, 507):
            self.world.complain("change", account.email, got)

    def logout(self, account):
        if not account.token:
            return self.login(account)
        token, account.token, account.refresh = account.token, None, None
        got = self.ask("logout", "POST", "/api/auth/logout", {}, token)
        if got and got[0] == 204:
            again = self.ask("ended", "GET", "/api/auth/me", token=token)
            if again and again[0] != 401 and again[0] != 503:
                self.world.complain("a session that was ended", again)
        elif got and got[0] not in (503, 507):
            self.world.complain("logout", account.email, got)

    def read(self, account):
        if not account.token:
            return self.login(account)
        got = self.ask("me", "GET", "/api/auth/me", token=account.token)
        if got and got[0] == 200:
            self.look(account, got[1])
        elif got and got[0] != 503:
            self.world.complain("me", account.email, got)

    def look(self, account, user):
        number = user["metadata"].get("number", 0)
        if not account.answered <= number <= account.sent or user["email"] != account.email:
            self.world.complain(f"{account.email} has {number}; {account.answered} was answered and {account.sent} sent")

    def erase(self):
        account = self.accounts.pop(self.random.randrange(len(self.accounts)))
        try:
            status, answer = local(self.world.data, "DELETE", f"/api/v1/users/{account.identifier}?erase=true")
        except (OSError, http.client.HTTPException):
            return
        self.world.count("erase" if status == 204 else str(status))
        if status in (503, 507):
            # Not erased, if it says so; after an unknown outcome nobody can tell.
            return self.accounts.append(account) if answer.get("code") != "commit_outcome_unknown" else None
        if status != 204:
            return self.world.complain("erase", account.email, status, answer)
        got = self.ask("gone", "POST", "/api/auth/login", {"email": account.email, "password": PASSWORD})
        if got and got[0] not in (401, 503, 507):
            self.world.complain("an erased account logs in", got)


class Faults:
    """What is done to the server; each returns when the server serves again."""

    def __init__(self, world, place, own_disk, generator):
        self.world, self.place, self.own_disk, self.random = world, place, own_disk, generator

    def kill(self):
        self.world.server.kill()
        self.world.start()

    def stop(self):
        self.world.server.stop()
        self.world.start()

    def standstill(self):
        os.kill(self.world.server.pid(), signal.SIGSTOP)
        time.sleep(self.random.uniform(1, 5))
        os.kill(self.world.server.pid(), signal.SIGCONT)

    def erase(self, part):
        status, answer = local(self.world.data, "POST", "/api/v1/users:batch", {"operations": [{"method": "erase", "id": identifier} for identifier in part]})
        if status not in (200, 507):
            raise AssertionError(f"a batch: {status} {answer}")
        return status == 200

    def full_disk(self):
        """Full, then so many large accounts made that log and pages need room, then refusals for a while; writes must come back."""
        if not self.own_disk:
            return
        filler, made, refused, end = fill(self.place), [], 0, time.monotonic() + 120
        try:
            # What was refused may be taken a moment later: a checkpoint makes room in the log.
            while refused < 40:
                if time.monotonic() > end:
                    raise AssertionError(f"{refused} writes were refused on a full disk")
                status, identifiers = bulk(self.world.data, f"bulk-{time.time_ns()}")
                if status not in (200, 507):
                    raise AssertionError(f"a batch on a full disk is {status}")
                made += identifiers
                refused += status == 507
                self.world.count("batch" if status == 200 else "507 batch")
                time.sleep(0 if status == 200 else 0.1)
        finally:
            filler.unlink()
            while made:
                part, made = made[:100], made[100:]
                eventually(lambda: self.erase(part), "writes come back", 60)

    def backup(self):
        name = f"soak-{time.time_ns()}.udb"
        admin(self.world.exe, self.world.data, "backup", "-o", str(self.world.backups / name), "--verify")
        for old in sorted(self.world.backups.iterdir())[:-2]:
            old.unlink()

    def compaction(self):
        admin(self.world.exe, self.world.data, "compact", code=None)

    def scrub(self):
        # It has its turn when no compaction has one, which takes minutes on a busy machine.
        admin(self.world.exe, self.world.data, "check", "--online", seconds=1800)

    def checkpoint(self):
        admin(self.world.exe, self.world.data, "checkpoint")

    def keys(self):
        admin(self.world.exe, self.world.data, "keys", "rotate")

    def reload(self):
        os.kill(self.world.server.pid(), signal.SIGHUP)


def size(path):
    with contextlib.suppress(OSError):
        return path.stat().st_size if path.is_file() else sum(size(one) for one in path.iterdir()) if path.is_dir() else 0
    return 0


def sampler(world, began, samples):
    while not world.ends.wait(5):
        with world.lock:
            latencies, world.latencies = sorted(world.latencies), []
        sample = {"at": time.monotonic() - began, "rate": len(latencies) / 5}
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
            sample[name] = latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1000 if latencies else None
        with contextlib.suppress(OSError, IndexError, KeyError):
            status = world.server.status()
            sample |= {"memory": status["VmRSS"], "descriptors": status["descriptors"], "threads": status["Threads"], "pid": world.server.pid()}
        sample |= {"database": size(Path(world.data, "main.udb")), "log": size(Path(world.data, "wal"))}
        samples.append(sample)


def picture(options, samples, marks, seconds, subtitle):
    def line(name, divisor=1):
        return [(s["at"], s[name] / divisor) for s in samples if s.get(name) is not None]

    mib = 1 << 20
    panels = [("answers", "a second", [("all", line("rate"))]),
              ("latency", "ms (cut at 1,000)", [(n, [(at, min(v, 1000)) for at, v in line(n)]) for n in ("p50", "p99")]),
              ("resident memory", "MiB", [("process", line("memory", mib))]),
              ("descriptors and threads", "", [("descriptors", line("descriptors")), ("threads", line("threads"))]),
              ("files", "MiB", [("main.udb", line("database", mib)), ("log", line("log", mib))])]
    options.svg.write_text(drawing.draw("userd: mixed load with faults", subtitle, seconds, panels, marks, KINDS))


def growth(samples, seconds):
    """Medians of the first and the last quarter of the stretch without restarts; complaints if they grow."""
    stretch = [s for s in samples if seconds * 0.4 < s["at"] < seconds * 0.95 and "memory" in s]
    if len(stretch) < 40:
        return "too short to say whether anything grows", []
    quarter, said, wrong = len(stretch) // 4, [], []
    for name, factor, room, unit in (("memory", 1.25, 8 << 20, 1 << 20), ("descriptors", 1, 8, 1), ("threads", 1, 2, 1)):
        first, last = (statistics.median(s[name] for s in part) for part in (stretch[:quarter], stretch[-quarter:]))
        said.append(f"{name} {first / unit:.1f} at first and {last / unit:.1f} at last")
        if last > first * factor + room:
            wrong.append(said[-1])
    return "without a restart: " + ", ".join(said), wrong


def soak(options, place, folder, own_disk):
    generator = random.Random(options.seed)
    world, seconds = World(options.exe, place, folder), options.minutes * 60
    faults, began, samples, marks = Faults(world, place, own_disk, generator), time.monotonic(), [], []
    clients = [Client(world, index, options.seed * 1000 + index, options.pause) for index in range(options.clients)]
    watcher = threading.Thread(target=sampler, args=(world, began, samples), daemon=True)
    for thread in [*clients, watcher]:
        thread.start()
    gentle = [("standstill", faults.standstill), ("full disk", faults.full_disk), ("backup", faults.backup), ("compaction", faults.compaction), ("scrub", faults.scrub),
              ("other", faults.checkpoint), ("other", faults.keys), ("other", faults.reload)]
    rough = [("kill -9", faults.kill), ("kill -9", faults.kill), ("stop", faults.stop)]
    queue = []

    def act(kind, fault):
        marks.append((time.monotonic() - began, kind))
        start = time.monotonic()
        world.fault = fault.__name__
        try:
            fault()
        except Exception as error:
            world.complain(f"{kind} {fault.__name__}: {type(error).__name__}: {error}")
        world.fault, world.last, world.since = None, fault.__name__, time.monotonic()
        print(f"{marks[-1][0] / 60:6.1f} min  {fault.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
        if world.server.process.poll() is not None:
            world.complain(f"userd ended with {world.server.process.poll()} after {fault.__name__}: {world.server.said()[-1500:]}")
            world.start()

    pace = min(60, seconds / 30)
    while time.monotonic() - began < seconds and len(world.wrong) < 20:
        time.sleep(generator.uniform(0.5, 1.5) * pace)
        at = time.monotonic() - began
        if not queue:
            queue = gentle + (rough * 2 if at < seconds / 3 else [])
            generator.shuffle(queue)
        kind, fault = queue.pop()
        if (kind, fault) not in rough or at < seconds / 3:
            act(kind, fault)
    # What stands until here has run without a restart for two thirds of the time.
    act("kill -9", faults.kill)
    time.sleep(2)
    world.ends.set()
    for thread in clients:
        thread.join(120)
    kept = 0
    for client in clients:
        for account in client.accounts:
            client.login(account)
            client.read(account)
            kept += 1
    world.server.stop()
    is_sound(world.exe, world.data)
    admin(world.exe, world.data, "audit", "verify")
    said, grown = growth(samples, seconds)
    answers = sum(n for what, n in world.counts.items() if not what[0].isdigit() and what != "unheard")
    refused = sum(n for what, n in world.counts.items() if what[0].isdigit())
    numbers = f"{options.minutes} minutes, {answers:,} answers, {refused:,} refused, {world.counts.get('unheard', 0)} unheard, seed {options.seed}"
    picture(options, samples, marks, max(seconds, marks[-1][0]), numbers)
    if options.json:
        options.json.write_text(json.dumps({"counts": world.counts, "marks": marks, "samples": samples, "wrong": world.wrong}) + "\n")
    for what in sorted(world.counts):
        print(f"{world.counts[what]:9,} {what}")
    print(f"soak: {numbers}; {kept} accounts at the end as answered; {said}; {len(world.wrong)} wrong")
    for line in world.wrong + grown:
        print("wrong:", line[:2000])
    return not world.wrong and not grown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exe", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--pause", type=float, default=0.06, help="seconds that a client waits between two requests, on average")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("USERD_SEED") or random.randrange(1 << 32)))
    parser.add_argument("--megabytes", type=int, default=700)
    parser.add_argument("--svg", type=Path, default=Path("soak.svg"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"soak: --seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="userd-soak-") as folder, contextlib.ExitStack() as stack:
        try:
            place, own_disk = stack.enter_context(disk(folder, "ext4", options.megabytes)), True
        except LeftOut as reason:
            print(f"left out  full disks: {reason}")
            place, own_disk = Path(folder), False
        good = soak(options, place, folder, own_disk)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
