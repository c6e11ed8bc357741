"""Clocks that jump: the wall clock of the running executable is moved by hours, days and weeks, and another monotonic clock is there at each start."""
import base64, contextlib, datetime, email.utils, http.client, json, mmap, os, platform, shutil, socket, struct, subprocess, time
from pathlib import Path

from checks import LeftOut, Server, Writers, admin, ask, eventually, expect, holds, local, register
from processes import processor_seconds

HOUR, DAY = 3600, 86_400
ACCESS_TTL, SKEW, GRACE = 600, 30, 10
THROTTLED = ["--throttle-enabled=true", "--throttle-register-per-hour=10000", "--throttle-ip-per-minute=0", "--throttle-refresh-per-minute=1000", "--throttle-login-per-hour=3"]


class WallClock:
    """The clock of one process: that of the machine, moved; wallclock.c makes it so."""

    def __init__(self, folder):
        compiler = next((name for name in ("gcc", "cc", "clang") if shutil.which(name)), None)
        if platform.machine() != "x86_64" or not compiler:
            raise LeftOut("no compiler of C for this processor")
        program, self.moved = folder / "wallclock", 0
        subprocess.run([compiler, "-O1", "-Wall", "-o", str(program), str(Path(__file__).with_name("wallclock.c"))], check=True)
        with open(folder / "offset", "w+b") as file:
            file.write(bytes(8))
            file.flush()
            self.offset = mmap.mmap(file.fileno(), 8)
        self.words = [str(program), str(folder / "offset")]
        tried = subprocess.run([*self.words, "/bin/true"], capture_output=True)
        if tried.returncode:
            raise LeftOut(f"no process can be traced here: {tried.stderr.decode().strip()}")

    def set(self, seconds):
        self.moved = seconds
        self.offset[:] = struct.pack("q", seconds * 10**9)

    def now(self):
        return time.time() + self.moved


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def issued(token):
    """The claim `iat`."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["iat"]


class Person:
    """An account, with every access token that it was ever given."""

    def __init__(self, port, name):
        status, answer = register(port, name)
        expect(status, 201, f"{name} is made")
        self.port, self.name, self.tokens = port, name, []
        self.take(answer)

    def take(self, answer):
        self.tokens.append(answer["token"])
        self.refresh, self.session = answer["refreshToken"], answer["session"]["id"]

    def exchange(self, token):
        status, answer = ask(self.port, "POST", "/api/auth/refresh", {"refreshToken": token})
        return status if status == 200 else answer["code"], answer

    def goes_on(self, clock):
        """A refresh works at any time within the session's life, and what it gives works at once."""
        before = self.refresh
        status, answer = self.exchange(before)
        expect(status, 200, f"{self.name} refreshes at {clock.moved:+} s")
        self.take(answer)
        status, answer = ask(self.port, "GET", "/api/auth/sessions", token=self.tokens[-1])
        expect(status, 200, f"a new token at {clock.moved:+} s")
        used = next(seconds(one["lastUsedAt"]) for one in answer["data"] if one["id"] == self.session)
        if abs(used - clock.now()) > 60:
            raise AssertionError(f"lastUsedAt is {used - clock.now():.0f} s away from the server's clock")
        return before

    def judged(self, clock):
        """Each token as docs/security.md §8 says: from half a minute before it was issued, by the clock as it is, until its ten minutes are over."""
        for token in self.tokens:
            age = clock.now() - issued(token)
            wanted = "invalid_token" if age < -SKEW else "token_expired" if age >= ACCESS_TTL else 200
            status, answer = ask(self.port, "GET", "/api/auth/me", token=token)
            expect(status if status == 200 else answer["code"], wanted, f"a token of {age:.0f} s ago")


def half_a_request(port):
    connection = socket.create_connection(("127.0.0.1", port), 30)
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
    return connection


def date(connection):
    connection.request("GET", "/livez")
    answer = connection.getresponse()
    answer.read()
    return email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()


def guesses(port):
    """A wrong password: the seconds for which further ones are refused, 0 if it was looked at."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/api/auth/login", json.dumps({"email": "nobody@example.org", "password": "wrong horse battery"}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (401, 429):
            raise AssertionError(f"a wrong password is answered {answer.status}")
        return int(answer.headers["Retry-After"]) if answer.status == 429 else 0


def move(server, clock, to, connection):
    """Another time, with a request half sent and a connection that is silent: both go on. The time of answers, log and health follows."""
    half = half_a_request(server.port)
    length = len(server.said())
    clock.set(to)
    half.sendall(b"\r\n")
    with contextlib.closing(half):
        if not half.recv(64).startswith(b"HTTP/1.1 200"):
            raise AssertionError(f"a request that was half sent before the clock was set to {to:+} s")
    eventually(lambda: abs(date(connection) - clock.now()) < 3, f"Date follows a clock at {to:+} s", 10)
    expect(ask(server.port, "GET", "/api/auth/sessions", token="none")[0], 401, "somebody")

    def is_logged():
        lines = server.said()[length:].splitlines()
        return any(abs(seconds(json.loads(line)["ts"]) - clock.now()) < 60 for line in lines if line.startswith("{") and line.endswith("}"))

    eventually(is_logged, f"lines of the log at {to:+} s", 10)


def health(port):
    return ask(port, "GET", "/readyz?verbose")


def backups(folder):
    return {name for name in os.listdir(folder) if name.endswith(".udb")}


def is_asked_for_one(server, folder):
    """A backup on request, after which the schedule is looked at anew; how many were made besides."""
    before = backups(folder)
    eventually(lambda: local(server.data, "POST", "/api/v1/admin/backup")[0] == 202, "a backup is begun")
    eventually(lambda: len(backups(folder)) > len(before), "the backup that was asked for")
    with contextlib.suppress(AssertionError):
        eventually(lambda: len(backups(folder)) > len(before) + 1, "a scheduled one", 1)
    return len(backups(folder)) - len(before) - 1


def the_wall_clock_jumps(folder, exe, options):
    clock, kept = WallClock(folder), folder / "backups"
    kept.mkdir()
    jumps = [HOUR, DAY, 0, -DAY, -10 * DAY, 0] + ([12 * DAY, 0, 61, -61, 10, -10, 0] if options.long else [])
    more = [*THROTTLED, "--log-level=info", f"--backup-dir={kept}", "--backup-schedule=every 6h", "--backup-keep=100"]
    with Server(exe, folder / "db", *more, before=clock.words) as server:
        ann, writers = Person(server.port, "ann"), Writers(server.port, "w", count=2)
        silent = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        date(silent)
        while not guesses(server.port):
            pass
        began, wait = time.monotonic(), guesses(server.port)
        newest = 0
        for to in jumps:
            newest = max(newest, to)
            move(server, clock, to, silent)
            ann.judged(clock)
            ann.goes_on(clock)
            left = guesses(server.port)
            if abs(left - (wait - (time.monotonic() - began))) > 2:
                raise AssertionError(f"what was to wait {wait} s waits {left} s after {time.monotonic() - began:.0f} s and a clock at {to:+} s")
            status, answer = health(server.port)
            expect((status, answer["checks"]["clock"]["status"]), (200, "degraded" if to < newest else "ok"), f"health at {to:+} s")
        # A retry soon after the refresh that it repeats: time that went back is none, time that went forward is over. Three at most either way.
        bob, carl = Person(server.port, "bob"), Person(server.port, "carl")
        old = bob.goes_on(clock)
        clock.set(-DAY)
        expect([bob.exchange(old)[0] for _ in range(4)], [200, 200, 200, "refresh_reused"], "a used token, and the clock set back")
        clock.set(0)
        old = carl.goes_on(clock)
        clock.set(HOUR)
        expect(carl.exchange(old)[0], "refresh_reused", "a used token, and the clock set forward")
        # Past the end of a session, and back again.
        dora = Person(server.port, "dora")
        clock.set(20 * DAY)
        expect(dora.exchange(dora.refresh)[0], "refresh_invalid", "a session, six days after its end")
        clock.set(0)
        dora.goes_on(clock)
        # Decades away: who comes then is served, and who was there before is when it is now again.
        for to in (20 * 365 * DAY, -20 * 365 * DAY):
            clock.set(to)
            Person(server.port, f"year{to}").goes_on(clock)
        clock.set(0)
        ann.goes_on(clock)
        scheduled = plays_backups(server, clock, kept)
        ends = time.monotonic() + (30 if options.long else 1.5)
        count = 0
        while time.monotonic() < ends:
            clock.set(options.random.choice((1, -1)) * int(HOUR * 10 ** options.random.uniform(-3, 2)))
            count += 1
            time.sleep(options.random.uniform(0, 0.05))
        clock.set(-30 * DAY)
        writers.wait_for_answers(5)
        writers.stop()
        cpu = processor_seconds(server.pid())
        time.sleep(0.5)
        if processor_seconds(server.pid()) - cpu > 0.3:
            raise AssertionError("it spins after the clock was set back")
        server.stop()
    if writers.refused or writers.unheard:
        raise AssertionError(f"{writers.refused} refused, {writers.unheard} unheard: a jump is nobody's failure")
    starts(folder / "db", exe, clock, ann, wait)
    holds(exe, folder / "db", writers.answered | {"ann", "bob", "carl", "dora"}, "jumps")
    admin(exe, folder / "db", "audit", "verify")
    return f"{len(jumps) + count} jumps under writers, {len(writers.answered)} answered, all there; {scheduled} backups by the clock"


def plays_backups(server, clock, kept):
    """docs/storage.md §16: past several moments brings one, back by an hour none, and further back the moment is reckoned anew."""
    eventually(lambda: backups(kept), "the first backup")
    is_asked_for_one(server, kept)
    found = []
    for to, wanted in ((2 * DAY, 1), (2 * DAY - 1800, 0), (0, None), (7 * HOUR + 60, 1)):
        clock.set(to)
        got = is_asked_for_one(server, kept)
        if wanted is not None:
            expect(got, wanted, f"scheduled backups once the clock is at {to:+} s")
        found.append(got)
    clock.set(0)
    return 1 + sum(found)


def starts(data, exe, clock, ann, wait):
    """Other times at the start: what was counted ends no later than it would have, sessions go on, identifiers go up."""
    newest = ""
    for to in (-DAY, 0, DAY):
        clock.set(to)
        with Server(exe, data, *THROTTLED, before=clock.words) as server:
            ann.port = server.port
            ann.goes_on(clock)
            ann.judged(clock)
            left = guesses(server.port)
            if left > wait or to == DAY and left > 0:
                raise AssertionError(f"after a start at {to:+} s guesses wait {left} s; it was {wait} s at first")
            expect(health(server.port)[0], 200, "health")
            status, answer = register(server.port, f"start{to}")
            expect(status, 201, f"an account after a start at {to:+} s")
            newest = answer["user"]["id"]
            expect(local(data, "GET", f"/api/v1/users/{newest}")[0], 200, "the new account")
            server.stop()


def another_monotonic_clock_at_each_start(folder, exe, options):
    """A machine that was booted anew, or long ago."""
    if subprocess.run(["unshare", "-T", "true"], capture_output=True).returncode:
        raise LeftOut("no clock of its own is allowed here")
    answered, token = set(), None
    for number, seconds in enumerate((0, 315_360_000, 0, 86_400, 3_000_000_000 if options.long else 1_000_000_000)):
        words = ["unshare", "-T", "--monotonic", str(seconds), "--boottime", str(seconds)]
        with Server(exe, folder / "db", before=words) as server:
            status, answer = register(server.port, f"m{number}")
            if status != 201:
                raise AssertionError(f"{seconds} s later: {status} {answer}")
            answered.add(f"m{number}")
            if token and ask(server.port, "GET", "/api/auth/me", token=token)[0] != 200:
                raise AssertionError("a session does not outlive another clock")
            token = token or answer["token"]
            if ask(server.port, "GET", "/readyz")[0] != 200:
                raise AssertionError("not ready")
            server.stop()
    holds(exe, folder / "db", answered, "other clocks")
    return "five starts, from 0 s to many years after boot; a session goes on"
