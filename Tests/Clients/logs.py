#!/usr/bin/env python3
"""The log of the real executable: hostile requests with a marked secret in every place, a reader that stops, sampling.

usage: Tests/Clients/logs.py USERD [--requests N] [--seed N] [word...]

USERD is the executable. Needs opentelemetry-proto and requests from PyPI. Lines are read by Python's json."""
import argparse, contextlib, fcntl, json, os, random, re, signal, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path

from clients import eventually, expect, free_port
from traces import PARENT, TRACE, Collector

CHECKS = []
NAMES = {"ts", "level", "component", "msg", "requestId", "traceId", "spanId", "method", "route", "status", "durationMs", "bytes", "clientIp", "userId", "code", "end"}


def check(function):
    CHECKS.append(function)
    return function


@contextlib.contextmanager
def serving(exe, output, *flags):
    """userd on a Unix socket, its log in `output`; yields the path of the socket and the process."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/web"
        process = subprocess.Popen(
            [exe, "serve", "--data", f"{folder}/db", "--listen", f"unix:{path}", "--threads", "1", "--hash-memory", "128K", "--hash-time", "1",
             "--throttle-enabled", "false", "--log-level", "debug", *flags], stdout=output, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: process.poll() is not None or os.path.exists(path), "userd listens")
            expect(process.poll(), None, "exit of userd")
            yield path, process
        finally:
            process.kill()
            process.wait()


def stop(process):
    process.send_signal(signal.SIGTERM)
    expect(process.wait(30), 0, "exit of userd")


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    end = time.monotonic() + 15
    while True:
        try:
            s.connect(path)
            return s
        except OSError:
            # The file is there a moment before anybody listens.
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def ask(path, requests):
    """Sends bytes over one connection and counts the answers until it ends; answers of all requests come in their order."""
    with connect(path) as s:
        sender = threading.Thread(target=send, args=(s, requests))
        sender.start()
        count, rest = 0, b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := s.recv(1 << 16):
                rest += chunk
                count += rest.count(b"HTTP/1.1 ")
                rest = rest[-8:] if b"HTTP/1.1 " not in rest[-8:] else b""
        sender.join()
        return count


def send(s, data):
    with contextlib.suppress(OSError):
        s.sendall(data)


def hostile(r, secret, is_last):
    """One request, right or wrong, with the secret in some of the places that it has."""
    path = r.choice(["/", "/livez", f"/{secret}", f"/api/v1/users/{secret}", f"/api/auth/me?token={secret}", "/api/auth/login", "/api/auth/register",
                     "/api/auth/refresh", "/api/auth/password/forgot", "/api/v1/setup", f"/problems/{secret}", f"/a%0a{secret}", "*", "/api/auth/verify?rol=" + secret])
    method = r.choice(["GET", "GET", "POST", "POST", "DELETE", "PATCH", "OPTIONS", "X-" + secret])
    fields = r.sample([
        f"Authorization: Bearer {secret}", f"Authorization: Basic {secret}", f"Authorization: Bearer udk_{secret}", f"Cookie: id={secret}", f"User-Agent: {secret}",
        f"X-Request-Id: {secret}!", "X-Request-Id: fine", f"traceparent: 00-{TRACE}-{PARENT}-01", f"traceparent: 00-{TRACE}-{PARENT}-01-{secret}", f"traceparent: {secret}",
        f"Referer: {secret}", f"X-{secret}: {secret}", f"Origin: https://{secret}", f"Idempotency-Key: {secret}", f"X-Forwarded-For: {secret}", f"If-Match: \"{secret}\"",
        f"Forwarded: for={secret}", "Accept: \x7f\x01", "X: \xff"], r.randrange(6))
    body = r.choice([b"", json.dumps({"email": f"{secret}@example.org", "password": secret, "refreshToken": secret, "token": secret, "name": secret + "\n", "code": secret,
                                      "newPassword": secret, secret: secret}).encode(), b'{"email":"' + secret.encode(), secret.encode() + bytes(r.randrange(256) for _ in range(9))])
    head = [f"{method} {path} HTTP/1.1", f"Host: {r.choice(['a', secret])}", *fields]
    if body:
        head += [f"Content-Type: {r.choice(['application/json', 'application/json', 'text/' + secret])}", f"Content-Length: {len(body)}"]
    if is_last:
        head.append("Connection: close")
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body


@check
def no_secret_and_no_second_line_in_any_form(exe, options):
    seed = options.seed
    print(f"        --seed {seed}", flush=True)
    for form, count in (("json", options.requests), ("text", options.requests // 10)):
        r, secret = random.Random(seed), f"s3cret{seed:x}plant"
        with Collector() as collector, tempfile.NamedTemporaryFile() as log:
            flags = ["--log-format", form, "--trace-otlp-url", collector.url, "--trace-sample", "0.01"]
            with serving(exe, log, *flags) as (path, process):
                answers = 0
                while answers < count:
                    batch = r.randrange(1, 40)
                    answers += ask(path, b"".join(hostile(r, secret, n == batch - 1) for n in range(batch)))
                stop(process)
            said = Path(log.name).read_bytes()
        lines = said.split(b"\n")
        expect(lines.pop(), b"", "what follows the last line")
        expect(secret.encode() in said, False, next((line for line in lines if secret.encode() in line), b""))
        expect(secret.encode() in b"".join(collector.posts), False, "the secret in spans")
        expect(len(collector.posts) > 0, True, "spans to look into")
        entries = []
        for line in lines:
            expect(re.search(rb"[\x00-\x1f\x7f]", line), None, f"control characters in {line!r}")
            if form == "json":
                entry = json.loads(line.decode("utf-8", "strict"))
                expect(list(entry)[:4], ["ts", "level", "component", "msg"], f"members of {line!r}")
                if entry["msg"] == "request":
                    expect(set(entry) <= NAMES, True, f"members of {line!r}")
                    entries.append(entry)
            elif b" http: request " in line:
                entries.append(line)
        expect(len(entries), answers, "lines of requests")
    print(f"        {answers} answers in text, {count} and more in JSON", flush=True)


def pipe():
    """Both ends of a pipe of packets with room for 64 KiB."""
    ends = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, 65536)
    return ends


@check
def nobody_waits_for_a_reader_that_has_stopped_and_each_dropped_line_is_counted(exe, options):
    reading, writing = pipe()
    with serving(exe, writing, "--log-format", "json") as (path, process):
        os.close(writing)
        count = 20_000
        one = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + b"i" * 120 + b"\r\n\r\n"
        expect(ask(path, one * (count - 1) + one.replace(b"Host: a", b"Host: a\r\nConnection: close")), count, "answers while nobody reads")
        # From here on somebody reads. A pipe of packets gives back each write as it was.
        writes, done = [], threading.Event()

        def read():
            while chunk := os.read(reading, 65536):
                writes.append(chunk)
            done.set()
        threading.Thread(target=read, daemon=True).start()
        eventually(lambda: b"lines were dropped" in b"".join(writes), "the server says that lines were dropped")
        stop(process)
        done.wait(10)
    os.close(reading)
    expect([w[-60:] for w in writes if not w.endswith(b"\n")], [], "writes that do not end with a line")
    entries = [json.loads(line) for line in b"".join(writes).splitlines()]
    dropped = sum(e["count"] for e in entries if e["msg"].startswith("lines were dropped"))
    written = sum(1 for e in entries if e["msg"] == "request")
    expect(dropped > 0, True, "dropped lines")
    expect(written + dropped, count, f"{written} lines of requests and {dropped} dropped of")
    expect(len(writes) * 5 < len(entries), True, f"{len(writes)} writes for {len(entries)} lines")


@check
def sampling_takes_every_tenth_success_and_every_error(exe, options):
    def lines(sample):
        with tempfile.NamedTemporaryFile() as log, Collector() as collector:
            flags = ["--log-format", "json", "--log-sample", sample, "--trace-otlp-url", collector.url, "--trace-sample", "0"]
            with serving(exe, log, *flags) as (path, process):
                good, bad = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                traced = good.replace(b"\r\n\r\n", f"\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n\r\n".encode())
                last = bad.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
                expect(ask(path, (good * 9 + bad + good) * 100 + traced * 5 + last), 1106, "answers")
                stop(process)
            entries = [json.loads(line) for line in Path(log.name).read_text().splitlines()]
        statuses = [e["status"] for e in entries if e["msg"] == "request" and "spanId" not in e]
        return statuses.count(200), statuses.count(404), sum(1 for e in entries if "spanId" in e)
    expect(lines("0.1"), (100, 101, 5), "lines of successes, errors and traced requests at 0.1")
    expect(lines("0"), (0, 101, 5), "at 0")
    expect(lines("1"), (1000, 101, 5), "at 1")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exe")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--requests", type=int, default=20_000, help="hostile requests in JSON, and a tenth of it in text")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("USERD_SEED") or random.randrange(1 << 32)))
    options = parser.parse_args()
    os.environ.pop("USERD_SEED", None)
    began, failed, chosen = time.monotonic(), 0, [c for c in CHECKS if not options.words or any(w in c.__name__ for w in options.words)]
    for one in chosen:
        start = time.monotonic()
        try:
            one(options.exe, options)
            print(f"ok      {one.__name__.replace('_', ' ')} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED  {one.__name__.replace('_', ' ')}: {type(error).__name__}: {str(error)[:2000]}", flush=True)
    print(f"logs: {len(chosen) - failed} of {len(chosen)} in {time.monotonic() - began:.0f} s")
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
