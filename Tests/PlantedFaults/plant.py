#!/usr/bin/env python3
"""Plants mistakes in Storage, HTTP, Auth and Crypto, one at a time, and says which of them no test notices.

usage: Tests/PlantedFaults/plant.py [--floor storage,http,auth,crypto] [--only NAME,...] [--list] [--brief] [--whole] [--skip-build] [--json FILE]

A fault is (name, file, place, instead, what it means, suites). Place is a piece of the file with the part in it that is replaced between marks:
`⟦x⟧` for an expression, `⟪x⟫` for statements. A place that is not there exactly once ends the run: the list follows the code.

All faults are compiled into one copy of the tree under .build/planted, each behind a switch, `planted(7) ? wrong : right`, which
PLANTED_FAULT=7 turns on: one build for all of them. Suites must pass with none of them on. Then each is turned on for the suites that should
notice it; those that pass there, for all suites of their floor, and with --whole for all tests there are and `userd-fuzz smoke`. A test that fails, a trap, and a run that does not end notice a fault. Ends with 1 if more than one in twenty is missed.
"""
import argparse, importlib, json, os, re, signal, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".ci"))
from copied_tree import ROOT, copy_tree, cut_manifest

WORK = ROOT / ".build/planted"
# Beside what is built: in the tree the rules of the house would find them.
LOGS = WORK / ".build/faults"
FUZZ = WORK / ".build/debug/userd-fuzz"
FLOORS = {"storage": "Storage", "http": "HTTP", "auth": "Auth", "crypto": "Crypto"}
MARKS = {"⟦": "⟧", "⟪": "⟫"}
SWITCH = """// Which planted fault is on: Tests/PlantedFaults/plant.py.
import Glibc

private let number: Int = {
  guard let text = getenv("PLANTED_FAULT") else { return 0 }
  return Int(String(cString: text)) ?? 0
}()

@usableFromInline func planted(_ fault: Int) -> Bool { fault == number }
"""

class Fault:
    def __init__(self, number, floor, row):
        self.number, self.floor = number, floor
        self.name, file, self.place, self.instead, self.meaning, self.suites = row
        self.path = Path("Sources") / FLOORS[floor] / f"{file}.swift"

    def planted(self, text):
        """The file's text with this fault behind its switch."""
        opening = next((mark for mark in MARKS if mark in self.place), None)
        if not opening:
            raise SystemExit(f"plant: {self.name} does not mark what it replaces")
        before, rest = self.place.split(opening)
        right, after = rest.split(MARKS[opening])
        place = before + right + after
        if text.count(place) != 1:
            raise SystemExit(f"plant: {self.name}: {self.path} has {text.count(place)} times, not once: {place}")
        if opening == "⟦":
            new = f"(planted({self.number}) ? ({self.instead}) : ({right}))"
        else:
            # A switch around what is no whole statement is found by the compiler alone, after twenty minutes.
            if text[:text.index(place) + len(before)].rstrip(" ")[-1:] not in ("\n", "{", ";"):
                raise SystemExit(f"plant: {self.name}: what is marked begins within a statement: {right}")
            new = f"if planted({self.number}) {{ {self.instead} }} else {{ {right} }}"
        return text.replace(place, before + new + after)


def all_faults():
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    found = []
    for floor in FLOORS:
        for row in importlib.import_module(f"{floor}_faults").FAULTS:
            found.append(Fault(len(found) + 1, floor, row))
    names = [fault.name for fault in found]
    if len(set(names)) != len(names):
        raise SystemExit("plant: two faults have one name")
    return found


def planted_sources(faults):
    """Path -> text of everything that differs from the tree."""
    texts = {}
    for fault in faults:
        texts[fault.path] = fault.planted(texts.get(fault.path) or (ROOT / fault.path).read_text())
    for floor in {fault.floor for fault in faults}:
        texts[Path("Sources") / FLOORS[floor] / "Planted.swift"] = SWITCH
    return texts


def prepare(faults, floors, whole):
    manifest = (ROOT / "Package.swift").read_text()
    # A switch makes code that cannot be reached, and conditions that are too much.
    manifest = manifest.replace("  .strictMemorySafety(),\n", "").replace("  .treatAllWarnings(as: .error),\n", "")
    if not whole:
        manifest = cut_manifest(manifest, [FLOORS[floor] for floor in floors])
    copy_tree(WORK, planted_sources(faults) | {Path("Package.swift"): manifest})


def run(fault, argv, seconds):
    """"passed", "failed", "trapped" or "endless", and how long it took."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("USERD_")}
    environment |= {"PLANTED_FAULT": str(fault), "USERD_SEED": "20261121", "SWIFT_BACKTRACE": "enable=no"}
    began = time.monotonic()
    log = open(LOGS / f"fault-{fault}.log", "ab")
    process = subprocess.Popen(argv, cwd=WORK, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return "endless", time.monotonic() - began
    finally:
        log.close()
    return "passed" if status == 0 else "failed" if status > 0 else "trapped", time.monotonic() - began


def tests(suites):
    bundle = WORK / ".build/debug/userdPackageTests.xctest"
    return [str(bundle), "--test-bundle-path", str(bundle), "--testing-library", "swift-testing", "--filter", suites]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--floor", default=",".join(FLOORS))
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--brief", action="store_true", help="the named suites alone")
    parser.add_argument("--skip-build", action="store_true", help="what the last run built, if list and tree are as they were")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faults, floors = all_faults(), options.floor.split(",")
    wanted = [f for f in faults if f.floor in floors and (not options.only or f.name in options.only.split(","))]
    planted_sources(faults)
    if options.list:
        for fault in wanted:
            print(f"{fault.floor:8} {fault.name:28} {fault.meaning}")
        return print(f"{len(wanted)} faults, each found at its place once")
    if not options.skip_build:
        prepare(faults, floors, options.whole)
        if subprocess.run(["swift", "build", "--build-tests"], cwd=WORK).returncode:
            raise SystemExit("plant: the copy with its switches does not build")
    LOGS.mkdir(parents=True, exist_ok=True)
    for log in LOGS.glob("fault-*.log"):
        log.unlink()

    # With every switch off the suites must pass, or a failure says nothing; how long they take then bounds how long they may take.
    usual = {}

    def bound(suites, argv):
        if suites not in usual:
            outcome, seconds = run(0, argv, 1800)
            if outcome != "passed":
                raise SystemExit(f"plant: without a fault, {suites} ended as {outcome}: see {LOGS}/fault-0.log")
            text = (LOGS / "fault-0.log").read_text(errors="replace")
            if suites != "smoke" and not re.search(r"Test run with [1-9]", text[text.rfind("Test run with"):]):
                raise SystemExit(f"plant: no test is named {suites}")
            usual[suites] = seconds
        return 60 + 8 * usual[suites]

    def notice(fault, suites, argv):
        """Whether these suites notice a fault; says so if they do."""
        outcome, seconds = run(fault.number, argv, bound(suites, argv))
        if outcome == "passed":
            return False
        caught[fault] = {"floor": fault.floor, "name": fault.name, "outcome": outcome, "suites": suites, "seconds": round(seconds, 1)}
        print(f"{fault.floor:8} {fault.name:28} {outcome:8} {suites} ({seconds:.1f} s): {fault.meaning}", flush=True)
        if options.json:
            options.json.write_text("".join(json.dumps(line) + "\n" for line in caught.values()))
        return True

    caught = {}
    missed = [fault for fault in wanted if not notice(fault, fault.suites, tests(fault.suites))]
    print(f"passed by the suites that should notice: {', '.join(fault.name for fault in missed) or 'none'}", flush=True)
    wider = [] if options.brief else [("floor", None)] + ([(".", tests(".")), ("smoke", [str(FUZZ), "smoke"])] if options.whole else [])
    for suites, argv in wider:
        missed = [
            fault for fault in missed
            if not (notice(fault, f"^{FLOORS[fault.floor]}Tests", tests(f"^{FLOORS[fault.floor]}Tests")) if argv is None else notice(fault, suites, argv))]
    for floor in floors:
        of = [f for f in wanted if f.floor == floor]
        print(f"{floor}: {sum(f in caught for f in of)} of {len(of)} noticed")
    print(f"planted faults: {len(caught)} of {len(wanted)} noticed" + "".join(f"\n  missed: {f.name}: {f.meaning}" for f in missed))
    if len(missed) * 20 > len(wanted):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
