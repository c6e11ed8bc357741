"""Each alert's fault, made for real where that can be done, and promtool's judgement of the figures before and during it."""
import contextlib, json, os, re, shutil, subprocess, tempfile, threading
from pathlib import Path

from watched import PASSWORD, RULES, Server, backup, expect

def rules(name, good, bad, wanted):
    """Lets promtool judge half an hour of rest and half an hour of the fault."""
    import yaml
    alerts = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    faults = {alert for _, wanted in [*FAULTS.values(), *WRITTEN.values()] for alert in wanted}
    expect("each alert has a fault, and each fault an alert", set(alerts) == faults, set(alerts) ^ faults)
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
        tests.append({"eval_time": moment, "alertname": alert, "exp_alerts": expected})
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(RULES, f"{folder}/alerts.yml")
        text = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [{"interval": "1m", "input_series": series,
                                                                                    "alert_rule_test": tests}]}
        Path(folder, "test.yml").write_text(json.dumps(text))
        done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True)
    expect(f"alerts of {name}", done.returncode == 0, done.stdout[-3000:], done.stderr[-3000:])
    print(f"{name}: {', '.join(wanted)} and no other")


class NotHere(Exception):
    """What a fault needs is not allowed on this machine."""


@contextlib.contextmanager
def small_disk(place, options):
    """A file system in memory at a folder that is made for it."""
    os.mkdir(place, 0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True).returncode:
        raise NotHere("no file system of its own can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


# Each fault returns the figures before and during it.


def full_disk(exe, folder):
    """A small disk that somebody else fills."""
    disk = f"{folder}/disk"
    with small_disk(disk, "size=160m"):
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
    with small_disk(archive, "size=1m"):
        with Server(exe, f"{folder}/db", "--store-archive-dir", archive) as server:
            good = server.samples()
            people = "".join(json.dumps({"email": f"p{n}@example.org", "name": "n" * 200}) + "\n" for n in range(45_000))
            server.admin("load", "-", standard_input=people)
            server.wait_for("an archive that fails", lambda: server.check("archive")["status"] == "degraded")
            return good, server.samples()


def failing_backup(exe, folder):
    """A disk for backups that has no room for one."""
    backups = f"{folder}/backups"
    with small_disk(backups, "size=8k,mode=700"):
        with Server(exe, f"{folder}/db", "--backup-dir", backups) as server:
            people = "".join(json.dumps({"email": f"p{n}@example.org", "name": "n" * 200}) + "\n" for n in range(500))
            server.admin("load", "-", standard_input=people)
            good = server.samples()
            expect("a backup that fails", backup(server) != "done")
            bad = server.samples()
            expect("one failure", bad["userd_backup_failures_total"] == good["userd_backup_failures_total"] + 1, bad)
            return good, bad


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
