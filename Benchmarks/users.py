#!/usr/bin/env python3
"""What an operation on users costs with few and with many users, and what a user takes on disk.

usage: Benchmarks/users.py [--sizes N,N,...] [--cache SIZE] [--rounds N] [--operations N] [--userd PATH] [--folder DIR] [--json FILE]

Needs a release build (swift build -c release). All stores are filled by POST /api/v1/users:batch; then each operation is asked of all by turns, over one
connection each that stays open, with the servers on cpu 0 and this script on cpu 1. The cost is the server's own processor time for a request, the median of
the rounds with the lowest and highest in brackets; beside it stands the median time from request to answer, which for writes is mostly the disk's. The
ratio is that of the costs of the largest store and of the one of 100,000 users (or the smallest) and must be at most 1.6; a user may take 900 bytes. Page 10,000 has 50 users
and begins after 499,950; a smaller store gives its last page. The size is that after a compaction. --cache is large enough for all stores; with less, what is read from
disk is measured too. Ten million users take a quarter of an hour or more. Exit 1 if a bound is missed. Standard library only."""
import argparse, http.client, json, os, random, statistics, sys, time
from pathlib import Path

from compare import release
from identity import LOGIN, Server
from markdown import spread, table

MAX_RATIO, MAX_USER_BYTES, BASE = 1.6, 900, 100_000
BATCH, PAGE = 1000, 50
# The form of a hash that userd makes: what people bring along is of about that length.
HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "B" * 42 + "A"


class Store:
    """A server with so many users, and one connection to it."""

    def __init__(self, exe, count, cache, folder):
        self.count, self.server = count, Server(exe, "--store-cache", cache, folder=folder)
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
        print(f"{count:,} users after {self.seconds:.0f} s", file=sys.stderr)
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
        self.ask("POST", "/api/v1/users", self.user(50_000_000 + self.made))

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


def tables(report):
    """What one run says: costs, and what the users take on disk."""
    sizes = sorted({line["users"] for line in report["costs"]})
    base = BASE if BASE in sizes else sizes[0]
    headings = ["operation"] + [f"{size:,} users: us (to the answer)" for size in sizes] + [f"{sizes[-1]:,} beside {base:,}"]
    rows = []
    for name in dict.fromkeys(line["operation"] for line in report["costs"]):
        found = {line["users"]: line for line in report["costs"] if line["operation"] == name}
        cells = [f"{spread(found[size]['us'])} ({statistics.median(found[size]['toAnswer']):,.0f})" for size in sizes]
        rows.append([name, *cells, f"{ratio(found, sizes[-1], base):.2f}"])
    stores = [[f"{store['users']:,}", f"{store['bytes']:,.0f}", f"{store['perSecond']:,.0f}", f"{store['resident'] / (1 << 20):,.0f}"] for store in report["stores"]]
    return {"users": table(headings, rows), "users-disk": table(["users", "bytes each on disk", "loaded a second", "MiB resident at the end"], stores)}


def ratio(found, size, base):
    cost, least = (statistics.median(found[which]["us"]) for which in (size, base))
    return cost / least if least else float("inf")


def missed(report):
    sizes = sorted({line["users"] for line in report["costs"]})
    base = BASE if BASE in sizes else sizes[0]
    for name in dict.fromkeys(line["operation"] for line in report["costs"]):
        times = ratio({line["users"]: line for line in report["costs"] if line["operation"] == name}, sizes[-1], base)
        if times > MAX_RATIO:
            yield f"{name} costs {times:.2f} times as much"
    for store in report["stores"]:
        if store["users"] >= BASE and store["bytes"] > MAX_USER_BYTES:
            yield f"a user of {store['users']:,} takes {store['bytes']:,.0f} bytes"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--cache", default="2G")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--userd", default=None)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {1 if os.cpu_count() > 1 else 0})
    exe, stores, costs = options.userd or release("userd"), [], []
    try:
        for size in sorted(map(int, options.sizes.split(","))):
            stores.append(Store(exe, size, options.cache, options.folder))
        for name, operation in OPERATIONS:
            found = [([], []) for _ in stores]
            for number in range(options.rounds):
                for step in range(len(stores)):
                    which = (step + number) % len(stores)
                    for figures, value in zip(found[which], measure(stores[which], operation, options.operations)):
                        figures.append(value)
            costs += [{"operation": name, "users": store.count, "us": us, "toAnswer": waits} for store, (us, waits) in zip(stores, found)]
            print(f"{name}: " + ", ".join(spread(us) for us, _ in found), file=sys.stderr)
        report = {"costs": costs, "stores": [{"users": s.count, "bytes": s.bytes / s.count, "perSecond": s.count / s.seconds, "resident": s.server.resident()} for s in stores]}
    finally:
        for store in stores:
            store.server.__exit__()
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print("\n\n".join(tables(report).values()))
    complaints = list(missed(report))
    for line in complaints:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
