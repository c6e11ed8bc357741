#!/usr/bin/env python3
"""Measures what seeing inside costs: a checked request with metrics, access log and traces on, beside the same with all of them off.

usage: Benchmarks/seeing.py [--rounds N] [--seconds S] [--folder DIR] [--json FILE]

Needs a release build (swift build -c release) and, from Debian, wrk. Two servers stand beside each other with one account each; rounds are interleaved, and each
round asks both, in an order that alternates. "on" is: metrics scraped each second where the server has them, each request a line of the log in a file, one request of a hundred
traced and posted to a collector on this machine, which is this script. "off" is: no scrape, log.level warn, no collector. The server runs on cpu 0; wrk, the collector
and the scraper on cpu 1, so that what they take is not the server's. Prints a Markdown table for docs/performance.md: medians, with the lowest and highest round in brackets.
Standard library only."""
import argparse, http.client, json, os, statistics, subprocess, sys, tempfile, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from compare import PASSWORD, ROOT, call, free_port, processor_time, release, run, start, stopped_at_the_end

LEAST_SHARE = 0.95


class Collector(ThreadingHTTPServer):
    """Takes spans and counts bytes and posts."""
    daemon_threads = True

    def __init__(self):
        self.posts = self.bytes = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.bytes += len(self.rfile.read(int(self.headers["Content-Length"])))
                outer.posts += 1
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def serve(folder, name, flags, log):
    """A server with one administrator; its port, process and an access token."""
    port, data = free_port(), folder / name
    run([release("userd"), "admin", "user", "create", "--data", str(data), "--role", "admin", "--email", "a@example.org", "--name", "A", "--password-stdin"], input=PASSWORD + "\n")
    argv = ["taskset", "-c", "0", release("userd"), "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}", "--threads", "1", "--throttle-enabled", "false",
            "--auth-access-ttl", "1h", "--log-format", "json", *flags]
    process, _ = start(argv, port, "/livez", output=log or subprocess.DEVNULL)
    token = call(port, "POST", "/api/auth/login", {"email": "a@example.org", "password": PASSWORD})["token"]
    return port, process, token


def scrape(port, stop, counts):
    """Asks for the metrics each second while they are there."""
    while not stop.wait(1):
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", "/metrics")
            answer = c.getresponse()
            size = len(answer.read())
            c.close()
        except OSError:
            continue
        if answer.status == 200:
            counts.append(size)


def measure(server, seconds):
    """Requests a second, 99th percentile in microseconds, and user and system microseconds of the server for each request."""
    port, process, token = server
    before = processor_time(process.pid)
    out = run(["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}/api/auth/me"])
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    words = [line.split() for line in out.splitlines()]
    count = next(int(w[0]) for w in words if w[1:3] == ["requests", "in"])
    rate = next(float(w[1]) for w in words if w[:1] == ["Requests/sec:"])
    tail = next(w[1] for w in words if w[:1] == ["99%"])
    unit = next(unit for unit in ("us", "ms", "s") if tail.endswith(unit))
    user, system = ((now - then) * 1e6 / count for now, then in zip(processor_time(process.pid), before))
    return rate, float(tail.removesuffix(unit)) * {"us": 1, "ms": 1e3, "s": 1e6}[unit], user, system


def metrics_flags():
    """Where metrics are served, if this build knows the setting; the port with it."""
    keys = {entry["key"] for entry in json.loads(run([release("userd"), "config", "keys", "--json"]))}
    port = free_port()
    return (port, ["--metrics-listen", f"127.0.0.1:{port}"]) if "metrics.listen" in keys else (None, [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=ROOT / ".build/bench", help="on the disk to be measured; the log is written there")
    parser.add_argument("--json", type=Path, help="where to leave every figure")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {1})
    collector, figures, scraped = Collector(), {"off": [], "on": []}, []
    metrics_port, metrics = metrics_flags()
    with tempfile.TemporaryDirectory(dir=options.folder) as name, stopped_at_the_end() as running:
        folder = Path(name)
        seeing = ["--log-level", "info", "--trace-otlp-url", f"http://127.0.0.1:{collector.server_address[1]}/v1/traces", "--trace-sample", "0.01", *metrics]
        with open(folder / "log", "wb") as log:
            servers = {"off": serve(folder, "off", ["--log-level", "warn"], None), "on": serve(folder, "on", seeing, log)}
        running += [server[1] for server in servers.values()]
        for number in range(options.rounds + 1):
            for which in ("off", "on") if number % 2 else ("on", "off"):
                stop, counts = threading.Event(), []
                # What is on is on while it is measured: the other server is idle then.
                if which == "on" and metrics_port:
                    thread = threading.Thread(target=scrape, args=(metrics_port, stop, counts))
                    thread.start()
                found = measure(servers[which], options.seconds)
                stop.set()
                if which == "on" and metrics_port:
                    thread.join()
                # The first round warms up.
                if number:
                    figures[which].append(found)
                    scraped += counts
                print(f"round {number}: {which}: {found[0]:.0f}/s, p99 {found[1]:.0f} us, {found[2]:.2f} us user, {found[3]:.2f} us system", file=sys.stderr)
        lines = (folder / "log").stat().st_size
    share = [on[0] / off[0] for on, off in zip(figures["on"], figures["off"])]
    if options.json:
        options.json.write_text(json.dumps({**figures, "scrapes": scraped, "posts": collector.posts, "postedBytes": collector.bytes, "logBytes": lines}, indent=1) + "\n")
    print("| `GET /api/auth/me`, 64 connections, one core | requests/s, median [lowest..highest] of %d | p99, us | user, system us each |\n|---|---|---|---|" % options.rounds)
    for which, label in (("off", "everything off"), ("on", "everything on")):
        rates, tails = [f[0] for f in figures[which]], [f[1] for f in figures[which]]
        each = ", ".join(f"{statistics.median(f[n] for f in figures[which]):.2f}" for n in (2, 3))
        print(f"| {label} | {statistics.median(rates):,.0f} [{min(rates):,.0f}..{max(rates):,.0f}] | {statistics.median(tails):,.0f} [{min(tails):,.0f}..{max(tails):,.0f}] | {each} |")
    verdict = statistics.median(share)
    print(f"\non beside off: {verdict:.3f} [{min(share):.3f}..{max(share):.3f}] of the requests, round by round; {len(scraped)} scrapes, {collector.posts} posts of spans, {lines / 1e6:.0f} MB of log")
    if not metrics_port:
        print("this build has no metrics.listen: nothing was scraped")
    sys.exit(0 if verdict >= LEAST_SHARE else 1)


if __name__ == "__main__":
    main()
