#!/usr/bin/env python3
"""Shows AddressSanitizer the memory that userd maps by itself: changes the sources in the folder WORK, a copy of the tree.

usage: Tests/Sanitizers/watch.py WORK

Mappings get borders that nobody may touch, also behind the last byte that was asked for; frames of the page cache are forbidden while they are
free. Each change must find its place exactly once."""
import os, shutil, sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAPPING = [
    ("let mapped = isLarge ? usable + alignment : usable\n", "let mapped = (isLarge ? usable + alignment : usable) + 2 * alignment\n"),
    ("unsafe base = start + skipped\n", "unsafe base = start + skipped + alignment\n"),
    ("self.byteCount = usable\n", "self.byteCount = byteCount\n"),
    ("mappingOffset = skipped\n", "mappingOffset = skipped + alignment\n"),
    ("    if isSecret {\n",
     "    let first = unsafe Int(bitPattern: base)\n"
     "    forbidBytes(at: first - Self.pageByteCount, count: Self.pageByteCount)\n"
     "    forbidBytes(at: first + byteCount, count: usable - byteCount + Self.pageByteCount)\n    if isSecret {\n"),
    ("    _ = unsafe munmap(", "    unsafe allowBytes(at: Int(bitPattern: base) - mappingOffset, count: mappingByteCount)\n    _ = unsafe munmap("),
]
CACHE = [
    ("    pool = Mutex(FramePool())\n",
     "    let first = unsafe Int(bitPattern: table.page(inFrame: 0).base), size = limits.pageByteCount\n"
     "    var frames = FramePool()\n    frames.free.watch(from: first, frameByteCount: size)\n    pool = Mutex(frames)\n"),
]
POOL = [("var free: [UInt32] = []\n", "var free = PoisonedFrames()\n")]


def change(path, changes):
    text = path.read_text()
    for old, new in changes:
        if text.count(old) != 1:
            raise SystemExit(f"watch: {path} has {text.count(old)} times, not once: {old.strip()}")
        text = text.replace(old, new)
    times = path.stat()
    path.write_text(text)
    # The time of the original, so that it is compiled again only when that has changed.
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def main():
    sources = Path(sys.argv[1]) / "Sources"
    change(sources / "Platform/MemoryMapping.swift", MAPPING)
    change(sources / "Storage/Tree/FrameCache.swift", CACHE)
    change(sources / "Storage/Tree/FramePool.swift", POOL)
    shutil.copy2(HERE / "ForbiddenBytes.swift", sources / "Platform")
    shutil.copy2(HERE / "PoisonedFrames.swift", sources / "Storage/Tree")


if __name__ == "__main__":
    main()
