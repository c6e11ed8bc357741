#!/usr/bin/env python3
"""Measures userd beside its peers in one run and prints a Markdown table for docs/performance.md.

usage: Benchmarks/compare.py [--rounds N] [--seconds S] [--folder DIR] [--only commits,http]

Needs a release build (swift build -c release) and, from Debian: gcc liblmdb-dev libsqlite3-dev nginx-light wrk.
Rounds are interleaved: every contender runs once in each round, in an order that rotates, so that a noisy minute falls on all alike.
The table has medians with the lowest and highest round in brackets. The server runs on cpu 0 and wrk on cpu 1. Standard library only."""
import argparse, contextlib, http.client, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PASSWORD = "correct horse battery 7"


def release(name):
    path = ROOT / ".build/release" / name
    if not path.exists():
        raise SystemExit(f"{path} is missing: swift build -c release")
    return str(path)


def run(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- durable commits ----


def build_peers(folder):
    made = {}
    for engine, library in (("lmdb", "lmdb"), ("sqlite", "sqlite3")):
        made[engine] = str(folder / f"peer-{engine}")
        run(["gcc", "-O2", "-o", made[engine], str(HERE / "peers/commits.c"), str(HERE / f"peers/{engine}.c"), f"-l{library}", "-lpthread"])
    return made


def commits(folder, seconds):
    """One contender for each row: (what it does, its name, a function that measures one round)."""
    peers = build_peers(folder)

    def measure(argv):
        with tempfile.TemporaryDirectory(dir=folder) as data:
            return json.loads(run([a.replace("@", data) for a in argv]).splitlines()[-1])["commitsPerSecond"]

    rows = []
    for writers in (1, 64):
        what = f"durable commits/s, {writers} writer{'s' if writers > 1 else ''}, each waits"
        rows.append((what, "userd", lambda w=writers: measure([release("userd-bench"), "commits", "--data", "@/db", "--writers", str(w), "--seconds", str(seconds)])))
        for engine, path in peers.items():
            rows.append((what, engine, lambda w=writers, p=path: measure([p, "@", str(w), str(seconds)])))
    rows.append(("durable commits/s, 64 in flight from one thread, answers held", "userd",
                 lambda: measure([release("userd-bench"), "commits", "--data", "@/db", "--held", "64", "--seconds", str(seconds)])))
    return rows


# ---- requests ----


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(port, method, path, body=None, token=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"} if body else {}
    if token:
        headers["Authorization"] = "Bearer " + token
    c.request(method, path, json.dumps(body) if body else None, headers)
    answer = c.getresponse()
    raw = answer.read()
    c.close()
    if answer.status // 100 != 2:
        raise SystemExit(f"{method} {path}: {answer.status} {raw[:300]!r}")
    return json.loads(raw) if raw.startswith(b"{") else raw


def start(argv, port, path):
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while True:
        try:
            call(port, "GET", path)
            return process, time.monotonic() - began
        except OSError:
            if process.poll() is not None or time.monotonic() - began > 20:
                raise SystemExit(f"{' '.join(argv)} did not start")
            time.sleep(0.0005)


@contextlib.contextmanager
def servers(folder):
    """userd with one administrator and nginx, both on cpu 0; yields their ports and an access token."""
    ports = {"userd": free_port(), "nginx": free_port()}
    data, work = folder / "db", folder / "nginx"
    work.mkdir()
    exe = release("userd")
    subprocess.run([exe, "admin", "user", "create", "--data", str(data), "--role", "admin", "--email", "a@example.org", "--name", "A", "--password-stdin"],
                   input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
    text = (HERE / "peers/nginx.conf").read_text()
    for word, value in (("WORKERS", "1"), ("FOLDER", str(work)), ("PORT", str(ports["nginx"]))):
        text = text.replace(f"@{word}@", value)
    (work / "nginx.conf").write_text(text)
    pin, running = ["taskset", "-c", "0"], []
    try:
        userd, ready = start([*pin, exe, "serve", "--data", str(data), "--listen", f"127.0.0.1:{ports['userd']}", "--threads", "1",
                              "--throttle-enabled", "false", "--log-level", "warn", "--auth-access-ttl", "1h"], ports["userd"], "/livez")
        running.append(userd)
        nginx, _ = start([*pin, shutil.which("nginx") or "/usr/sbin/nginx", "-e", str(work / "nginx.log"), "-c", str(work / "nginx.conf")], ports["nginx"], "/")
        running.append(nginx)
        rss = next(int(l.split()[1]) for l in open(f"/proc/{userd.pid}/status") if l.startswith("VmRSS"))
        print(f"ready after {ready * 1000:.1f} ms, idle {rss / 1024:.1f} MiB, executable {os.stat(exe).st_size / 1e6:.2f} MB", file=sys.stderr)
        yield ports, call(ports["userd"], "POST", "/api/auth/login", {"email": "a@example.org", "password": PASSWORD})["token"]
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(20)


def wrk(port, path, seconds, token=None):
    argv = ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{seconds}s", f"http://127.0.0.1:{port}{path}"]
    if token:
        argv += ["-H", f"Authorization: Bearer {token}"]
    out = run(argv)
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    return float(next(l.split()[1] for l in out.splitlines() if l.startswith("Requests/sec")))


def requests(ports, token, seconds):
    return [
        ("requests/s, 64 connections, one core, fixed answer", "userd `/livez`", lambda: wrk(ports["userd"], "/livez", seconds)),
        ("requests/s, 64 connections, one core, fixed answer", "nginx `return 200`", lambda: wrk(ports["nginx"], "/", seconds)),
        ("requests/s, 64 connections, one core, token and session checked", "userd `/api/auth/me`", lambda: wrk(ports["userd"], "/api/auth/me", seconds, token)),
    ]


# ---- rounds and the table ----


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".build/bench", help="on the disk to be measured")
    parser.add_argument("--only", default="commits,http")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory(dir=options.folder) as name, contextlib.ExitStack() as stack:
        folder, rows = Path(name), []
        if "commits" in wanted:
            rows += commits(folder, options.seconds)
        if "http" in wanted:
            rows += requests(*stack.enter_context(servers(folder)), options.seconds)
        figures = [[] for _ in rows]
        for number in range(options.rounds):
            for step in range(len(rows)):
                index = (step + number) % len(rows)
                figures[index].append(rows[index][2]())
                print(f"round {number + 1}: {rows[index][1]}, {rows[index][0]}: {figures[index][-1]:.0f}", file=sys.stderr)
    print("| work | contender | median [lowest..highest] of %d | ratio to userd |\n|---|---|---|---|" % options.rounds)
    base = {}
    for (what, contender, _), found in zip(rows, figures):
        median = statistics.median(found)
        base.setdefault(what, median)
        print(f"| {what} | {contender} | {median:,.0f} [{min(found):,.0f}..{max(found):,.0f}] | {median / base[what]:.2f} |")


if __name__ == "__main__":
    main()
