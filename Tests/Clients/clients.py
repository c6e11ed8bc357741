#!/usr/bin/env python3
"""Real clients and real proxies against the real executable: curl, http.client, requests, httpx, h11, wrk, nginx, Caddy.

usage: Tests/Clients/clients.py USERD [word...]

USERD is the executable. With words, only checks whose name holds one of them run. Needs from Debian curl, wrk, nginx-light and caddy, from
PyPI requests, httpx (which brings h11) and pyotp. Every check is an assertion on bytes and statuses; the whole run takes well under a minute."""
import concurrent.futures, contextlib, http.client, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, time
from pathlib import Path

import h11, httpx, pyotp, requests

import guarded
from checks import eventually, expect, free_port

CHECKS = []
PASSWORD = "correct horse battery 7"


def check(function):
    CHECKS.append(function)
    return function


def within(part, whole, what):
    if part not in whole:
        raise AssertionError(f"{what}: no {part!r} in {whole!r}")


class Server:
    """userd on a port and on a Unix socket, behind proxies on 127.0.0.1."""

    def __init__(self, exe, folder):
        self.path, self.log, self.data = f"{folder}/web", Path(folder, "log"), f"{folder}/db"
        for _ in range(3):
            self.port = free_port()
            self.process = subprocess.Popen(
                [exe, "serve", "--data", f"{folder}/db", "--listen", f"127.0.0.1:{self.port}", "--listen", f"unix:{self.path}",
                 "--http-trusted-proxies", "127.0.0.1", "--hash-memory", "128K", "--hash-time", "1", "--throttle-enabled", "false",
                 "--log-format", "json", "--log-level", "debug"], stdout=open(self.log, "wb"), stderr=subprocess.STDOUT)
            eventually(lambda: self.process.poll() is not None or '"listening"' in self.log.read_text() and os.path.exists(self.path),
                       "userd listens")
            # Somebody else may have taken the port since it was free.
            if self.process.poll() != 69:
                break
        expect(self.process.poll(), None, f"exit of userd, which said {self.log.read_text()}")
        self.origin, self.made = f"http://127.0.0.1:{self.port}", 0

    def sockets(self):
        """The sockets that the process holds, by their inode: one is seldom another one's successor within a second."""
        found = set()
        for name in os.listdir(f"/proc/{self.process.pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{self.process.pid}/fd/{name}")
                found |= {target} if target.startswith("socket:") else set()
        return found

    def registration(self, size=0, name="Ann"):
        """The body of a new account, filled with white space up to `size` bytes."""
        self.made += 1
        text = json.dumps({"email": f"client{self.made}@example.org", "password": PASSWORD, "name": name})
        return text[:-1].ljust(size - 1) + "}"

    def log_has(self, **members):
        def matches():
            for line in self.log.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    if all(entry.get(k) == v for k, v in members.items()):
                        return True
            return False
        eventually(matches, f"a line of the log with {members}", 5)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait(20), 0, "exit of userd")
        for line in self.log.read_text().splitlines():
            expect(json.loads(line).get("level") in ("info", "debug", "warn"), True, line)


def raw(port, data, wait_for_end=True, source="127.0.0.1"):
    """Sends bytes and reads to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as s:
        s.sendall(data)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
        return got


# ---- curl ----


def curl(*arguments, data=None):
    """(head, body, what %{...} says) of one or more transfers."""
    done = subprocess.run(["curl", "-sS", "-i", "--max-time", "10", "-w", "\n@%{http_code} %{num_connects} %{size_upload}\n", *arguments],
                          input=data, capture_output=True)
    if done.returncode:
        raise AssertionError(f"curl {arguments}: exit {done.returncode} {done.stderr!r}")
    text = done.stdout.decode()
    facts = [tuple(map(int, line[1:].split())) for line in re.findall(r"^@\d+ \d+ \d+$", text, re.M)]
    head, _, body = text.partition("\r\n\r\n")
    return head, body.rsplit("\n@", 1)[0], facts


@check
def curl_speaks_both_versions(s):
    head, body, facts = curl(s.origin + "/livez")
    within("HTTP/1.1 200 OK", head, "status line")
    expect(json.loads(body)["status"], "ok", "body")
    expect("connection:" in head.lower(), False, "Connection to HTTP/1.1")
    head, _, facts = curl("--http1.0", s.origin + "/livez")
    within("Connection: close", head, "head to HTTP/1.0")
    expect(facts, [(200, 1, 0)], "HTTP/1.0")
    _, _, facts = curl("--http1.0", "-H", "Connection: keep-alive", s.origin + "/livez", s.origin + "/livez")
    expect([f[:2] for f in facts], [(200, 1), (200, 0)], "connections of HTTP/1.0 with keep-alive")


@check
def curl_uses_a_connection_again(s):
    _, _, facts = curl(*[s.origin + path for path in ["/livez", "/readyz", "/nothing", "/livez"]])
    expect([f[:2] for f in facts], [(200, 1), (200, 0), (404, 0), (200, 0)], "status and new connections")


@check
def curl_waits_for_100(s):
    def send(size):
        done = subprocess.run(["curl", "-sS", "-v", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-H", "Expect: 100-continue",
                               "--expect100-timeout", "9", "-H", "Content-Type: application/json", "--data-binary", "@-", s.origin + "/api/auth/register"],
                              input=s.registration(size).encode(), capture_output=True)
        return done.stdout.decode(), done.stderr.decode()
    facts, words = send(60_000)
    expect(facts, "201 60000", "an upload that was let in")
    within("100 Continue", words, "what curl heard")
    facts, words = send(70_000)
    expect(facts.split()[0], "413", "an upload that was turned away")
    expect("100 Continue" in words, False, "told to send what is too much")


@check
def curl_uploads_in_chunks(s):
    json_type = ["-H", "Content-Type: application/json", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary", "@-"]
    head, body, facts = curl(*json_type, s.origin + "/api/auth/register", data=s.registration(60_000, "Chunky").encode())
    expect(facts[0][0], 201, body)
    expect(json.loads(body)["user"]["name"], "Chunky", "what came of the chunks")
    _, body, facts = curl(*json_type, s.origin + "/api/auth/register", data=s.registration(70_000).encode())
    expect((facts[0][0], json.loads(body)["code"]), (413, "body_too_large"), "too many chunks")


@check
def curl_by_unix_socket(s):
    head, body, facts = curl("--unix-socket", s.path, "http://anything/livez", "http://anything/livez")
    expect([f[:2] for f in facts], [(200, 1), (200, 0)], "status and new connections")


@check
def curl_heads_and_options(s):
    get, body, _ = curl(s.origin + "/")
    head = subprocess.run(["curl", "-sS", "-I", s.origin + "/"], capture_output=True, check=True).stdout.decode()
    def fields(text):
        names = {line.split(": ")[0]: line.split(": ")[1] for line in text.strip().split("\r\n")[1:]}
        return {k: v for k, v in names.items() if k not in ("Date", "X-Request-Id")}
    expect(fields(head), fields(get), "the head of HEAD")
    expect(fields(head)["Content-Length"], str(len(body)), "length")
    head, body, facts = curl("-X", "OPTIONS", s.origin + "/livez")
    expect((facts[0][0], body), (204, ""), "OPTIONS")
    within("Allow: GET, HEAD, OPTIONS", head, "OPTIONS")
    _, body, facts = curl("-X", "OPTIONS", "--request-target", "*", s.origin)
    expect(facts[0][0], 204, "OPTIONS *")
    head, body, facts = curl("--data-raw", "x", s.origin + "/livez")
    expect((facts[0][0], json.loads(body)["code"]), (405, "method_not_allowed"), "POST to what is only read")


# ---- Python ----


@check
def http_client_keeps_its_connection(s):
    before = s.sockets()
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
    used = set()
    for n in range(100):
        c.request("GET", "/livez", headers={"X-Request-Id": f"n{n}"})
        answer = c.getresponse()
        expect((answer.status, answer.read()[:1], answer.headers["X-Request-Id"]), (200, b"{", f"n{n}"), "answer")
        used |= s.sockets() - before
    expect(len(used), 1, "connections for 100 requests")
    c.request("GET", "/livez", headers={"Host": "a b"})
    answer = c.getresponse()
    expect((answer.status, json.loads(answer.read())["code"], answer.headers["Connection"]), (400, "malformed_request", "close"), "a bad Host")


@check
def a_pipeline_is_answered_in_order(s):
    count = 500
    asked = b"".join(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: p%d\r\n\r\n" % n for n in range(count - 1))
    got = raw(s.port, asked + b"GET /nothing HTTP/1.1\r\nHost: a\r\nX-Request-Id: p%d\r\nConnection: close\r\n\r\n" % (count - 1))
    expect(re.findall(rb"X-Request-Id: (p\d+)\r\n", got), [b"p%d" % n for n in range(count)], "order")
    expect(got.count(b"HTTP/1.1 200 OK\r\n"), count - 1, "answers")


@check
def h11_reads_every_answer(s):
    """A strict reader of somebody else's: it must take every answer, and see the end where the server does."""
    length = len(s.registration(70_000))
    cases = [("GET", "/livez", b"", b"", 200), ("HEAD", "/livez", b"", b"", 200), ("OPTIONS", "/livez", b"", b"", 204), ("GET", "/nothing", b"", b"", 404),
             ("BREW", "/", b"", b"", 501), ("POST", "/livez", b"Content-Length: 1\r\n", b"x", 405), ("GET", "/livez", b"Content-Length: x\r\n", b"", 400),
             ("POST", "/api/auth/register", b"Content-Length: %d\r\nContent-Type: application/json\r\n" % length, b"", 413), ("GET", "/" + "p" * 9000, b"", b"", 414),
             ("POST", "/api/auth/login", b"Content-Length: 2\r\nContent-Type: application/json\r\n", b"{}", 422), ("GET", "/livez", b"Expect: x\r\n", b"", 417),
             ("GET", "/livez", b"X: " + b"v" * 17_000 + b"\r\n", b"", 431), ("POST", "/api/auth/login", b"Content-Length: 2\r\n", b"{}", 415), ("GET", "/api/auth/me", b"", b"", 401)]
    for method, target, lines, body, status in cases:
        reader = h11.Connection(our_role=h11.CLIENT)
        reader.send(h11.Request(method=method, target="/", headers=[("Host", "a"), ("Connection", "close")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(raw(s.port, f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".encode() + lines + b"\r\n" + body))
        reader.receive_data(b"")
        events = []
        while not events or not isinstance(events[-1], (h11.EndOfMessage, h11.ConnectionClosed)):
            events.append(reader.next_event())
        expect((events[0].status_code, type(events[-1])), (status, h11.EndOfMessage), f"{method} {target[:30]}")
        expect(reader.trailing_data[0], b"", "bytes behind the answer")


def tour(call, what):
    """Register, look, refresh, log out, with any client: `call(method, path, json=, token=)` gives status and document."""
    email = f"{what}@example.org"
    status, auth = call("POST", "/api/auth/register", {"email": email, "password": PASSWORD, "name": what})
    expect((status, auth["user"]["email"]), (201, email), "register")
    expect(call("GET", "/api/auth/me", token=auth["token"])[1]["name"], what, "me")
    status, fresh = call("POST", "/api/auth/refresh", {"refreshToken": auth["refreshToken"]})
    expect(status, 200, "refresh")
    expect(call("POST", "/api/auth/logout", {}, token=fresh["token"])[0], 204, "logout")
    status, problem = call("GET", "/api/auth/me", token=fresh["token"])
    expect((status, problem["code"]), (401, "session_revoked"), "me after logout")


def caller(session, origin):
    def call(method, path, body=None, token=None):
        answer = session.request(method, origin + path, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})
        return answer.status_code, answer.json() if answer.content else None
    return call


@check
def requests_tours(s):
    with requests.Session() as session:
        tour(caller(session, s.origin), "requests")
        expect([p.num_connections for p in session.adapters["http://"].poolmanager.pools._container.values()], [1], "connections")
        body = s.registration(50_000).encode()
        answer = session.post(s.origin + "/api/auth/register", data=(body[n:n + 7000] for n in range(0, len(body), 7000)), headers={"Content-Type": "application/json"})
        expect((answer.request.headers.get("Transfer-Encoding"), answer.status_code), ("chunked", 201), "a generator as body")
        expect(session.post(s.origin + "/api/auth/register", data="x" * 3_000_000, headers={"Content-Type": "application/json"}).json()["code"], "body_too_large", "3 MB")
        expect(session.get(s.origin + "/livez", headers={"X": "v" * 20_000}).json()["code"], "headers_too_large", "20 KB of header")


@check
def httpx_tours(s):
    before = s.sockets()
    with httpx.Client() as session:
        tour(caller(session, s.origin), "httpx")
        expect(len(s.sockets() - before), 1, "connections")
        body = s.registration(50_000).encode()
        answer = session.post(s.origin + "/api/auth/register", content=(body[n:n + 7000] for n in range(0, len(body), 7000)), headers={"Content-Type": "application/json"})
        expect((answer.request.headers.get("Transfer-Encoding"), answer.status_code), ("chunked", 201), "a generator as body")
    with httpx.Client(transport=httpx.HTTPTransport(uds=s.path)) as session:
        tour(caller(session, "http://anything"), "httpx-unix")


# ---- wrk ----


def wrk(url, *arguments):
    out = subprocess.run(["wrk", "-t2", "-c50", "-d2s", *arguments, url], capture_output=True, text=True, check=True).stdout
    if "Socket errors" in out or "Non-2xx" in out:
        raise AssertionError(out)
    count = int(re.search(r"(\d+) requests in", out)[1])
    expect(count > 500, True, f"requests: {out}")


@check
def wrk_meets_no_error(s):
    wrk(s.origin + "/livez")


@check
def wrk_pipelines(s):
    script = Path(s.log.parent, "pipeline.lua")
    script.write_text('local r\nfunction init()\n  local t = {}\n  for i = 1, 16 do t[i] = wrk.format(nil, "/livez") end\n  r = table.concat(t)\nend\nfunction request() return r end\n')
    wrk(s.origin + "/livez", "-s", str(script))


# ---- proxies ----


@contextlib.contextmanager
def proxy(argv, port, **options):
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        def listens():
            expect(process.poll(), None, f"{argv[0]} ended")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
        eventually(listens, f"{argv[0]} listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def nginx(s, folder, log=None):
    """nginx in front of a server; with `log`, the text of each line and the name of the file."""
    port, config = free_port(), Path(folder, "nginx.conf")
    text = (Path(__file__).parent / "nginx.conf").read_text()
    if log:
        form, name = log.rsplit(" ", 1)
        text = text.replace("access_log off;", f"log_format seen {form};\n  access_log {folder}/{name} seen;")
    for word, value in (("USER", "user root;" if os.geteuid() == 0 else ""), ("FOLDER", folder), ("PORT", port), ("USERD", f"127.0.0.1:{s.port}"), ("SOCKET", s.path)):
        text = text.replace(f"@{word}@", str(value))
    config.write_text(text)
    return proxy([shutil.which("nginx") or "/usr/sbin/nginx", "-e", f"{folder}/nginx.log", "-c", str(config)], port)


def caddy(s, folder):
    port, config = free_port(), Path(folder, "Caddyfile")
    text = (Path(__file__).parent / "Caddyfile").read_text()
    for word, value in (("PORT", port), ("USERD", f"127.0.0.1:{s.port}"), ("SOCKET", s.path)):
        text = text.replace(f"@{word}@", str(value))
    config.write_text(text)
    home = dict(os.environ, XDG_DATA_HOME=folder, XDG_CONFIG_HOME=folder, HOME=folder)
    return proxy(["caddy", "run", "--config", str(config), "--adapter", "caddyfile"], port, env=home)


def behind(s, origin, name):
    """What must hold behind any proxy."""
    before, used = s.sockets(), set()
    port = int(origin.rsplit(":", 1)[1])
    with requests.Session() as session:
        for n in range(60):
            answer = session.get(origin + "/livez", headers={"Connection": "close"} if n % 3 == 0 else {})
            expect((answer.status_code, answer.headers["X-API-Version"]), (200, "v1"), "through the proxy")
            used |= s.sockets() - before
        expect(1 <= len(used) <= 4, True, f"{len(used)} connections to userd for 60 requests and 20 connections to {name}")
        tour(caller(session, origin), name)

        # The client's own address, as the proxy saw it; what the client says of itself counts for nothing.
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=("127.0.0.5", 0))
        c.request("GET", f"/{name}", headers={"X-Forwarded-For": "203.0.113.77", "X-Request-Id": f"from-{name}"})
        expect(c.getresponse().status, 404, "a path that is not there")
        s.log_has(requestId=f"from-{name}", clientIp="127.0.0.5")

        for path in ["", "/unbuffered"]:
            for size in (10, 60_000):
                answer = session.post(origin + path + "/api/auth/register", data=s.registration(size), headers={"Content-Type": "application/json"})
                expect(answer.status_code, 201, f"an upload of {size} bytes: {answer.text}")
            body = s.registration(40_000).encode()
            answer = session.post(origin + path + "/api/auth/register", data=iter([body[:20_000], body[20_000:]]), headers={"Content-Type": "application/json"})
            expect(answer.status_code, 201, f"an upload in chunks: {answer.text}")
            # Answered before all of it is read: only a server that lets the sender finish gets its answer through, every time. The proxy ends such
            # a connection a moment later, so each has one of its own.
            for _ in range(10):
                answer = requests.post(origin + path + "/api/auth/register", data="x" * 900_000, headers={"Content-Type": "application/json"}, timeout=10)
                expect((answer.status_code, answer.json()["code"]), (413, "body_too_large"), f"an upload of 900 KB{path}")
        answer = requests.get(origin + "/livez", headers={"X-Long": "v" * 18_000}, timeout=10)
        expect((answer.status_code, answer.json()["code"]), (431, "headers_too_large"), "a header of 18 KB")
        expect(requests.get(origin + "/local/livez", timeout=10).status_code, 200, "by the Unix socket")
    # After refusals that cost their connections all is as before.
    wrk(origin + "/livez")


@check
def nginx_in_front(s):
    with tempfile.TemporaryDirectory() as folder, nginx(s, folder) as origin:
        behind(s, origin, "nginx")
        expect("upstream" in Path(folder, "nginx.log").read_text(), False, Path(folder, "nginx.log").read_text())


@check
def caddy_in_front(s):
    with tempfile.TemporaryDirectory() as folder, caddy(s, folder) as origin:
        behind(s, origin, "caddy")


# ---- forward-auth, configured as docs/deploy says ----


@check
def nginx_asks_first(s):
    with tempfile.TemporaryDirectory() as folder, guarded.application() as inner:
        port, config = free_port(), Path(folder, "nginx.conf")
        os.chmod(folder, 0o755)
        paths = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"{'user root;' if os.geteuid() == 0 else ''} pid {folder}/pid; error_log {folder}/nginx.log error; daemon off; events {{}}\n"
                          f"http {{ access_log off; {paths}\n{guarded.deployed('nginx.conf', s.port, port, inner)}\n}}\n")
        Path(folder, "userd-guarded.conf").write_text((Path(__file__).parents[2] / "docs/deploy/userd-guarded.conf").read_text())
        with proxy([shutil.which("nginx") or "/usr/sbin/nginx", "-e", f"{folder}/nginx.log", "-c", str(config)], port) as origin:
            guarded.holds(s, origin, expect)


@check
def caddy_asks_first(s):
    with tempfile.TemporaryDirectory() as folder, guarded.application() as inner:
        port, config = free_port(), Path(folder, "Caddyfile")
        config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + guarded.deployed("Caddyfile", s.port, port, inner))
        home = dict(os.environ, XDG_DATA_HOME=folder, XDG_CONFIG_HOME=folder, HOME=folder)
        with proxy(["caddy", "run", "--config", str(config), "--adapter", "caddyfile"], port, env=home) as origin:
            guarded.holds(s, origin, expect)


# ---- an authenticator app ----


@check
def an_app_made_by_others_logs_in(s):
    account = json.loads(s.registration())

    def ask(path, body, token=None, status=200):
        answer = requests.post(s.origin + path, json=body, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=10)
        expect(answer.status_code, status, f"{path}: {answer.text}")
        return answer.json()

    token = ask("/api/auth/register", account, status=201)["token"]
    shown = ask("/api/auth/mfa/totp", {}, token, status=201)
    app = pyotp.parse_uri(shown["otpauthUri"])
    expect((app.secret, app.issuer, app.name), (shown["secret"], "userd", account["email"]), "what the app reads")
    codes = ask("/api/auth/mfa/totp/confirm", {"code": app.now()}, token)["recoveryCodes"]
    # Of eight logins that bring the next code at the same time, one gets in.
    login = {"email": account["email"], "password": account["password"]}
    waiting = [ask("/api/auth/login", login, status=401) for _ in range(8)]
    expect({half["code"] for half in waiting}, {"mfa_required"}, "the first half")
    code = app.at(int(time.time()) + 30)

    def finish(half, method, code):
        body = {"mfaToken": half["mfaToken"], "method": method, "code": code}
        return requests.post(s.origin + "/api/auth/login/mfa", json=body, timeout=10)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda half: finish(half, "totp", code), waiting))
    expect(sorted(answer.status_code for answer in answers), [200] + [401] * 7, "the second halves")
    used = ask("/api/auth/login", login, status=401)
    expect(finish(used, "totp", code).json()["code"], "mfa_invalid", "the code again")
    left = finish(used, "recovery_code", codes[0]).json()
    expect((left["session"]["methods"], left["user"]["mfa"]), (["pwd", "recovery_code"], {"totp": True, "recoveryCodesLeft": 9}), "the way out")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    # userd refuses variables of its kind that it does not know, and the seed of a run of all tests is one.
    os.environ.pop("USERD_SEED", None)
    began, failed, chosen = time.monotonic(), 0, [c for c in CHECKS if not sys.argv[2:] or any(w in c.__name__ for w in sys.argv[2:])]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(sys.argv[1], folder)
        try:
            for one in chosen:
                start = time.monotonic()
                try:
                    one(server)
                    print(f"ok      {one.__name__.replace('_', ' ')} ({time.monotonic() - start:.1f} s)", flush=True)
                except Exception as error:
                    failed += 1
                    print(f"FAILED  {one.__name__.replace('_', ' ')}: {type(error).__name__}: {str(error)[:2000]}", flush=True)
            server.stop()
        finally:
            server.process.kill()
            server.process.wait()
    print(f"clients: {len(chosen) - failed} of {len(chosen)} in {time.monotonic() - began:.0f} s")
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
