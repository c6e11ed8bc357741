#!/usr/bin/env python3
"""Counts the allocations of userd for one request, exactly: a copy of the executable is linked with a counter in front of malloc.

usage: Benchmarks/allocations.py [--requests N]

The first run builds that copy under .build/counted (minutes); needs gcc. What is counted is the process as a whole, its log and its timers
included, over N requests on one connection after as many to warm up. Standard library only."""
import argparse, http.client, json, mmap, signal, socket, struct, subprocess, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / ".build"
PASSWORD = "correct horse battery 7"


def build():
    counter = BUILD / "counted-malloc.o"
    subprocess.run(["gcc", "-O2", "-c", str(HERE / "counted-malloc.c"), "-o", str(counter)], check=True)
    # The build does not know of the counter, and would not link again for another one.
    (BUILD / "counted/release/userd").unlink(missing_ok=True)
    wraps = [w for name in ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign") for w in ("-Xlinker", f"--wrap={name}")]
    subprocess.run(["swift", "build", "-c", "release", "--product", "userd", "--scratch-path", str(BUILD / "counted"), *wraps, "-Xlinker", str(counter)],
                   check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
    return str(BUILD / "counted/release/userd")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    exe = build()
    with tempfile.TemporaryDirectory(dir=BUILD) as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port, counter = probe.getsockname()[1], Path(folder, "count")
        probe.close()
        counter.write_bytes(bytes(8))
        process = subprocess.Popen([exe, "serve", "--data", f"{folder}/db", "--listen", f"127.0.0.1:{port}", "--threads", "1", "--log-level", "warn",
                                    "--throttle-enabled", "false", "--hash-memory", "128K", "--hash-time", "1"], env={"COUNTED_ALLOCATIONS": str(counter)})
        with open(counter, "r+b") as file:
            count = mmap.mmap(file.fileno(), 8)
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while True:
            try:
                c.connect()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("userd ended")
                time.sleep(0.01)

        def ask(method, path, body=None, token=None):
            c.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} | ({"Authorization": "Bearer " + token} if token else {}))
            answer = c.getresponse()
            raw = answer.read()
            if answer.status // 100 != 2:
                raise SystemExit(f"{method} {path}: {answer.status} {raw[:200]!r}")
            return raw

        auth = json.loads(ask("POST", "/api/auth/register", {"email": "a@example.org", "password": PASSWORD, "name": "A"}))
        print("| request | allocations for each |\n|---|---|")
        for what, call in (("`GET /livez`", lambda: ask("GET", "/livez")), ("`GET /api/auth/me`", lambda: ask("GET", "/api/auth/me", token=auth["token"]))):
            figures = []
            for _ in range(2):
                before = struct.unpack("Q", count[:8])[0]
                for _ in range(options.requests):
                    call()
                figures.append((struct.unpack("Q", count[:8])[0] - before) / options.requests)
            if before == 0:
                raise SystemExit("nothing was counted: the counter is not linked in")
            print(f"| {what} | {figures[1]:.3f} |")
        process.send_signal(signal.SIGTERM)
        process.wait(20)


if __name__ == "__main__":
    main()
