#!/usr/bin/env python3
"""Figures as programs that watch see them: both formats parsed by other people's code, every count exactly what a client did, and each
alert raised by its fault, made for real.

usage: Tests/Clients/metrics.py USERD [--only NAME]...

USERD is the executable. Needs prometheus-client from PyPI, Debian's prometheus (for promtool), and root for a disk of its own."""
import http.client, json, os, re, shutil, signal, subprocess, sys, tempfile, threading, time
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "docs/deploy/alerts.yml"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("USERD_")}
PASSWORD = "correct horse battery 7"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Failure(Exception):
    pass


def expect(what, good, *facts):
    if not good:
        raise Failure(f"{what}: {facts}")


class Server:
    """userd with a listener for clients and one for programs that watch."""

    def __init__(self, exe, data, *flags, cheap=True):
        self.log = Path(tempfile.mkstemp(prefix="userd-log")[1])
        cost = ["--hash-memory", "128K", "--hash-time", "1"] if cheap else []
        self.process = subprocess.Popen(
            [exe, "serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log-format", "json",
             "--throttle-ip-per-minute", "0", *cost, *flags],
            stdout=self.log.open("wb"), stderr=subprocess.STDOUT, env=ENVIRONMENT)
        self.exe, self.data = exe, data
        for _ in range(1200):
            for line in self.log.read_text(errors="replace").splitlines():
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("listen"):
                    self.address, self.watched = entry["listen"], entry["metrics"]
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise Failure(f"userd does not listen: {self.log.read_text()}")

    def ask(self, method, path, body=None, token=None, fields=None, address=None):
        """The status, the fields and the body of an answer, over a connection of its own."""
        connection = http.client.HTTPConnection(address or self.address, timeout=30)
        fields = dict(fields or {})
        if body is not None:
            fields["Content-Type"] = "application/json"
        if token:
            fields["Authorization"] = f"Bearer {token}"
        connection.request(method, path, None if body is None else json.dumps(body), fields)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, content

    def scrape(self, accept=None):
        status, headers, text = self.ask("GET", "/metrics", fields={"Accept": accept} if accept else {}, address=self.watched)
        expect("a scrape", status == 200, status, text)
        return headers["Content-Type"], text

    def samples(self):
        """Each series of a scrape with its value."""
        return {key(sample): sample.value for family in parse_text(self.scrape()[1]) for sample in family.samples}

    def check(self, name):
        return json.loads(self.ask("GET", "/readyz?verbose")[2])["checks"].get(name)

    def wait_for(self, what, condition, seconds=60):
        for _ in range(seconds * 10):
            if condition():
                return
            time.sleep(0.1)
        raise Failure(f"{what} did not come: {self.ask('GET', '/readyz?verbose')[2]}\n{self.log.read_text()[-2000:]}")

    def admin(self, *words, code=0, standard_input=None):
        done = subprocess.run([self.exe, "admin", *words, "--data", self.data], env=ENVIRONMENT, capture_output=True, text=True,
                              input=standard_input)
        expect(f"admin {' '.join(words)}", code is None or done.returncode == code, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def register(self, email):
        return self.ask("POST", "/api/auth/register", {"email": email, "password": PASSWORD, "name": "Somebody"})

    def stop(self, code=0):
        self.process.send_signal(signal.SIGTERM)
        expect("an orderly stop", self.process.wait(60) == code, self.process.returncode, self.log.read_text()[-2000:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.unlink()


def key(sample):
    """A series by its name, as Prometheus writes it."""
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
    return sample.name + (f"{{{labels}}}" if labels else "")


def documented():
    """The table of docs/operations.md: names with type, labels and meaning."""
    rows = {}
    for line in (ROOT / "docs/operations.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1] in ("counter", "gauge", "histogram"):
            rows[cells[0].strip("`")] = (cells[1], cells[2].replace("`", ""), cells[3])
    return rows


def backup(server):
    """Asks for a backup and returns how it ended."""
    login = subprocess.run(
        ["curl", "-s", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{}", "--unix-socket", f"{server.data}/admin.sock",
         "http://localhost/api/v1/admin/backup"], capture_output=True, text=True)
    for _ in range(600):
        state = json.loads(server.admin("stats", "--json"))["backup"]
        if state and state["outcome"] != "running":
            return state["outcome"]
        time.sleep(0.1)
    raise Failure(f"no backup: {login.stdout}")


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


# MARK: Faults. Each returns the figures before and during it.


def full_disk(exe, folder):
    """A small disk that somebody else fills."""
    disk = f"{folder}/disk"
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "none", disk], check=True)
    try:
        with Server(exe, f"{disk}/db") as server:
            server.register("ann@example.org")
            good = server.samples()
            with open(f"{disk}/filler", "wb") as filler:
                try:
                    while True:
                        filler.write(bytes(1 << 20))
                        filler.flush()
                except OSError:
                    pass
            people = "".join(json.dumps({"email": f"p{n}@example.org", "name": "n" * 200}) + "\n" for n in range(120_000))
            server.admin("load", "-", code=None, standard_input=people)
            server.wait_for("a full disk", lambda: server.check("store")["status"] == "degraded")
            server.wait_for("little room", lambda: server.check("disk")["status"] == "degraded")
            return good, server.samples()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def dead_delivery(exe, folder):
    """Nobody listens where messages are posted."""
    with Server(exe, f"{folder}/db", "--delivery-channel", "webhook", "--delivery-webhook-url", "http://127.0.0.1:9/") as server:
        good = server.samples()
        for number in range(6):
            server.register(f"u{number}@example.org")
        server.wait_for("a breaker that opens", lambda: server.check("delivery")["status"] == "degraded")
        return good, server.samples()


def full_hash_queue(exe, folder):
    """More logins at once than wait for the one worker."""
    with Server(exe, f"{folder}/db", "--hash-workers", "1", "--hash-queue", "2", "--hash-time", "10", cheap=False) as server:
        server.register("ann@example.org")
        good = server.samples()
        form, statuses = {"email": "ann@example.org", "password": PASSWORD}, []
        crowd = [threading.Thread(target=lambda: statuses.append(server.ask("POST", "/api/auth/login", form)[0])) for _ in range(16)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        expect("some are refused", 503 in statuses, statuses)
        bad = server.samples()
        expect("as many refusals as 503", bad["userd_password_hash_refusals_total"] == statuses.count(503), statuses)
        expect("a degraded queue", server.check("hashQueue")["status"] == "degraded")
        return good, bad


def damaged_page(exe, folder):
    """A byte of a page that has an account in it."""
    data = f"{folder}/db"
    with Server(exe, data) as server:
        people = "".join(json.dumps({"email": f"p{n}@example.org", "name": f"Somebody {n} to be found"}) + "\n" for n in range(4000))
        server.admin("load", "-", standard_input=people)
        good = server.samples()
        server.stop()
    content = Path(data, "main.udb").read_bytes()
    places = [match.start() for match in re.finditer(b"Somebody 3000 to be found", content)]
    expect("the account is in the pages", places)
    with open(f"{data}/main.udb", "r+b") as file:
        for place in places:
            file.seek(place)
            file.write(b"X")
    with Server(exe, data) as server:
        server.admin("check", "--online", code=65)
        server.wait_for("damage", lambda: server.check("scrub")["status"] == "degraded")
        return good, server.samples()


def broken_archive(exe, folder):
    """A disk for the archive that has no room for one segment of the log."""
    archive = f"{folder}/archive"
    os.mkdir(archive)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", archive], check=True)
    try:
        with Server(exe, f"{folder}/db", "--store-archive-dir", archive) as server:
            good = server.samples()
            people = "".join(json.dumps({"email": f"p{n}@example.org", "name": "n" * 200}) + "\n" for n in range(45_000))
            server.admin("load", "-", standard_input=people)
            server.wait_for("an archive that fails", lambda: server.check("archive")["status"] == "degraded")
            return good, server.samples()
    finally:
        subprocess.run(["umount", "-l", archive], check=True)


def failing_backup(exe, folder):
    """A disk for backups that has no room for one."""
    backups = f"{folder}/backups"
    os.mkdir(backups, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "none", backups], check=True)
    try:
        with Server(exe, f"{folder}/db", "--backup-dir", backups) as server:
            people = "".join(json.dumps({"email": f"p{n}@example.org", "name": "n" * 200}) + "\n" for n in range(500))
            server.admin("load", "-", standard_input=people)
            good = server.samples()
            expect("a backup that fails", backup(server) != "done")
            bad = server.samples()
            expect("one failure", bad["userd_backup_failures_total"] == good["userd_backup_failures_total"] + 1, bad)
            return good, bad
    finally:
        subprocess.run(["umount", "-l", backups], check=True)


# What each fault must raise, with the labels of the series behind it; other alerts rest.
FAULTS = {
    "full disk": (full_disk, {"UserdWritesRefused": {"check": "store"}, "UserdDiskLow": {"check": "disk"}}),
    "dead delivery": (dead_delivery, {"UserdDeliveryDown": {"check": "delivery"}}),
    "full hash queue": (full_hash_queue, {"UserdHashQueueFull": {}}),
    "damaged page": (damaged_page, {"UserdDamage": {}}),
    "failing backup": (failing_backup, {"UserdBackupFailing": {}}),
    "broken archive": (broken_archive, {"UserdArchiveBroken": {}}),
}

# Faults that are not made here: what a server would say of them, written down.
WRITTEN = {
    "process gone": ({"up": 0}, {"UserdDown": {}}),
    "failing flush": ({'userd_health_status{check="store"}': 2}, {"UserdStoreFailed": {"check": "store"}}),
    "clock set back": ({'userd_health_status{check="clock"}': 1}, {"UserdClockBehind": {"check": "clock"}}),
    "errors": ({'userd_http_requests_total{method="GET",route="/api/auth/me",status="500"}': 3}, {"UserdErrors": {}}),
    "crowd of connections": ({"userd_http_connections": 16000}, {"UserdConnectionsLow": {}}),
    "descriptors used up": ({"process_open_fds": 1e9}, {"UserdDescriptorsLow": {}}),
    "unread log": ({"userd_log_dropped_total": 5}, {"UserdLogDropped": {}}),
    "slow disk": ({f'userd_store_sync_duration_seconds_bucket{{le="{le}"}}': "slope" for le in ["0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]},
                  {"UserdSlowDisk": {}}),
    "slow answers": ({f'userd_http_request_duration_seconds_bucket{{le="{le}",method="GET",route="/api/auth/me"}}': "slope"
                      for le in ["0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]}, {"UserdSlowRequests": {}}),
    "guessing": ({'userd_auth_logins_total{result="invalid_credentials"}': "slope"}, {"UserdGuessing": {}}),
    "restarts": ({"process_start_time_seconds": "slope"}, {"UserdRestarts": {}}),
}


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


def rules(name, good, bad, wanted):
    """Lets promtool judge half an hour of rest and half an hour of the fault."""
    import yaml
    alerts = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    place = {"instance": "box:9464", "job": "userd"}
    series = []
    for one in sorted(set(good) | set(bad)):
        calm = good.get(one, 1.0 if one == "up" else 0.0)
        label = ",".join(f'{label}="{value}"' for label, value in place.items())
        shown = one[:-1] + "," + label + "}" if one.endswith("}") else f"{one}{{{label}}}"
        fault = bad.get(one, calm)
        values = f"{calm}+600x30" if fault == "slope" else f"{fault}+0x30"
        series.append({"series": shown, "values": f"{calm}+0x30 {values}"})
    tests = []
    for alert, rule in alerts.items():
        expected = [{"exp_labels": place | rule["labels"] | wanted[alert], "exp_annotations": rule["annotations"]}] if alert in wanted else []
        tests.append({"eval_time": "30m", "alertname": alert, "exp_alerts": []})
        # What grows once is seen right after; what lasts, a quarter of an hour later.
        moment = "33m" if "increase" in rule["expr"] else "50m"
        if alert in wanted or moment == "50m":
            tests.append({"eval_time": moment, "alertname": alert, "exp_alerts": expected})
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(RULES, f"{folder}/alerts.yml")
        text = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [{"interval": "1m", "input_series": series,
                                                                                    "alert_rule_test": tests}]}
        Path(folder, "test.yml").write_text(json.dumps(text))
        done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True)
    expect(f"alerts of {name}", done.returncode == 0, done.stdout[-3000:], done.stderr[-3000:])
    print(f"{name}: {', '.join(wanted)} and no other")


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
                good, bad = work(exe, folder)
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
