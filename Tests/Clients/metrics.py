#!/usr/bin/env python3
"""Figures as programs that watch see them: both formats parsed by other people's code, every count exactly what a client did, and each
alert raised by its fault, made for real.

usage: Tests/Clients/metrics.py USERD [--only NAME]...

USERD is the executable. Needs prometheus-client from PyPI, Debian's prometheus (for promtool), and root for a disk of its own."""
import json, os, re, signal, subprocess, sys, tempfile, time
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from alerts import FAULTS, WRITTEN, NotHere, rules
from watched import ENVIRONMENT, OPENMETRICS, PASSWORD, ROOT, RULES, TEXT, Failure, Server, backup, documented, expect, key


def formats(exe, folder):
    """Both formats say the same, other people's parsers take them, and the table of the documentation is theirs."""
    Path(folder, "archive").mkdir()
    Path(folder, "backups").mkdir(mode=0o700)
    with Server(exe, f"{folder}/db", "--delivery-channel", "log", "--store-archive-dir", f"{folder}/archive",
                "--backup-dir", f"{folder}/backups", "--trace-otlp-url", "http://127.0.0.1:9/v1/traces") as server:
        server.register("ann@example.org")
        backup(server)
        kind, text = server.scrape()
        expect("the type of the text format", kind == TEXT, kind)
        families = list(parse_text(text))
        for accept in ["application/openmetrics-text", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"]:
            kind, open_text = server.scrape(accept)
            expect("the type of OpenMetrics", kind == OPENMETRICS, kind)
            open_families = list(parse_openmetrics(open_text))
        expect("the same families", [family.name for family in families] == [family.name for family in open_families])
        expect("the same types", [family.type for family in families] == [family.type for family in open_families])
        series = lambda families: {key(sample) for family in families for sample in family.samples if "/metrics" not in key(sample)}
        expect("the same series", series(families) == series(open_families), series(families) ^ series(open_families))
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
        expect("promtool check metrics", done.returncode == 0 and not done.stdout and not done.stderr, done.stdout, done.stderr)
        rows, found = documented(), {}
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name, meaning = line[7:].split(" ", 1)
            elif line.startswith("# TYPE "):
                found[name] = [line.split(" ")[3], "", meaning]
        for family in families:
            for sample in family.samples:
                name = sample.name if sample.name in found else re.sub("_(bucket|sum|count)$", "", sample.name)
                labels = ", ".join(label for label in sample.labels if label != "le")
                expect(f"one set of labels of {name}", found[name][1] in ("", labels), labels)
                found[name][1] = labels
        for name, row in found.items():
            expect(f"docs/operations.md says what {name} is", rows.get(name) == tuple(row), rows.get(name), row)
        expect("nothing else is documented", set(rows) == set(found), set(rows) ^ set(found))
        for path in ["/", "/api/auth/me", "/openapi.json", "/api/v1/users"]:
            expect(f"{path} is not there for those who watch", server.ask("GET", path, address=server.watched)[0] == 404)
        expect("no figures for clients", server.ask("GET", "/metrics")[0] == 404)
        expect("health for those who watch", server.ask("GET", "/readyz", address=server.watched)[0] == 200)
        print(f"formats: {len(families)} families, {len(series(families))} series")


def counts(exe, folder):
    """Every count is what the client did, and counts begin again at 0 with a process that says when it began."""
    data, before = f"{folder}/db", time.time()
    with Server(exe, data, "--throttle-login-free", "3") as server:
        first = server.samples()
        status, _, text = server.register("ann@example.org")
        ann = json.loads(text)
        for number in range(4):
            expect("a register", server.register(f"u{number}@example.org")[0] == 201)
        expect("a double", server.register("ann@example.org")[0] == 409)
        for _ in range(7):
            expect("me", server.ask("GET", "/api/auth/me", token=ann["token"])[0] == 200)
        for _ in range(3):
            expect("me without a token", server.ask("GET", "/api/auth/me")[0] == 401)
        for number in range(2):
            expect("nothing", server.ask("GET", f"/nothing/{number}")[0] == 404)
        expect("another method", server.ask("BREW", "/")[0] == 501)
        login = {"email": "ann@example.org", "password": PASSWORD}
        for _ in range(2):
            expect("a login", server.ask("POST", "/api/auth/login", login)[0] == 200)
        answers = [server.ask("POST", "/api/auth/login", login | {"password": "not the password"})[0] for _ in range(5)]
        expect("wrong passwords", answers == [401, 401, 401, 401, 429], answers)
        status, _, text = server.ask("POST", "/api/auth/refresh", {"refreshToken": ann["refreshToken"]})
        expect("a refresh", status == 200, text)
        expect("a refresh with nothing", server.ask("POST", "/api/auth/refresh", {"refreshToken": "x"})[0] == 401)
        server.admin("user", "disable", "u0@example.org")
        server.admin("user", "delete", "u1@example.org", "--yes")
        second = server.samples()
        wanted = {
            'userd_http_requests_total{method="POST",route="/api/auth/register",status="201"}': 5,
            'userd_http_requests_total{method="POST",route="/api/auth/register",status="409"}': 1,
            'userd_http_requests_total{method="GET",route="/api/auth/me",status="200"}': 7,
            'userd_http_requests_total{method="GET",route="/api/auth/me",status="401"}': 3,
            'userd_http_requests_total{method="GET",route="none",status="404"}': 2,
            'userd_http_requests_total{method="other",route="/",status="501"}': 1,
            'userd_http_requests_total{method="POST",route="/api/auth/login",status="200"}': 2,
            'userd_http_requests_total{method="POST",route="/api/auth/login",status="401"}': 4,
            'userd_http_requests_total{method="POST",route="/api/auth/login",status="429"}': 1,
            'userd_http_requests_total{method="POST",route="/api/auth/refresh",status="200"}': 1,
            'userd_http_requests_total{method="POST",route="/api/auth/refresh",status="401"}': 1,
            'userd_http_requests_total{method="GET",route="/metrics",status="200"}': 1,
            'userd_http_request_duration_seconds_count{method="GET",route="/api/auth/me"}': 10,
            'userd_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/api/auth/me"}': 10,
            'userd_auth_logins_total{result="success"}': 2,
            'userd_auth_logins_total{result="invalid_credentials"}': 4,
            'userd_auth_logins_total{result="throttled"}': 1,
            'userd_auth_refreshes_total{result="success"}': 1,
            'userd_auth_refreshes_total{result="invalid_credentials"}': 1,
            'userd_ratelimit_rejections_total{policy="login-pair"}': 1,
            'userd_ratelimit_rejections_total{policy="ip"}': 0,
            'userd_auth_users{status="active"}': 3, 'userd_auth_users{status="disabled"}': 1, 'userd_auth_users{status="deleted"}': 1,
            # Five of registrations and two of logins; disabling and deleting ended two.
            "userd_auth_sessions": 5,
            # Five registrations, the double one, two logins, four wrong passwords.
            "userd_password_hash_duration_seconds_count": 12,
            "userd_password_hash_queue_depth": 0, "userd_password_hash_queue_limit": 64, "userd_password_hash_refusals_total": 0,
            "userd_http_connections": 1, 'userd_worker_busy{pool="disk"}': 1, 'userd_worker_busy{pool="hash"}': 0,
            "userd_store_checksum_failures_total": 0, "userd_log_dropped_total": 0, "userd_store_oldest_snapshot_seconds": 0,
        }
        for name, value in wanted.items():
            if name == "userd_http_connections":
                expect(name, second.get(name) >= value, second.get(name))
                continue
            expect(name, second.get(name) == value, second.get(name), value)
        requests = {name: value for name, value in second.items() if name.startswith("userd_http_requests_total")}
        # The two verbs came by the admin socket.
        known = sum(value for name, value in wanted.items() if name.startswith("userd_http_requests_total"))
        others = {name for name in requests if name not in wanted}
        expect("no other requests but those of the verbs", all("/api/v1/users" in name for name in others), others)
        expect("as many as were asked", sum(requests.values()) == known + sum(requests[name] for name in others))
        real = Path(data, "main.udb").stat().st_size
        expect("the size of main.udb", second["userd_store_size_bytes"] == real, second["userd_store_size_bytes"], real)
        log = sum(file.stat().st_size for file in Path(data, "wal").iterdir())
        expect("the size of the log", second["userd_store_wal_bytes"] == log, second["userd_store_wal_bytes"], log)
        figures = json.loads(server.admin("stats", "--json"))["store"]
        expect("keys", second["userd_store_keys"] == figures["keys"], second["userd_store_keys"], figures)
        expect("commits", second["userd_store_commits_total"] == figures["commits"], figures)
        expect("a batch for each commit at least", second["userd_store_commit_batch_size_sum"] <= figures["commits"])
        room = os.statvfs(data)
        expect("the disk", second["userd_disk_size_bytes"] == room.f_blocks * room.f_frsize)
        expect("its room", abs(second["userd_disk_free_bytes"] - room.f_bavail * room.f_frsize) < 1 << 30)
        process = f"/proc/{server.process.pid}"
        expect("threads", second["process_threads"] == len(os.listdir(f"{process}/task")))
        expect("descriptors", abs(second["process_open_fds"] - len(os.listdir(f"{process}/fd"))) <= 2)
        resident = int(Path(process, "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        expect("memory", abs(second["process_resident_memory_bytes"] - resident) < 16 << 20, resident)
        expect("its beginning", before - 1 <= second["process_start_time_seconds"] <= time.time())
        expect("processor time grows", 0 < first["process_cpu_seconds_total"] < second["process_cpu_seconds_total"])
        server.stop()
    with Server(exe, data) as server:
        third = server.samples()
        falling = [name for name, value in third.items() if name.endswith("_total") and value > second.get(name, value)
                   and "cpu" not in name and "store" not in name]
        expect("counters begin again", not falling and third["userd_store_commits_total"] < second["userd_store_commits_total"], falling)
        expect("no requests yet", not any(name.startswith("userd_http_requests_total") for name in third))
        expect("a later beginning", third["process_start_time_seconds"] > second["process_start_time_seconds"])
        for name in ['userd_auth_users{status="active"}', 'userd_auth_users{status="disabled"}', 'userd_auth_users{status="deleted"}']:
            expect(f"{name} is still there", third[name] == second[name], third[name])
        expect("the log goes on", third["userd_store_lsn"] >= second["userd_store_lsn"])
        server.stop()
    print(f"counts: {len(wanted)} figures are what was done, {int(sum(requests.values()))} requests")
    return {"down": (second, {"up": 0.0})}


def dashboard():
    """Every expression of the dashboard is one that Prometheus takes and asks for what there is, and every metric is in it."""
    board = json.loads((ROOT / "docs/deploy/grafana.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    known, seen = set(documented()), set()
    for name, (kind, _, _) in list(documented().items()):
        if kind == "histogram":
            known |= {f"{name}_{part}" for part in ["bucket", "sum", "count"]}
    for expression in expressions:
        names = set(re.findall(r"\b(?:userd|process)_[a-z_]+", expression))
        expect(f"{expression} asks for what there is", names <= known, names - known)
        seen |= names
    missing = {name for name in documented() if not any(one.startswith(name) for one in seen)}
    expect("every metric is on the dashboard", not missing, missing)
    groups = {"groups": [{"name": "board", "rules": [
        {"record": f"board:{number}", "expr": expression.replace("$__rate_interval", "1m").replace("$instance", ".*")}
        for number, expression in enumerate(expressions)]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump(groups, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
    expect("expressions of the dashboard", done.returncode == 0, done.stdout, done.stderr)
    print(f"dashboard: {len(expressions)} expressions")


def watched(exe, folder):
    """`admin stats --watch` writes a line a second beside a server, fits a small terminal, and ends cleanly."""
    import pty
    with Server(exe, f"{folder}/db") as server:
        command = [exe, "admin", "stats", "--watch", "--data", server.data]
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        expect("an end by interrupt", process.wait(10) == 0, process.returncode)
        expect("a line a second", all(line.startswith("status=ok requests=") for line in lines), lines)
        parent, child = pty.openpty()
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=child)
        os.close(child)
        screen = b""
        while screen.count(b"\x1b[H") < 2:
            screen += os.read(parent, 65536)
        process.send_signal(signal.SIGTERM)
        expect("an end by SIGTERM", process.wait(10) == 0, process.returncode)
        try:
            while more := os.read(parent, 65536):
                screen += more
        except OSError:
            pass
        shown = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", screen.split(b"\x1b[H")[1].decode()).split("\r\n")
        expect("80 columns and 24 lines", len(shown) <= 24 and all(len(line) < 80 for line in shown), shown)
        expect("the first lines", shown[2].strip() == "state        ok" and shown[3].startswith("requests "), shown)
        expect("the screen is left as it was", screen.endswith(b"\x1b[?25h\x1b[?1049l"), screen[-40:])
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdout.readline()
        server.stop()
        expect("an end with the server", process.wait(10) == 66, process.returncode)
        done = subprocess.run([*command, "--json"], env=ENVIRONMENT, capture_output=True)
        expect("no JSON", done.returncode == 64, done.stderr)
    print("watch: lines, a screen, clean ends")


def main(exe, only):
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True)
    expect("promtool check rules", done.returncode == 0, done.stdout, done.stderr)
    dashboard()
    calm = None
    for name, work in [("formats", formats), ("counts", counts), ("watch", watched)]:
        if not only or name in only:
            with tempfile.TemporaryDirectory() as folder:
                calm = work(exe, folder) or calm
    for name, (work, wanted) in FAULTS.items():
        if not only or name in only:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    good, bad = work(exe, folder)
                except NotHere as reason:
                    print(f"{name}: {reason}: not tried")
                    continue
            rules(name, good, bad, wanted)
    if calm:
        good = calm["down"][0] | {"up": 1.0}
        for name, (changes, wanted) in WRITTEN.items():
            rules(name, good, good | changes, wanted)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    began = time.monotonic()
    try:
        main(os.path.abspath(sys.argv[1]), [value for flag, value in zip(sys.argv[2:], sys.argv[3:]) if flag == "--only"])
    except Failure as failure:
        sys.exit(f"metrics: {failure}")
    print(f"metrics: all well, in {time.monotonic() - began:.0f} s")
