#!/usr/bin/env python3
"""The contract as other programs read it: the OpenAPI document valid, every answer as it says, the TypeScript declarations strict.

usage: Tests/Clients/contract/contract.py USERD [--seed N] [--examples N] [schemathesis option...]

USERD is the executable. Needs openapi-spec-validator and schemathesis from PyPI, and node-typescript from Debian."""
import json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
EMAIL, PASSWORD = "root@example.org", "correct horse battery 7"
# A seed of its own would be refused as an unknown setting.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("USERD_")}


def fail(what):
    sys.exit(f"contract: {what}")


def serve(exe, folder):
    """Starts a server with an administrator; the process and its address."""
    done = subprocess.run(
        [exe, "admin", "user", "create", "--email", EMAIL, "--role", "admin", "--password-stdin", "--data", f"{folder}/db"],
        input=f"{PASSWORD}\n", text=True, capture_output=True, env=ENVIRONMENT)
    if done.returncode:
        fail(f"admin user create: {done.stderr}")
    log = Path(folder, "log")
    process = subprocess.Popen(
        [exe, "serve", "--data", f"{folder}/db", "--listen", "127.0.0.1:0", "--hash-memory", "128K", "--hash-time", "1",
         "--throttle-enabled", "false", "--log-format", "json"], stdout=log.open("wb"), stderr=subprocess.STDOUT, env=ENVIRONMENT)
    for _ in range(600):
        for line in log.read_text().splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("listen"):
                return process, f"http://{entry['listen']}", log
        if process.poll() is not None:
            break
        time.sleep(0.05)
    fail(f"userd does not listen: {log.read_text()}")


def typescript(exe, folder):
    """The declarations, a program that uses them and one that must not compile."""
    shutil.copytree(HERE / "typescript", f"{folder}/typescript")
    declarations = subprocess.run([exe, "schema", "typescript"], capture_output=True, env=ENVIRONMENT, check=True).stdout
    Path(folder, "typescript", "types.d.ts").write_bytes(declarations)
    compiler = ["tsc", "--strict", "--noEmit", "--target", "es2020", "--lib", "es2020,dom"]
    good = subprocess.run([*compiler, "types.d.ts", "client.ts"], cwd=f"{folder}/typescript", capture_output=True, text=True)
    if good.returncode:
        fail(f"types.d.ts or its example does not compile:\n{good.stdout}")
    bad = subprocess.run([*compiler, "mistakes.ts"], cwd=f"{folder}/typescript", capture_output=True, text=True)
    text = Path(folder, "typescript", "mistakes.ts").read_text().splitlines()
    wanted = {number for number, line in enumerate(text, 1) if line.endswith("// mistake")}
    found = {int(line.split("(")[1].split(",")[0]) for line in bad.stdout.splitlines() if line.startswith("mistakes.ts(")}
    if found != wanted:
        fail(f"the compiler found mistakes in lines {sorted(found)}, not {sorted(wanted)}:\n{bad.stdout}")
    print(f"types.d.ts: strict, its example compiles, {len(wanted)} of {len(wanted)} mistakes are found")


def main(exe, options):
    tools = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        typescript(exe, folder)
        document = Path(folder, "openapi.json")
        document.write_bytes(subprocess.run([exe, "schema", "openapi"], capture_output=True, env=ENVIRONMENT, check=True).stdout)
        if subprocess.run([tools / "openapi-spec-validator", document]).returncode:
            fail("the OpenAPI document is not valid")
        process, origin, log = serve(exe, folder)
        try:
            environment = ENVIRONMENT | {
                "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "CONTRACT_ORIGIN": origin, "CONTRACT_EMAIL": EMAIL,
                "CONTRACT_PASSWORD": PASSWORD}
            done = subprocess.run(
                [tools / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run", f"{origin}/openapi.json", "--checks", "all",
                 # Figures are on a listener of their own: here the path is none, whatever the method.
                 "--exclude-path", "/metrics", "--warnings", "off", *options], cwd=folder, env=environment)
        finally:
            process.terminate()
            code = process.wait(30)
        errors = [line for line in log.read_text().splitlines() if '"level":"error"' in line]
        if done.returncode or code or errors:
            fail(f"schemathesis ended with {done.returncode}, userd with {code}; {len(errors)} errors in its log: {errors[:5]}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), sys.argv[2:])
