#!/usr/bin/env python3
"""Crowds: ten thousand silent connections beside a thousand active ones, and clients that mean harm beside honest ones.

usage: Benchmarks/crowd.py [--short] [--idle N] [--active N] [--rate R] [--hostile N] [--seconds S] [--userd PATH] [--json FILE]

Needs a release build (swift build -c release). The server has one loop on cpu 0, all clients share cpu 1. Prints two Markdown tables and exits 1 if
a request failed, a connection was lost, an idle one costs more than 32 KiB, or a hostile one was not ended when its time was up. --short is for
every day: a tenth of the crowd, and no judgement on latencies. Standard library only."""
import argparse, contextlib, json, os, resource, select, signal, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IDLE_TIMEOUT = 12  # of the server for the hostile part, in seconds
SLACK = 3.0  # how late an end may be: the clients share a processor
MAX_BYTES_PER_IDLE = 32 * 1024


def raise_descriptor_limit(wanted):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, hard), max(wanted, hard)))
        return
    if hard < wanted:
        raise SystemExit(f"the limit of open files is {hard}; {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pinned(cpu, argv):
    return ["taskset", "-c", str(cpu), *argv] if (os.cpu_count() or 1) > 1 else argv


class Server:
    def __init__(self, exe, *flags):
        self.folder = tempfile.TemporaryDirectory(dir=ROOT / ".build")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen(pinned(0, [exe, "serve", "--data", f"{self.folder.name}/db", "--listen", f"127.0.0.1:{self.port}", "--threads", "1",
                                                   "--throttle-enabled", "false", "--log-level", "warn", *flags]), stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("userd did not start")
            time.sleep(0.01)

    def resident(self):
        return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{self.process.pid}/status") if line.startswith("VmRSS"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.folder.cleanup()


def crowd(server, idle, active, rate, seconds):
    """What userd-bench says, with the growth of the server by the idle ones."""
    bench = str(ROOT / ".build/release/userd-bench")
    before = server.resident()
    process = subprocess.Popen(pinned(1, [bench, "crowd", "--port", str(server.port), "--idle", str(idle), "--active", str(active), "--rate", str(rate),
                                          "--seconds", str(seconds)]), stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    after = server.resident()
    line = process.stdout.readline()
    if process.wait():
        raise SystemExit(f"userd-bench crowd: exit {process.returncode}")
    return dict(json.loads(line), idleBytes=(after - before) / idle if idle else 0, residentBytes=after)


# ---- hostile clients ----


class Hostile:
    """Some clients of one kind. They begin together; each remembers what it was told and when its connection ended."""

    def __init__(self, name, limit, begin, again=None, told=b"", reads=True, ends=False, small=False):
        self.name, self.limit, self.begin, self.again, self.told, self.reads, self.ends, self.small = name, limit, begin, again, told, reads, ends, small
        self.sockets, self.heard, self.ended = {}, {}, {}

    def open(self, port, count, epoll, owners):
        for _ in range(count):
            s = socket.socket()
            if self.small:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", port))
            s.setblocking(False)
            self.sockets[s.fileno()], self.heard[s.fileno()] = s, b""
            owners[s.fileno()] = self
            epoll.register(s.fileno(), (select.EPOLLIN if self.reads else 0) | select.EPOLLRDHUP)
            self.send(s, self.begin)
            if self.ends:
                s.shutdown(socket.SHUT_WR)

    def send(self, s, data):
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while data:
                data = data[s.send(data):]

    def event(self, fd, event, now):
        """True once the connection has ended."""
        s = self.sockets[fd]
        if self.reads:
            with contextlib.suppress(BlockingIOError):
                try:
                    while chunk := s.recv(65536):
                        self.heard[fd] += chunk
                except ConnectionResetError:
                    pass
                self.ended[fd] = now
                return True
        elif event & (select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP):
            self.ended[fd] = now
            return True
        return False

    def report(self, began):
        times = sorted(t - began for t in self.ended.values())
        wrong = sum(not h.startswith(self.told) for h in self.heard.values()) if self.reads else 0
        missing = len(self.sockets) - len(times)
        in_time = not missing and self.limit - 0.3 <= times[0] and times[-1] <= self.limit + SLACK
        return {"name": self.name, "count": len(self.sockets), "limit": self.limit, "first": times[0] if times else None, "last": times[-1] if times else None,
                "open": missing, "wrong": wrong, "good": in_time and not wrong}


def hostile_kinds():
    get = b"GET / HTTP/1.1\r\nHost: a\r\n"
    post = b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    chunked = b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n"
    return [
        Hostile("a header byte a second", 5, get, b"X", b"HTTP/1.1 408 "),
        Hostile("a body byte a second", 10, post, b" ", b"HTTP/1.1 408 "),
        Hostile("a byte of a chunk a second", 10, chunked, b" ", b"HTTP/1.1 408 "),
        Hostile("connected, never a word", 5, b""),
        Hostile("one request, then gone without a word", IDLE_TIMEOUT, get + b"\r\n", None, b"HTTP/1.1 200 "),
        Hostile("asks and never reads", 30, (get + b"\r\n") * 4000, reads=False, small=True),
        Hostile("half closed behind a request", 0, get + b"\r\n", None, b"HTTP/1.1 200 ", ends=True),
        Hostile("half closed inside a request", 0, get, None, b"HTTP/1.1 400 ", ends=True),
    ]


def harass(port, count, reports):
    """Plays all kinds at once until the last of them should be gone."""
    kinds, epoll, owners = hostile_kinds(), select.epoll(), {}
    began = {}
    for kind in kinds:
        began[kind] = time.monotonic()
        kind.open(port, count, epoll, owners)
    end, tick = time.monotonic() + max(k.limit for k in kinds) + SLACK + 1, time.monotonic() + 1
    while owners and time.monotonic() < end:
        for fd, event in epoll.poll(0.05):
            if owners[fd].event(fd, event, time.monotonic()):
                epoll.unregister(fd)
                del owners[fd]
        if time.monotonic() >= tick:
            tick += 1
            for fd, kind in owners.items():
                if kind.again:
                    kind.send(kind.sockets[fd], kind.again)
    reports += [kind.report(began[kind]) for kind in kinds]
    for kind in kinds:
        for s in kind.sockets.values():
            s.close()


# ---- the two parts ----


def milliseconds(figures, key):
    return f"{figures[key] / 1000:.2f}"


def idle_part(options):
    results = []
    for idle in (0, options.idle):
        with Server(options.userd) as server:
            results.append(crowd(server, idle, options.active, options.rate, options.seconds))
    print(f"| connections | requests/s | errors, lost | p50 ms | p99 ms | p99.9 ms | slowest ms | resident MiB | KiB for each idle one |\n{'|---' * 9}|")
    for r in results:
        print(f"| {r['idle']:,} idle, {r['active']:,} active | {r['ratePerSecond']:,} | {r['errors']}, {r['idleLost']} | {milliseconds(r, 'p50us')} | {milliseconds(r, 'p99us')} "
              f"| {milliseconds(r, 'p999us')} | {milliseconds(r, 'maxUs')} | {r['residentBytes'] / 2**20:.1f} | {r['idleBytes'] / 1024:.1f} |")
    good = all(r["errors"] == 0 and r["idleLost"] == 0 and r["idleBytes"] <= MAX_BYTES_PER_IDLE for r in results)
    return results, good and (options.short or results[1]["p99us"] < 50_000)


def hostile_part(options):
    kinds, results, seconds = [], [], 35
    for with_hostile in (False, True):
        with Server(options.userd, "--http-idle-timeout", f"{IDLE_TIMEOUT}s") as server:
            thread = threading.Thread(target=harass, args=(server.port, options.hostile, kinds)) if with_hostile else None
            if thread:
                thread.start()
            results.append(crowd(server, 0, options.active, options.rate, seconds if with_hostile else min(seconds, 2 * options.seconds)))
            if thread:
                thread.join()
    print(f"\n| hostile clients | how many | must be ended after | were ended after | answered as they should be |\n{'|---' * 5}|")
    for k in kinds:
        ended = f"{k['first']:.1f} to {k['last']:.1f} s" if k["first"] is not None else "never"
        ended += f", {k['open']} never" if k["open"] else ""
        print(f"| {k['name']} | {k['count']} | {k['limit']} s | {ended} | {'yes' if not k['wrong'] else str(k['wrong']) + ' were not'} |")
    print(f"\n| the honest ones | requests/s | errors | p50 ms | p99 ms | p99.9 ms | slowest ms |\n{'|---' * 7}|")
    for what, r in zip(("alone", f"beside {sum(k['count'] for k in kinds):,} hostile ones"), results):
        print(f"| {what} | {r['ratePerSecond']:,} | {r['errors']} | {milliseconds(r, 'p50us')} | {milliseconds(r, 'p99us')} | {milliseconds(r, 'p999us')} | {milliseconds(r, 'maxUs')} |")
    return {"kinds": kinds, "honest": results}, all(k["good"] for k in kinds) and all(r["errors"] == 0 for r in results)


def main():
    # userd refuses variables of its kind that it does not know, and the seed of a run of all tests is one.
    os.environ.pop("USERD_SEED", None)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--idle", type=int)
    parser.add_argument("--active", type=int)
    parser.add_argument("--rate", type=int)
    parser.add_argument("--hostile", type=int, help="of each kind")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--userd", default=str(ROOT / ".build/release/userd"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    defaults = {"idle": 1000, "active": 100, "rate": 2000, "hostile": 20, "seconds": 2} if options.short else {"idle": 10_000, "active": 1000, "rate": 20_000, "hostile": 200, "seconds": 10}
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    raise_descriptor_limit(options.idle + options.active + 10 * options.hostile + 1000)
    idle, idle_good = idle_part(options)
    hostile, hostile_good = hostile_part(options)
    if options.json:
        options.json.write_text(json.dumps({"idle": idle, "hostile": hostile}, indent=1) + "\n")
    if not (idle_good and hostile_good):
        print("crowd.py: something above is not as it must be", file=sys.stderr)
    sys.exit(0 if idle_good and hostile_good else 1)


if __name__ == "__main__":
    main()
