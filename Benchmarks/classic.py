#!/usr/bin/env python3
"""userd beside the classic service: Gin in front of PostgreSQL and Redis, and of SQLite, with the same users, requests and durability.

usage: Benchmarks/classic.py [--users N] [--rounds N] [--seconds S] [--folder DIR] [--userd PATH] [--only me,user,refresh,create] [--stacks userd,sqlite,postgres]
                             [--json FILE]

Needs a release build (swift build -c release) and, from Debian: gcc libsqlite3-dev wrk golang-go postgresql redis-server golang-github-gin-gonic-gin-dev
golang-github-jackc-pgx-v4-dev golang-github-gomodule-redigo-dev golang-github-golang-jwt-jwt-dev golang-github-mattn-go-sqlite3-dev golang-github-google-uuid-dev
($GO names another Go). The service is Benchmarks/peers/classic. Every server process is on cpu 0, wrk with one thread and 64 connections on cpu 1; the figure is work
for one processor. Rounds are interleaved, the order rotates; medians stand with the lowest and highest round in brackets. "me" asks with 128 sessions by turns, "user"
for 20,000 users in random order, "refresh" rotates 128 tokens, "create" makes accounts without a password; both of these are durable when they are answered. Memory and
processor time are those of all processes of a stack. Standard library only."""
import argparse, contextlib, json, os, random, shutil, signal, statistics, subprocess, sys, tempfile, time
from pathlib import Path

from compare import HERE, PASSWORD, call, free_port, release, run, start, tree
from markdown import spread, table

SESSIONS, ASKED_USERS, BATCH = 128, 20_000, 1000
POSTGRES_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
shared_buffers = 1GB
effective_cache_size = 4GB
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
max_connections = 60
"""


class Stack:
    """A running service: its port, its processes, identifiers of users, and sessions as (access, refresh)."""

    def __init__(self, folder, port):
        self.folder, self.port, self.roots, self.users, self.sessions = folder, port, [], [], []
        # What starts the service, up to the address.
        self.command = []
        self.unused = []

    def take_seed(self, text):
        for line in text.splitlines():
            kind, *words = line.split()
            if kind == "user":
                self.users.append(words[0])
            else:
                self.sessions.append((words[0], words[1]))
        self.unused = [refresh for _, refresh in self.sessions[SESSIONS:]]
        del self.sessions[SESSIONS:]

    def fresh_tokens(self):
        """Refresh tokens that no run has used."""
        taken, self.unused = self.unused[:SESSIONS], self.unused[SESSIONS:]
        return taken

    def processes(self):
        for root in self.roots:
            yield from tree(root)

    def processor_time(self):
        """Seconds of all processes and of their children that have ended."""
        spent = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                spent += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
        return spent / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Bytes of all processes, what they share counted once."""
        found = 0
        for pid in self.processes():
            # One that ends meanwhile has none.
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                found += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        return found


class Userd(Stack):
    def log_in(self):
        answer = call(self.port, "POST", "/api/auth/login", {"email": "a@example.org", "password": PASSWORD})
        return answer["token"], answer["refreshToken"]

    def fresh_tokens(self):
        return [self.log_in()[1] for _ in range(SESSIONS)]


@contextlib.contextmanager
def userd(folder, options, exe):
    stack = Userd(folder, free_port())
    data = str(folder / "db")
    run([exe, "admin", "user", "create", "--data", data, "--role", "admin", "--email", "a@example.org", "--name", "A", "--password-stdin"], input=PASSWORD + "\n")
    stack.command = [exe, "serve", "--data", data, "--threads", "1", "--throttle-enabled", "false", "--log-level", "warn", "--auth-access-ttl", "1h",
                     "--auth-max-sessions", str(SESSIONS * (2 + options.rounds)), "--listen"]
    process, _ = start(["taskset", "-c", "0", *stack.command, f"127.0.0.1:{stack.port}"], stack.port, "/livez")
    try:
        stack.roots = [process.pid]
        stack.sessions = [stack.log_in() for _ in range(SESSIONS)]
        for first in range(0, options.users, BATCH):
            users = [{"email": f"person{n:07d}@example.org", "name": f"Ann Example {n:07d}"} for n in range(first, min(first + BATCH, options.users))]
            answer = call(stack.port, "POST", "/api/v1/users:batch", {"operations": [{"method": "create", "user": u} for u in users]}, stack.sessions[0][0])
            stack.users += [result["user"]["id"] for result in answer["results"]]
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def classic(folder, options, service, arguments, before=()):
    stack = Stack(folder, free_port())
    stack.take_seed(run([service, *arguments, "-seed", str(options.users), "-sessions", str(SESSIONS * (1 + options.rounds))]))
    process, _ = start(["taskset", "-c", "0", service, *arguments, "-listen", f"127.0.0.1:{stack.port}"], stack.port, "/livez")
    stack.roots, stack.command = [*before, process.pid], [service, *arguments, "-listen"]
    try:
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def postgres(folder, options, service):
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    # PostgreSQL refuses to run as root.
    identity = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
    cluster, sockets = folder / "postgres", folder / "sockets"
    for made in (cluster, sockets):
        made.mkdir()
        if identity:
            shutil.chown(made, "postgres")
    run([*identity, str(tools / "initdb"), "-D", str(cluster), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"], cwd="/")
    with open(cluster / "postgresql.conf", "a") as settings:
        settings.write(POSTGRES_SETTINGS.format(folder=sockets))
    database = subprocess.Popen([*identity, "taskset", "-c", "0", str(tools / "postgres"), "-D", str(cluster)], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cache = subprocess.Popen(["taskset", "-c", "0", "redis-server", "--save", "", "--appendonly", "no", "--port", "0", "--unixsocket", str(sockets / "redis"), "--dir", str(folder)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while subprocess.run([str(tools / "pg_isready"), "-q", "-h", str(sockets)]).returncode or not (sockets / "redis").exists():
            if time.monotonic() > deadline:
                raise SystemExit("PostgreSQL or Redis did not start")
            time.sleep(0.05)
        arguments = ["-postgres", f"host={sockets} user=postgres dbname=postgres", "-redis", str(sockets / "redis")]
        with classic(folder, options, service, arguments, (database.pid, cache.pid)) as stack:
            run([str(tools / "vacuumdb"), "-h", str(sockets), "-U", "postgres", "-q", "-a", "-z"])
            yield stack
    finally:
        cache.send_signal(signal.SIGTERM)
        database.send_signal(signal.SIGINT)
        cache.wait(30)
        database.wait(30)


def wrk(stack, script, arguments, seconds, connections=64):
    """Requests a second, the 99th percentile in ms, and processor microseconds of the whole stack for each."""
    before = stack.processor_time()
    out = run(["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", "-s", str(HERE / "peers" / script),
               f"http://127.0.0.1:{stack.port}", "--", *arguments])
    spent = stack.processor_time() - before
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    count = next(int(line.split()[0]) for line in out.splitlines() if "requests in" in line)
    slow = next(line.split()[1] for line in out.splitlines() if line.strip().startswith("99%"))
    unit = next(u for u in ("us", "ms", "s") if slow.endswith(u))
    rate = float(next(line.split()[1] for line in out.splitlines() if line.startswith("Requests/sec")))
    return rate, float(slow[: -len(unit)]) * {"us": 0.001, "ms": 1, "s": 1000}[unit], spent * 1e6 / count


def measure(work, stack, seconds):
    asked = stack.folder / "asked"
    if work == "me":
        asked.write_text("".join(f"/api/auth/me {access}\n" for access, _ in stack.sessions))
        return wrk(stack, "list.lua", [str(asked)], seconds)
    if work == "user":
        users = random.Random(7).sample(stack.users, min(ASKED_USERS, len(stack.users)))
        asked.write_text("".join(f"/api/v1/users/{user} {stack.sessions[0][0]}\n" for user in users))
        return wrk(stack, "list.lua", [str(asked)], seconds)
    if work == "create":
        return wrk(stack, "create.lua", [stack.sessions[0][0], str(time.monotonic_ns())], seconds)
    asked.write_text("".join(f"{refresh}\n" for refresh in stack.fresh_tokens()))
    return wrk(stack, "refresh.lua", [str(asked)], seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on the disk to be measured, where other users may look too")
    parser.add_argument("--userd", help="the executable, if not that of the release build")
    parser.add_argument("--only", default="me,user,refresh,create")
    parser.add_argument("--stacks", default="userd,sqlite,postgres")
    parser.add_argument("--json", type=Path, help="where to leave every figure")
    options = parser.parse_args()
    names, works = options.stacks.split(","), options.only.split(",")
    with tempfile.TemporaryDirectory(dir=options.folder) as name, contextlib.ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o711)
        service = str(folder / "classic")
        if names != ["userd"]:
            run([os.environ.get("GO", "go"), "build", "-tags", "libsqlite3", "-o", service, "."], cwd=HERE / "peers/classic",
                env=dict(os.environ, GO111MODULE="off", GOFLAGS="", GOTOOLCHAIN="local", GOPATH="/usr/share/gocode", GOCACHE=os.environ.get("GOCACHE", str(folder / "go")), HOME=name))
        stacks = {}
        for stack in names:
            place = folder / stack
            place.mkdir()
            place.chmod(0o711)
            made = {"userd": lambda: userd(place, options, options.userd or release("userd")),
                    "sqlite": lambda: classic(place, options, service, ["-sqlite", str(place / "rows.db")]),
                    "postgres": lambda: postgres(place, options, service)}[stack]()
            stacks[stack] = running.enter_context(made)
            print(f"{stack}: {len(stacks[stack].users)} users", file=sys.stderr)
        figures, cases = {}, [(work, stack) for work in works for stack in names]
        for number in range(options.rounds):
            for step in range(len(cases)):
                case = cases[(step + number) % len(cases)]
                figure = measure(case[0], stacks[case[1]], options.seconds)
                figures.setdefault(case, []).append(figure)
                print(f"round {number + 1}: {case[0]}, {case[1]}: {figure[0]:.0f}", file=sys.stderr)
        memory = {stack: stacks[stack].memory() for stack in names}
    report = {"figures": [{"work": work, "stack": stack, "rounds": rounds} for (work, stack), rounds in figures.items()], "memory": memory}
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print("\n\n".join(tables(report).values()))
    print("\nMemory at the end: " + ", ".join(f"{stack} {bytes_ / (1 << 20):.1f} MiB" for stack, bytes_ in memory.items()))


WORKS = {"me": "`/api/auth/me`, 128 sessions", "user": "`/api/v1/users/{id}`, 20,000 of them", "refresh": "refresh", "create": "create a user"}
STACKS = {"userd": "userd", "sqlite": "Gin + SQLite", "postgres": "Gin + PostgreSQL + Redis"}


def tables(report):
    rows, own = [], {}
    for line in report["figures"]:
        rates, slow, each = ([figure[n] for figure in line["rounds"]] for n in range(3))
        median, work = statistics.median(rates), line["work"]
        first = work not in own
        own.setdefault(work, median)
        rows.append([WORKS[work] if first else "", STACKS[line["stack"]], spread(rates), f"{own[work] / median:.1f}", f"{statistics.median(slow):.1f}", f"{statistics.median(each):.1f}"])
    rounds = len(report["figures"][0]["rounds"])
    return {"classic": table(["work", "stack", f"requests/s, median [lowest..highest] of {rounds}", "userd's, times", "p99 ms", "processor us each"], rows)}


if __name__ == "__main__":
    main()
