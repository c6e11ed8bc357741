#!/usr/bin/env python3
"""Generated inputs to userd and to other people's readers of the same formats; every difference must have a reason that is written down.

usage: Tests/Clients/differences.py USERD [--http N] [--json N] [--seed N] [--table]

HTTP beside nginx and, where there is a Go toolchain, net/http; JSON beside Python's json and orjson. Access tokens beside PyJWT are in
Tests/AuthTests/CrossCheck/tokens.py. The reasons stand in docs/differences.md; --table prints that table. Exit 1 for a difference without one.
Needs orjson from PyPI and nginx-light from Debian."""
import argparse, os, random, re, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "differences"))
import http_part, json_part, rules
from checks import Server

ROOT = HERE.parents[1]


def table():
    """The rows of docs/differences.md section 1."""
    out = []
    for title, rows, words in (("refused here", rules.REFUSED, "reads"), ("read here", rules.READ, "refuses"), ("refused by both, otherwise", rules.STATUS, "other status"), ("read by both, then otherwise", rules.AFTER, "otherwise")):
        out.append(f"| **{title}** | | | | |")
        for name, section, reason, who in rows:
            nginx, go = (words if peer in who.split() else "" for peer in ("nginx", "go"))
            out.append(f"| {name} | {nginx} | {go} | {section} | {reason} |")
    return out


def documented():
    """Complaints where the document and the rules are not the same."""
    text = (ROOT / "docs/differences.md").read_text()
    lines = set(text.splitlines())
    missing = [f"docs/differences.md has no row: {row}" for row in table() if row not in lines]
    missing += [f"docs/differences.md does not say: {reason}" for reason in json_part.RULES if f"| {reason} |" not in text]
    tokens = (ROOT / "Tests/AuthTests/CrossCheck/tokens.py").read_text()
    names = re.findall(r'^    "(.+?)":', tokens[tokens.index("RULES = {"):tokens.index("def verdict")], re.M)
    return missing + [f"docs/differences.md does not name the rule of tokens: {name}" for name in names if f"| {name} |" not in text]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exe", nargs="?")
    parser.add_argument("--http", type=int, default=20_000)
    parser.add_argument("--json", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("USERD_SEED") or random.randrange(1 << 32)))
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.table:
        print("\n".join(table()))
        return
    exe, began, shown = str(Path(options.exe).resolve()), time.monotonic(), 0

    def report(line):
        nonlocal shown
        shown += 1
        if shown <= 20:
            print("  " + line, flush=True)

    print(f"differences: --seed {options.seed}", flush=True)
    wrong = documented()
    for line in wrong:
        report(line)
    wrong, with_go = len(wrong), True
    with tempfile.TemporaryDirectory(prefix="userd-differences-") as folder:
        if options.http:
            said, reasons, unexplained, with_go = http_part.compare(exe, folder, options.seed, options.http, report)
            wrong += unexplained
            print(f"  {said}")
            print(f"  reasons, with how often: {', '.join(f'{peer}: {name} {count}' for (peer, name), count in reasons.most_common(12))} ...")
            seen = {name for _, name in reasons}
            print(f"  {len(seen)} of {len(rules.NAMES)} reasons were met; not met: {', '.join(sorted(rules.NAMES - seen)) or 'none'}")
        if options.json:
            with Server(exe, Path(folder, "json")) as server:
                said, reasons, unexplained = json_part.compare(server, options.seed, options.json, report)
            wrong += unexplained
            print(f"  {said}; {', '.join(f'{peer}: {name} {count}' for (peer, name), count in reasons.most_common())}")
    if not with_go:
        print("  left out: no Go toolchain here, so nothing was compared with net/http")
    print(f"differences: {wrong} without a reason, {time.monotonic() - began:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
