#!/usr/bin/env python3
"""What an operation on users costs with few and with many users, and what a user takes on disk.

usage: Benchmarks/users.py [--small N] [--large N] [--cache SIZE] [--rounds N] [--operations N] [--userd PATH] [--json FILE]

Needs a release build (swift build -c release). Both stores are filled by POST /api/v1/users:batch; then each operation is asked of both by turns, over one
connection that stays open, with the server on cpu 0 and this script on cpu 1. The cost is the server's own processor time for a request, the median of
the rounds with the lowest and highest in brackets; beside it stands the median time from request to answer, which for writes is mostly the disk's. The
ratio is that of the costs and must be at most 1.6; a user may take 900 bytes. Page 10,000 has 50 users and begins after 499,950; a smaller store gives
its last page. The size is that after a compaction. --cache is large enough for both stores; with less, what is read from disk is measured too. Exit 1 if a bound is missed. Standard library only."""
import argparse, http.client, json, os, random, statistics, sys, time
from pathlib import Path

from compare import release
from identity import LOGIN, Server

MAX_RATIO, MAX_USER_BYTES = 1.6, 900
BATCH, PAGE = 1000, 50
# The form of a hash that userd makes: what people bring along is of about that length.
HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "B" * 42 + "A"


class Store:
    """A server with so many users, and one connection to it."""

    def __init__(self, exe, count, cache):
        self.count, self.server = count, Server(exe, "--store-cache", cache)
        self.token = self.server.post("/api/auth/login", {"email": "a@example.org", "password": LOGIN})["token"]
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self.chance, self.made, self.ids = random.Random(7), 0, []
        began = time.monotonic()
        for start in range(0, count, BATCH):
            users = [self.user(number) for number in range(start, min(start + BATCH, count))]
            answer = self.ask("POST", "/api/v1/users:batch", {"operations": [{"method": "create", "user": user} for user in users]})
            if any(result["status"] != 201 for result in answer["results"]):
                raise SystemExit(f"a user was refused: {answer['results'][0]}")
            # Enough to choose from; a million identifiers are not needed for that.
            if count <= 20_000 or start % (count // 20) < BATCH:
                self.ids += [result["user"]["id"] for result in answer["results"]]
        self.seconds = time.monotonic() - began
        self.ask("POST", "/api/v1/admin/checkpoint")
        self.ask("POST", "/api/v1/admin/compact")
        while self.ask("GET", "/api/v1/admin/stats")["compaction"]["outcome"] == "running":
            time.sleep(0.1)
        self.bytes = os.stat(f"{self.server.folder.name}/db/main.udb").st_size
        self.cursor = self.page_cursor(min(10_000, count // PAGE))

    def user(self, number):
        return {"email": f"person{number:07d}@example.org", "name": f"Ann Example {number:07d}", "passwordHash": HASH}

    def ask(self, method, path, body=None):
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        raw = answer.read()
        if answer.status // 100 != 2:
            raise SystemExit(f"{method} {path}: {answer.status} {raw[:300]!r}")
        return json.loads(raw) if raw else None

    def page_cursor(self, number):
        """The cursor of a page, pages being counted from 1."""
        left, cursor = (number - 1) * PAGE, None
        while left:
            limit = min(200, left)
            page = self.ask("GET", f"/api/v1/users?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))["page"]
            left, cursor = left - limit, page["nextCursor"]
        return cursor

    # ---- operations ----

    def create(self):
        self.made += 1
        self.ask("POST", "/api/v1/users", self.user(9_000_000 + self.made))

    def get(self):
        self.ask("GET", "/api/v1/users/" + self.chance.choice(self.ids))

    def first_page(self):
        self.ask("GET", f"/api/v1/users?limit={PAGE}")

    def deep_page(self):
        self.ask("GET", f"/api/v1/users?limit={PAGE}" + (f"&cursor={self.cursor}" if self.cursor else ""))

    def hundred(self):
        """What a hundred users begin with, somewhere in the store."""
        return f"{self.chance.randrange(self.count // 100):05d}"

    def search_addresses(self):
        self.ask("GET", f"/api/v1/users?limit={PAGE}&q=PERSON{self.hundred()}")

    def search_names(self):
        self.ask("GET", f"/api/v1/users?limit={PAGE}&q=ann+example+{self.hundred()}")

    def update(self):
        self.ask("PATCH", "/api/v1/users/" + self.chance.choice(self.ids), {"metadata": {"seen": self.chance.randrange(1 << 30)}})


OPERATIONS = [
    ("create", Store.create), ("get", Store.get), ("list, page 1", Store.first_page), ("list, page 10,000", Store.deep_page),
    ("search by address", Store.search_addresses), ("search by name", Store.search_names), ("update", Store.update),
]


def processor_seconds(pid):
    """What the threads of a process have run so far: counted in ns, where the clock of /proc/PID/stat has ticks of 10 ms."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def measure(store, operation, count):
    """Processor time of the server and time to the answer for one operation, in us."""
    operation(store)
    before, times = processor_seconds(store.server.process.pid), []
    for _ in range(count):
        began = time.perf_counter()
        operation(store)
        times.append(time.perf_counter() - began)
    return (processor_seconds(store.server.process.pid) - before) * 1e6 / count, statistics.median(times) * 1e6


def spread(values):
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}..{max(values):,.0f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--cache", default="2G")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--userd", default=None)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {1 if os.cpu_count() > 1 else 0})
    exe, missed, report = options.userd or release("userd"), [], []
    stores = [Store(exe, count, options.cache) for count in (options.small, options.large)]
    try:
        print(f"| operation | {options.small:,} users: us | to the answer | {options.large:,} users: us | to the answer | ratio |\n|---|---|---|---|---|---|")
        for name, operation in OPERATIONS:
            costs, waits = ([], []), ([], [])
            for number in range(options.rounds):
                for which in ((0, 1) if number % 2 == 0 else (1, 0)):
                    cost, wait = measure(stores[which], operation, options.operations)
                    costs[which].append(cost)
                    waits[which].append(wait)
            small, large = statistics.median(costs[0]), statistics.median(costs[1])
            ratio = large / small if small else float("inf")
            print(f"| {name} | {spread(costs[0])} | {statistics.median(waits[0]):,.0f} | {spread(costs[1])} | {statistics.median(waits[1]):,.0f} | {ratio:.2f} |")
            report.append({"operation": name, "small": small, "large": large, "ratio": ratio})
            if ratio > MAX_RATIO:
                missed.append(f"{name} costs {ratio:.2f} times as much")
        for store in stores:
            each = store.bytes / store.count
            print(f"\n{store.count:,} users: {each:,.0f} bytes each on disk, loaded at {store.count / store.seconds:,.0f} a second")
            report.append({"users": store.count, "bytes": each, "perSecond": store.count / store.seconds})
        if stores[1].bytes / stores[1].count > MAX_USER_BYTES:
            missed.append(f"a user takes {stores[1].bytes / stores[1].count:,.0f} bytes")
    finally:
        for store in stores:
            store.server.__exit__()
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
