#!/usr/bin/env python3
"""Counts the allocations of userd for one request, exactly, and holds them against Benchmarks/allocations.txt: a counter is linked in front of malloc.

usage: Benchmarks/allocations.py [--requests N] [--write] [--json FILE]

Needs a release build (swift build -c release --product userd) and gcc. The objects of that build are linked once more, into .build/counted, as the build's own manifest
links them. What is counted is the process as a whole, its log and its checkpoints included, over N requests on one connection after as many to warm up; a share of less
than half an allocation is theirs. A request fails that allocates more often than it may. Standard library only."""
import argparse, http.client, json, math, mmap, signal, socket, struct, subprocess, sys, tempfile, time
from pathlib import Path

from markdown import table

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / ".build"
ALLOWED = HERE / "allocations.txt"
PASSWORD = "correct horse battery 7"
SLACK = 0.5


def build():
    """A copy of the executable that counts."""
    counter, copy = BUILD / "counted-malloc.o", BUILD / "counted/userd"
    copy.parent.mkdir(exist_ok=True)
    subprocess.run(["gcc", "-O2", "-c", str(HERE / "counted-malloc.c"), "-o", str(counter)], check=True)
    links = [json.loads(line.split("args:", 1)[1]) for line in open(BUILD / "release.yaml") if "args:" in line and '"-emit-executable"' in line]
    link = next((args for args in links if args[args.index("-o") + 1].endswith("/release/userd")), None)
    if link is None:
        raise SystemExit("the manifest of the release build does not link userd: swift build -c release --product userd")
    link[link.index("-o") + 1] = str(copy)
    wraps = [w for name in ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign") for w in ("-Xlinker", f"--wrap={name}")]
    subprocess.run([*link, *wraps, "-Xlinker", str(counter)], check=True, cwd=HERE.parent)
    return str(copy)


def allowed():
    """The most that a request may allocate, by name; lines that begin with # are passed over."""
    rows = [line.rsplit(None, 1) for line in ALLOWED.read_text().splitlines() if line and not line.startswith("#")]
    return {name: int(count) for name, count in rows}


class Client:
    """One connection to a counted server, its administrator's tokens, and requests by name."""

    def __init__(self, port, process):
        self.connection, self.made, self.token, self.id = http.client.HTTPConnection("127.0.0.1", port, timeout=10), 0, None, None
        while True:
            try:
                self.connection.connect()
                return
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("userd ended")
                time.sleep(0.01)

    def log_in(self):
        answer = self.ask("POST", "/api/auth/login", {"email": "a@example.org", "password": PASSWORD})
        self.token, self.fresh, self.id = answer["token"], answer["refreshToken"], answer["user"]["id"]
        users = [{"method": "create", "user": {"email": f"p{n}@example.org", "name": "Ann Example"}} for n in range(500)]
        self.ask("POST", "/api/v1/users:batch", {"operations": users})

    def ask(self, method, path, body=None, authorized=True):
        headers = {"Content-Type": "application/json"} if body else {}
        if self.token and authorized:
            headers["Authorization"] = "Bearer " + self.token
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        raw = answer.read()
        if answer.status // 100 != 2 and path != "/none":
            raise SystemExit(f"{method} {path}: {answer.status} {raw[:200]!r}")
        return json.loads(raw) if raw.startswith(b"{") else None

    def create(self):
        self.made += 1
        self.ask("POST", "/api/v1/users", {"email": f"q{self.made:06d}@example.org", "name": "Somebody"})

    def update(self):
        self.made += 1
        self.ask("PATCH", f"/api/v1/users/{self.id}", {"metadata": {"seen": self.made}})

    def refresh(self):
        self.fresh = self.ask("POST", "/api/auth/refresh", {"refreshToken": self.fresh}, authorized=False)["refreshToken"]


REQUESTS = {
    "GET /livez": lambda c: c.ask("GET", "/livez", authorized=False),
    "GET /api/auth/me": lambda c: c.ask("GET", "/api/auth/me"),
    "GET /api/v1/users/{id}": lambda c: c.ask("GET", f"/api/v1/users/{c.id}"),
    "GET /api/v1/users?limit=20": lambda c: c.ask("GET", "/api/v1/users?limit=20"),
    "GET /none": lambda c: c.ask("GET", "/none"),
    "POST /api/auth/refresh": Client.refresh,
    "POST /api/v1/users": Client.create,
    "PATCH /api/v1/users/{id}": Client.update,
}


def measure(exe, requests):
    with tempfile.TemporaryDirectory(dir=BUILD) as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port, counter, data = probe.getsockname()[1], Path(folder, "count"), f"{folder}/db"
        probe.close()
        counter.write_bytes(bytes(8))
        subprocess.run([exe, "admin", "user", "create", "--data", data, "--role", "admin", "--email", "a@example.org", "--name", "A", "--password-stdin"],
                       input=PASSWORD + "\n", text=True, env={}, check=True, stdout=subprocess.DEVNULL)
        process = subprocess.Popen([exe, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--threads", "1", "--log-level", "warn",
                                    "--throttle-enabled", "false", "--hash-memory", "128K", "--hash-time", "1"], env={"COUNTED_ALLOCATIONS": str(counter)})
        with open(counter, "r+b") as file:
            count = mmap.mmap(file.fileno(), 8)
        client = Client(port, process)
        client.log_in()

        def now():
            return struct.unpack("Q", count[:8])[0]

        if now() == 0:
            raise SystemExit("nothing was counted: the counter is not linked in")
        for name, call in REQUESTS.items():
            for _ in range(requests):
                call(client)
            before = now()
            for _ in range(requests):
                call(client)
            yield name, (now() - before) / requests
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def tables(report):
    return {"allocations": table(["request", "allocations for each", "allowed"], [[f"`{line['request']}`", f"{line['each']:.2f}", line["allowed"]] for line in report])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--write", action="store_true", help="make what is counted what is allowed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found, bounds = dict(measure(build(), options.requests)), allowed()
    over = [name for name, count in found.items() if count > bounds.get(name, 0) + SLACK]
    report = [{"request": name, "each": count, "allowed": bounds.get(name, 0)} for name, count in found.items()]
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(tables(report)["allocations"])
    if options.write:
        comments = [line for line in ALLOWED.read_text().splitlines() if line.startswith("#")]
        ALLOWED.write_text("\n".join(comments + [f"{name:28} {math.ceil(count - 0.1 if count < 1 else count + 0.2)}" for name, count in found.items()]) + "\n")
    elif over:
        print("allocates more often than it may: " + ", ".join(over), file=sys.stderr)
    sys.exit(1 if over and not options.write else 0)


if __name__ == "__main__":
    main()
