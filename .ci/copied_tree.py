"""Copies of the tree under .build in which checks build something else than the product: planted faults, counted lines."""
import re, shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What the floors up to Auth and their suites need; the suites follow.
TARGETS = """let package = Package(
  name: "userd",
  targets: [
    floor("Platform", [], linux), floor("Codecs", []), floor("Instructions", [], instructions),
    floor("WideInstructions", [], wideInstructions), floor("Crypto", ["Platform", "Instructions", "WideInstructions"]),
    floor("Storage", ["Platform"]), floor("HTTP", ["Platform", "Codecs"]), floor("Repositories", ["Storage", "Codecs"]),
    floor("Auth", ["Repositories", "Crypto", "Codecs", "Platform"]),
    .target(
      name: "TestSupport", dependencies: ["Platform", "Codecs", "Crypto", "Storage"], path: "Tests/TestSupport", swiftSettings: house),
"""


def cut_manifest(text, floors):
    """The manifest with the suites of these floors, none above Auth, and what they need."""
    rows = re.findall(r'tests\("(\w+)"((?:, \[[^\]]*\])?(?:, exclude: \[[^\]]*\])?)\)', text.split("let package = Package(")[1])
    kept = [f'    tests("{name}"{rest}),\n' for name, rest in rows if name in floors]
    return text.split("let package = Package(")[0] + TARGETS + "".join(kept) + "  ])\n"


def write(path, text):
    """Writes what has changed only, so that only that is compiled again."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def changed(text, path, old, new):
    """`text` with one place replaced, which must be there exactly once."""
    if text.count(old) != 1:
        raise SystemExit(f"{path} has {text.count(old)} times, not once: {old.strip()}")
    return text.replace(old, new)


def copy_tree(work, changes):
    """Makes `work` a copy of the tree with its times, but for the files in `changes`, a text for each path."""
    for path in ROOT.rglob("*"):
        place = path.relative_to(ROOT)
        if place.parts[0] in (".git", ".build") or "__pycache__" in place.parts or not path.is_file() or place in changes:
            continue
        target, now = work / place, path.stat()
        if not target.exists() or (target.stat().st_mtime_ns, target.stat().st_size) != (now.st_mtime_ns, now.st_size):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    for folder in ["Sources", "Tests", "Fuzz", "Benchmarks"]:
        for path in (work / folder).rglob("*"):
            place = path.relative_to(work)
            if path.is_file() and place not in changes and not (ROOT / place).exists():
                path.unlink()
    for place, text in changes.items():
        write(work / place, text)
