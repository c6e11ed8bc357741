#!/usr/bin/env python3
"""Measures userd beside its peers in one run and prints a Markdown table for docs/performance.md.

usage: Benchmarks/compare.py [--rounds N] [--seconds S] [--folder DIR] [--only commits,http,cores] [--json FILE]

Needs a release build (swift build -c release) and, from Debian: gcc liblmdb-dev libsqlite3-dev nginx-light golang-go wrk.
Rounds are interleaved: every contender runs once in each round, in an order that rotates, so that a noisy minute falls on all alike.
The table has medians with the lowest and highest round in brackets. The server runs on cpu 0 and wrk on cpu 1; user and system are the server's own
processor time for one request. "cores" gives userd and wrk together half of a machine of two processors, then all of it, because the client needs its
share too. Standard library only."""
import argparse, contextlib, http.client, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
from pathlib import Path

from markdown import spread, table

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


def start(argv, port, path, output=subprocess.DEVNULL):
    process = subprocess.Popen(argv, stdout=output, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while True:
        try:
            call(port, "GET", path)
            return process, time.monotonic() - began
        except OSError:
            if process.poll() is not None or time.monotonic() - began > 20:
                raise SystemExit(f"{' '.join(argv)} did not start")
            time.sleep(0.0005)


def tree(pid):
    """The process and those that it started, such as the workers of nginx."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [p for child in children for p in tree(int(child))]


def processor_time(pid):
    """User and system seconds so far."""
    fields = [Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split() for p in tree(pid)]
    return [sum(int(f[n]) for f in fields) / os.sysconf("SC_CLK_TCK") for n in (11, 12)]


def serve(data, port, cpus, threads):
    """Starts userd on a folder."""
    return start(["taskset", "-c", cpus, release("userd"), "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}", "--threads", str(threads),
                  "--throttle-enabled", "false", "--log-level", "warn", "--auth-access-ttl", "1h"], port, "/livez")


@contextlib.contextmanager
def stopped_at_the_end():
    running = []
    try:
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(20)


def fixed_peers(folder, nginx_port, go_port):
    """What starts nginx and the Go server, each with a fixed answer on a port of its own."""
    work = folder / "nginx"
    work.mkdir()
    text = (HERE / "peers/nginx.conf").read_text()
    for word, value in (("WORKERS", "1"), ("FOLDER", str(work)), ("PORT", str(nginx_port))):
        text = text.replace(f"@{word}@", value)
    (work / "nginx.conf").write_text(text)
    run([os.environ.get("GO", "go"), "build", "-o", str(folder / "responder"), str(HERE / "peers/responder.go")],
        env=dict(os.environ, GO111MODULE="off", GOFLAGS="", GOTOOLCHAIN="local", GOCACHE=os.environ.get("GOCACHE", str(folder / "go")), HOME=str(folder)))
    return ([shutil.which("nginx") or "/usr/sbin/nginx", "-e", str(work / "nginx.log"), "-c", str(work / "nginx.conf")],
            [str(folder / "responder"), f"127.0.0.1:{go_port}"])


@contextlib.contextmanager
def servers(folder):
    """userd with one administrator, nginx and a Go server, all on cpu 0; yields their ports, their processes and an access token."""
    ports = {name: free_port() for name in ("userd", "nginx", "go")}
    data = folder / "db"
    run([release("userd"), "admin", "user", "create", "--data", str(data), "--role", "admin", "--email", "a@example.org", "--name", "A", "--password-stdin"], input=PASSWORD + "\n")
    (nginx, responder) = fixed_peers(folder, ports["nginx"], ports["go"])
    pin = ["taskset", "-c", "0"]
    with stopped_at_the_end() as running:
        userd, ready = serve(data, ports["userd"], "0", 1)
        running.append(userd)
        running.append(start([*pin, *nginx], ports["nginx"], "/")[0])
        running.append(start([*pin, *responder], ports["go"], "/")[0])
        rss = next(int(l.split()[1]) for l in open(f"/proc/{userd.pid}/status") if l.startswith("VmRSS"))
        print(f"ready after {ready * 1000:.1f} ms, idle {rss / 1024:.1f} MiB, executable {os.stat(release('userd')).st_size / 1e6:.2f} MB", file=sys.stderr)
        token = call(ports["userd"], "POST", "/api/auth/login", {"email": "a@example.org", "password": PASSWORD})["token"]
        yield {name: (ports[name], process.pid) for name, process in zip(ports, running)}, token


def wrk(server, path, seconds, token=None, cpus="1", threads=1, connections=64):
    """Requests a second, and user and system microseconds of the server for each."""
    port, pid = server
    argv = ["taskset", "-c", cpus, "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}{path}"]
    if token:
        argv += ["-H", f"Authorization: Bearer {token}"]
    before = processor_time(pid)
    out = run(argv)
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    count = next(int(l.split()[0]) for l in out.splitlines() if "requests in" in l)
    user, system = ((now - then) * 1e6 / count for now, then in zip(processor_time(pid), before))
    return float(next(l.split()[1] for l in out.splitlines() if l.startswith("Requests/sec"))), user, system


def requests(running, token, seconds):
    fixed, checked = "requests/s, 64 connections, one core, fixed answer", "requests/s, 64 connections, one core, token and session checked"
    return [
        (fixed, "userd `/livez`", lambda: wrk(running["userd"], "/livez", seconds)),
        (fixed, "nginx `return 200`", lambda: wrk(running["nginx"], "/", seconds)),
        (fixed, "Go `net/http`", lambda: wrk(running["go"], "/", seconds)),
        (checked, "userd `/api/auth/me`", lambda: wrk(running["userd"], "/api/auth/me", seconds, token)),
    ]


def cores(folder, seconds):
    """userd and wrk on one processor together, then on two: what one half of the machine does against all of it."""

    def measure(cpus, threads):
        with tempfile.TemporaryDirectory(dir=folder) as data, stopped_at_the_end() as running:
            port = free_port()
            running.append(serve(Path(data) / "db", port, cpus, threads)[0])
            return wrk((port, running[0].pid), "/livez", seconds, cpus=cpus, threads=threads, connections=64 * threads)

    what = "requests/s, server and client share the processors, `/livez`"
    return [(what, "one processor, one loop", lambda: measure("0", 1)), (what, "two processors, two loops", lambda: measure("0,1", 2))]


# ---- rounds and the table ----


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".build/bench", help="on the disk to be measured")
    parser.add_argument("--only", default="commits,http,cores")
    parser.add_argument("--json", type=Path, help="where to leave every figure")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory(dir=options.folder) as name, contextlib.ExitStack() as stack:
        folder, rows = Path(name), []
        if "commits" in wanted:
            rows += commits(folder, options.seconds)
        if "http" in wanted:
            rows += requests(*stack.enter_context(servers(folder)), options.seconds)
        if "cores" in wanted:
            rows += cores(folder, options.seconds)
        figures = [[] for _ in rows]
        for number in range(options.rounds):
            for step in range(len(rows)):
                index = (step + number) % len(rows)
                figure = rows[index][2]()
                figures[index].append(figure if isinstance(figure, tuple) else (figure,))
                print(f"round {number + 1}: {rows[index][1]}, {rows[index][0]}: {figures[index][-1][0]:.0f}", file=sys.stderr)
    report = [{"work": w, "contender": c, "rounds": f} for (w, c, _), f in zip(rows, figures)]
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print("\n\n".join(tables(report).values()))


def tables(report):
    """Commits and requests, each beside the first contender of its kind, which is userd."""
    base, found = {}, {"commits": [], "requests": []}
    for line in report:
        rates = [figure[0] for figure in line["rounds"]]
        median = statistics.median(rates)
        base.setdefault(line["work"], median)
        row = [line["work"], line["contender"], spread(rates), f"{median / base[line['work']]:.2f}"]
        if len(line["rounds"][0]) == 3:
            found["requests"].append([*row, ", ".join(f"{statistics.median(figure[n] for figure in line['rounds']):.2f}" for n in (1, 2))])
        else:
            found["commits"].append(row)
    headings = ["work", "contender", f"median [lowest..highest] of {len(report[0]['rounds'])}", "ratio to userd"]
    return {name: table(headings + (["user, system us each"] if name == "requests" else []), rows) for name, rows in found.items() if rows}


if __name__ == "__main__":
    main()
