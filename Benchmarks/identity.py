#!/usr/bin/env python3
"""Logins beside libargon2, refreshes and new accounts that are durable, memory under a flood of logins, and equal times for known and unknown addresses.

usage: Benchmarks/identity.py [--short] [--rounds N] [--seconds S] [--userd PATH] [--only logins,refresh,create,equal,flood] [--json FILE]

Needs a release build (swift build -c release) and, from Debian: gcc libargon2-1 wrk. The server runs on cpu 0 and its clients on cpu 1. Rounds of logins
and of the peer are interleaved; medians stand with the lowest and highest round in brackets. "equal" asks in pairs, known and unknown by turns, and
gives the ratio of the medians with the interval that 95 of 100 resamplings fall into. --short is for every day. Standard library only."""
import argparse, base64, http.client, json, os, random, signal, statistics, tempfile, threading, time
from pathlib import Path

from compare import HERE, ROOT, call, free_port, processor_time, release, run, start
from markdown import spread, table

WORKER_BYTES, SLACK_BYTES = 19 << 20, 16 << 20
PEER_HASH = ("19456", "2")
LOGIN = "correct horse battery"


class Server:
    """userd on cpu 0 (or others) with an administrator, on a folder of its own."""

    def __init__(self, exe, *flags, folder=None, cpus="0", threads=1):
        self.folder = tempfile.TemporaryDirectory(dir=folder or (ROOT / ".build" if (ROOT / ".build").exists() else None))
        data, self.port = f"{self.folder.name}/db", free_port()
        run([exe, "admin", "user", "create", "--data", data, "--role", "admin", "--email", "a@example.org", "--name", "A", "--password-stdin"], input=LOGIN + "\n")
        self.process, _ = start(["taskset", "-c", cpus, exe, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}", "--threads", str(threads), "--log-level", "error",
                                 "--throttle-enabled", "false", "--auth-access-ttl", "1h", "--auth-max-sessions", "10", *flags], self.port, "/livez")

    def post(self, path, body, token=None):
        return call(self.port, "POST", path, body, token)

    def resident(self):
        return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{self.process.pid}/status") if line.startswith("VmRSS"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        self.folder.cleanup()


def wrk(server, script, path, threads, connections, seconds, *arguments, expects=None):
    """What wrk counted, and the processor time of the server for each request in us."""
    before = sum(processor_time(server.process.pid))
    out = run(["taskset", "-c", "1", "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(HERE / "peers" / script),
               f"http://127.0.0.1:{server.port}{path}", "--", *arguments])
    if "Socket errors" in out or ("Non-2xx" in out) != (expects == "refusals"):
        raise SystemExit(out)
    count = next(int(line.split()[0]) for line in out.splitlines() if "requests in" in line)
    rate = float(next(line.split()[1] for line in out.splitlines() if line.startswith("Requests/sec")))
    return rate, (sum(processor_time(server.process.pid)) - before) * 1e6 / max(1, count)


# ---- logins, refreshes, accounts ----


def logins(options):
    peer = str(Path(options.folder) / "argon2")
    run(["gcc", "-O2", "-o", peer, str(HERE / "peers/argon2.c"), "-l:libargon2.so.1"])
    ours, cost, theirs = [], [], []
    with Server(options.userd, "--hash-workers", "1") as server:
        for _ in range(options.rounds):
            theirs.append(float(run(["taskset", "-c", "0", peer, *PEER_HASH, str(options.seconds)])))
            rate, each = wrk(server, "login.lua", "/api/auth/login", 1, 4, options.seconds, "known")
            ours.append(rate)
            cost.append(1e6 / each)
    ratio = statistics.median(ours) / statistics.median(theirs)
    yield "logins/s, one core, durable, over HTTP", "userd", spread(ours, 1), f"{ratio:.2f} x libargon2"
    yield "logins in a second of the server's processor time", "userd", spread(cost, 1), f"{statistics.median(cost) / statistics.median(theirs):.2f} x libargon2"
    yield "hashes/s, one core, from C", "libargon2", spread(theirs, 1), "1.00"


def refresh(options):
    with Server(options.userd) as server:
        rates, costs = [], []
        for _ in range(options.rounds):
            tokens = [server.post("/api/auth/register", {"email": f"r{os.urandom(6).hex()}@example.org", "password": LOGIN, "name": "R"})["refreshToken"] for _ in range(128)]
            path = Path(options.folder) / "tokens"
            path.write_text("\n".join(tokens) + "\n")
            rate, each = wrk(server, "refresh.lua", "/api/auth/refresh", 1, 64, options.seconds, str(path))
            rates.append(rate)
            costs.append(each)
    yield "refreshes/s, durable, 64 connections, 128 sessions", "userd", spread(rates), f"{statistics.median(costs):.1f} us of processor time each"


def create(options):
    for connections in (1, 64):
        with Server(options.userd) as server:
            token = server.post("/api/auth/login", {"email": "a@example.org", "password": LOGIN})["token"]
            measured = [wrk(server, "create.lua", "/api/v1/users", 1, connections, options.seconds, token, str(n)) for n in range(options.rounds)]
        yield (f"accounts made/s, durable, {connections} connection{'s' if connections > 1 else ''}", "userd", spread([rate for rate, _ in measured]),
               f"{statistics.median(each for _, each in measured):.1f} us of processor time each")


# ---- known and unknown ----


def timed(connection, path, body):
    data = json.dumps(body)
    began = time.perf_counter()
    connection.request("POST", path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return (time.perf_counter() - began) * 1000, answer.status


def ratio_interval(known, unknown, chance):
    def draw():
        pick = chance.choices(range(len(known)), k=len(known))
        return statistics.median(known[n] for n in pick) / statistics.median(unknown[n] for n in pick)

    drawn = sorted(draw() for _ in range(400))
    return drawn[10], drawn[389]


def pairs_of(server, options, chance, what, path, body, statuses):
    """One row: `body` of somebody known and of nobody by turns."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.connect()
    times = {True: [], False: []}
    for n in range(options.pairs):
        for is_known in chance.sample([True, False], 2):
            took, status = timed(connection, path, body(is_known, n))
            if status not in statuses:
                raise SystemExit(f"{what}: {'known' if is_known else 'unknown'} is answered {status}, not {statuses}")
            times[is_known].append(took)
    connection.close()
    known, unknown = times[True], times[False]
    low, high = ratio_interval(known, unknown, chance)
    return (f"ms of an answer to {what} ({'/'.join(map(str, statuses))}), medians of {options.pairs} pairs", "known, unknown",
            f"{statistics.median(known):.3f}, {statistics.median(unknown):.3f}", f"ratio {statistics.median(known) / statistics.median(unknown):.3f} [{low:.3f}..{high:.3f}]")


def equal(options):
    """Somebody known is the administrator; the tokens of `reset` are one that was used and ones that nobody made."""
    chance = random.Random(options.seed)
    address = lambda is_known: "a@example.org" if is_known else "z@example.org"
    forgot = lambda is_known, n: {"email": address(is_known)}
    register = lambda is_known, n: {"email": address(is_known), "password": LOGIN, "name": "A"}
    with Server(options.userd, "--hash-workers", "1") as server:
        row = lambda *arguments: pairs_of(server, options, chance, *arguments)
        login = server.post("/api/auth/login", {"email": "a@example.org", "password": LOGIN})
        link = server.post(f"/api/v1/users/{login['user']['id']}/reset-link", None, login["token"])
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        if timed(connection, "/api/auth/password/reset", {"token": link["code"], "newPassword": LOGIN})[1] != 204:
            raise SystemExit("the reset link does not work")
        stranger = lambda: "upr1_" + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        yield row("login with a wrong password", "/api/auth/login", lambda is_known, n: {"email": address(is_known), "password": f"wrong horse {n}"}, [401])
        yield row("forgot, without a channel", "/api/auth/password/forgot", forgot, [202])
        yield row("register, refused for its password", "/api/auth/register", lambda is_known, n: {**register(is_known, n), "password": "short"}, [422])
        yield row("reset with a token that was used, or that nobody made", "/api/auth/password/reset",
                  lambda is_known, n: {"token": link["code"] if is_known else stranger(), "newPassword": f"some long new password {n}"}, [410])
    with Server(options.userd, "--auth-registration", "closed", "--delivery-channel", "command", "--delivery-command", "/bin/true") as server:
        row = lambda *arguments: pairs_of(server, options, chance, *arguments)
        yield row("forgot, with messages that leave", "/api/auth/password/forgot", forgot, [202])
        yield row("register, closed", "/api/auth/register", register, [403])


# ---- a flood ----


class Prober(threading.Thread):
    """Asks for one path at a fixed rate over a connection that stays open; each request is due at its own moment and timed from then."""

    def __init__(self, port, path, token, rate):
        super().__init__(daemon=True)
        self.port, self.path, self.rate, self.took, self.failed, self.over = port, path, rate, [], 0, threading.Event()
        self.headers = {"Authorization": "Bearer " + token} if token else {}

    def run(self):
        connection, due = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), time.perf_counter()
        while not self.over.is_set():
            due += 1 / self.rate
            time.sleep(max(0, due - time.perf_counter()))
            try:
                connection.request("GET", self.path, headers=self.headers)
                answer = connection.getresponse()
                answer.read()
                self.failed += answer.status != 200
            except (OSError, http.client.HTTPException):
                self.failed += 1
                connection.close()
            self.took.append((time.perf_counter() - due) * 1000)

    def percentile(self, share):
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * share))]


def flood(options):
    """A thousand connections that log in as nobody; two probers beside them."""
    workers, cache = 2, 64 << 20
    with Server(options.userd, "--hash-workers", str(workers), "--store-cache", str(cache)) as server:
        token = server.post("/api/auth/login", {"email": "a@example.org", "password": LOGIN})["token"]
        idle = server.resident()
        probers = [Prober(server.port, "/livez", None, 20), Prober(server.port, "/api/auth/me", token, 20)]
        for prober in probers:
            prober.start()
        peak, over = [idle], threading.Event()

        def watch():
            while not over.wait(0.05):
                peak.append(server.resident())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        rate, _ = wrk(server, "login.lua", "/api/auth/login", 2, options.connections, options.flood_seconds, "unknown", expects="refusals")
        over.set()
        for prober in probers:
            prober.over.set()
            prober.join()
    bound = cache + workers * WORKER_BYTES + SLACK_BYTES
    yield (f"MiB resident under {options.connections:,} connections that log in, the most", "userd", f"{max(peak) / 2**20:.1f}",
           f"{idle / 2**20:.1f} before; bound {bound / 2**20:.0f} = cache {cache >> 20} + {workers} x 19 + 16")
    yield "answers/s to them (401, and 503 beyond the queue)", "userd", f"{rate:,.0f}", ""
    for prober in probers:
        yield (f"ms of `{prober.path}` beside them, p50, p99", "userd", f"{prober.percentile(0.5):.2f}, {prober.percentile(0.99):.2f}",
               f"{len(prober.took)} requests, {prober.failed} failed")


PARTS = {"logins": logins, "refresh": refresh, "create": create, "equal": equal, "flood": flood}


def tables(rows):
    return {"identity": table(["work", "contender", "median [lowest..highest]", "beside"], rows)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--userd", default=None)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json")
    options = parser.parse_args()
    options.userd = str(Path(options.userd).resolve()) if options.userd else release("userd")
    options.rounds = options.rounds or (1 if options.short else 5)
    options.seconds = options.seconds or (1 if options.short else 5)
    options.pairs = 40 if options.short else 500
    options.flood_seconds = 3 if options.short else 20
    options.connections = 1000
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        options.folder = folder
        print(tables([])["identity"])
        for part in options.only.split(","):
            for row in PARTS[part](options):
                rows.append(row)
                print("| " + " | ".join(row) + " |", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
