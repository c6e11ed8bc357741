#!/usr/bin/env python3
"""Measures the storage engine beside LMDB, SQLite and RocksDB in one run and prints a Markdown table for docs/performance.md.

usage: Benchmarks/engine.py [--rounds 100000:3,1000000:1] [--seconds S] [--engines userd,lmdb,sqlite,rocksdb] [--folder DIR] [--json FILE]

Keys are 16 random bytes, values 300; everything fits in memory; every write is durable when it is answered. In each round each engine plays, on
a folder of its own: a sorted load in transactions of 1000, a full scan, ranges of 100 records, point reads by one and two threads (each read
its own snapshot), 95 % reads with 5 % durable puts, durable puts; then it is opened again, killed after a tenth more records, and opened once
more; and on a second folder a random load, the size of the file, compaction (LMDB: a
compacting copy; SQLite: VACUUM), the size again, the deletion of half, and compaction again. Engines take turns, beginning with another one in
each round. Figures are medians; a target is compared with the peers of the same run. With several sizes a second table says what one operation
costs at each, beside 100,000 records (or the smallest size). --rounds 10000:3,100000:3,1000000:2,10000000:1 shows how cost grows; 10 M take about a
quarter of an hour for each engine, 8 GiB of memory and 12 GB of disk.

Needs a release build (swift build -c release) and, from Debian: gcc liblmdb-dev libsqlite3-dev; librocksdb-dev if RocksDB is wanted.
Standard library only."""
import argparse, json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = {"lmdb": "lmdb", "sqlite": "sqlite3", "rocksdb": "rocksdb"}
RECORD_BYTES = 316
READS = ["load", "scan", "range", "get1", "get2", "mix2", "put1", "put64"]


def build_peer(engine, folder):
    path = folder / f"engine-{engine}"
    done = subprocess.run(["gcc", "-O2", "-o", str(path), str(HERE / "peers/engine.c"), str(HERE / f"peers/{engine}.c"),
                           f"-l{LIBRARIES[engine]}", "-lpthread"], capture_output=True, text=True)
    return None if done.returncode else str(path)


class Contender:
    def __init__(self, name, executable):
        self.name, self.executable = name, executable

    def play(self, data, records, seconds, phases, ends_killed=False):
        if self.name == "userd":
            argv = [self.executable, "engine", "--data", str(data), "--records", str(records),
                    "--milliseconds", str(int(seconds * 1000)), "--phases", ",".join(phases)]
        else:
            argv = [self.executable, str(data), str(records), str(seconds), *phases]
        done = subprocess.run(argv, capture_output=True, text=True)
        if ends_killed != (done.returncode in (-9, 137)) or (not ends_killed and done.returncode):
            raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def file_bytes(folder):
    """Bytes on disk of the files in a folder. userd's log lies in a folder below and is bounded by its own setting: it is not part of the file."""
    return sum(entry.stat().st_blocks * 512 for entry in os.scandir(folder) if entry.is_file())


def log_bytes(folder, before=()):
    """Bytes of userd's log without the segments that wait to be used, nor those that an orderly end has left behind it."""
    return sum(path.stat().st_size for path in folder.glob("wal/*.wal") if path not in before)


def is_deleted(record):
    """Whether the deletion of half takes this record: as in peers/engine.c and userd-bench."""
    mask = (1 << 64) - 1
    z = ((record ^ 0xdead) + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) & 1


def probe_disk(folder, seconds=1.0):
    """Flushed overwrites of 4 KiB a second: what no single client can go beyond."""
    path = Path(folder) / "probe"
    with open(path, "wb") as f:
        f.write(bytes(1 << 20))
        os.fsync(f.fileno())
    fd, count, began = os.open(path, os.O_WRONLY), 0, time.monotonic()
    while time.monotonic() - began < seconds:
        os.pwrite(fd, bytes(4096), 4096 * (count % 256))
        os.fdatasync(fd)
        count += 1
    os.close(fd)
    path.unlink()
    return count / seconds


def one_round(contender, records, seconds, folder):
    """All figures of one engine, by phase."""
    found = {}

    def note(lines):
        for line in lines:
            value = line.get("perSecond", line.get("milliseconds"))
            if value is not None:
                found[line["phase"]] = value
        return lines

    with tempfile.TemporaryDirectory(dir=folder) as name:
        data = Path(name) / "db"
        if contender.name != "userd":
            data.mkdir()
        note(contender.play(data, records, seconds, READS + (["held64"] if contender.name == "userd" else ["queue64"])))
        found["cleanopen"] = note(contender.play(data, records, seconds, ["open"]))[0]["milliseconds"]
        before = set(data.glob("wal/*.wal"))
        contender.play(data, records, seconds, ["crash"], ends_killed=True)
        log = log_bytes(data, before)
        found["killedopen"] = note(contender.play(data, records, seconds, ["open"]))[0]["milliseconds"]
        if log:
            found["killedopen64"] = found["killedopen"] * (64 << 20) / log
    with tempfile.TemporaryDirectory(dir=folder) as name:
        data = Path(name) / "db"
        if contender.name != "userd":
            data.mkdir()
        lines = note(contender.play(data, records, seconds, ["randomload"]))
        live = records * RECORD_BYTES
        pages = next((line["pages"] for line in lines if line["phase"] == "pages"), None)
        if pages:
            found["pages"] = pages * 8192 / live
            # At most two checkpoints more, which the store begins by itself.
            contender.play(data, records, seconds, ["settle"])
        size = file_bytes(data) / live
        if size >= 1:
            found["size"] = size
        note(contender.play(data, records, seconds, ["compact"]))
        size = file_bytes(data) / live
        if size >= 1:
            found["compacted"] = size
        note(contender.play(data, records, seconds, ["delete"]))
        contender.play(data, records, seconds, ["compact"])
        left = sum(1 for record in range(records) if not is_deleted(record)) * RECORD_BYTES
        found["compactedhalf"] = file_bytes(data) / left
    found.pop("open", None)
    return found


# Title, phase, whether less is better, (text, what it takes, from the figures of the run) for "must" and for "aim".
def of(peer, factor, phase=None):
    return (f"{factor:g}x {peer}", lambda f, own: f(peer, phase or own) and factor * f(peer, phase or own))


def fixed(value, text=None):
    return (text or f"{value:,}", lambda f, own: value)


ROWS = [
    ("durable put/s, 1 client", "put1", False, [of("sqlite", 1), of("lmdb", 2)], [("0.95x disk", lambda f, own: 0.95 * (f("disk", "probe") or 0))]),
    ("durable put/s, 64 clients, each waits", "put64", False, [of("rocksdb", 1, "queue64"), of("lmdb", 15)], [fixed(120_000)]),
    ("durable put/s, 64 in flight, answers held", "held64", False, [fixed(150_000)], [fixed(300_000)]),
    ("random insert/s, 1000 a transaction", "randomload", False, [of("lmdb", 1.5)], [of("rocksdb", 1)]),
    ("sorted load/s, 1000 a transaction", "load", False, [of("lmdb", 0.7)], [of("lmdb", 1)]),
    ("point get/s, 1 thread", "get1", False, [of("lmdb", 0.8)], [of("lmdb", 1.2)]),
    ("point get/s, 2 threads", "get2", False, [of("lmdb", 0.8), of("userd", 1.9, "get1")], [of("lmdb", 1.2)]),
    ("full ordered scan, records/s", "scan", False, [of("lmdb", 0.6)], [of("lmdb", 1)]),
    ("100-record range scans/s", "range", False, [of("lmdb", 0.7)], [of("lmdb", 1)]),
    ("95 % get, 5 % durable put/s, 2 threads", "mix2", False, [of("lmdb", 1.3)], [of("lmdb", 2)]),
    ("delete half/s, 1000 a transaction", "delete", False, [of("lmdb", 1.5)], [of("lmdb", 4)]),
    ("file two checkpoints after random load, x live bytes", "size", True, [fixed(1.45)], [fixed(1.25)]),
    ("file after compact, x live bytes", "compacted", True, [fixed(1.10)], [fixed(1.05)]),
    ("compact after random load, ms", "compact", True, [], []),
    ("file after deleting half and compact, x live bytes", "compactedhalf", True, [fixed(1.10)], [fixed(1.05)]),
    ("pages after random load, x live bytes", "pages", True, [fixed(1.45)], [fixed(1.25)]),
    ("open after an orderly end, ms", "cleanopen", True, [], [fixed(2)]),
    ("open after kill -9, ms", "killedopen", True, [], []),
    ("open after kill -9, ms for each 64 MiB of log", "killedopen64", True, [fixed(2000)], [fixed(500)]),
]


def table(records, engines, figures):
    def median(engine, phase):
        values = figures.get((engine, records, phase)) or figures.get((engine, 0, phase))
        return statistics.median(values) if values else None

    def shown(value):
        return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    def verdict(own, phase, less, needs):
        words = []
        for text, target in needs:
            need = target(median, phase)
            if own is None or not need:
                words.append(f"{text}: not measured")
            else:
                met = own <= need if less else own >= need
                words.append(f"{text}{'' if text.startswith(shown(need)) else ' = ' + shown(need)}: {'**met**' if met else 'missed'}")
        return "; ".join(words)

    peers = [e for e in engines if e != "userd"]
    lines = [f"| {records:,} records | userd [lowest..highest] | " + " | ".join(f"{p} (userd / it)" for p in peers) + " | must | aim |",
             "|---|" + "---|" * (len(peers) + 3)]
    for title, phase, less, must, aim in ROWS:
        own = median("userd", phase)
        values = figures.get(("userd", records, phase), [])
        cells = [f"{shown(own)} [{shown(min(values))}..{shown(max(values))}]" if values else ""]
        for peer in peers:
            other = median(peer, "queue64" if phase == "put64" and peer == "rocksdb" else phase)
            cells.append("" if other is None else f"{shown(other)}" + (f" ({own / other:.2f})" if own else ""))
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {verdict(own, phase, less, must)} | {verdict(own, phase, less, aim)} |")
    return "\n".join(lines)


# Title, phase: what costs something for each record or operation, and may cost 1.6 times as much at the largest size as at 100,000 records.
GROWTH = [
    ("point get, 1 thread", "get1"), ("point get, 2 threads", "get2"), ("100-record range scan", "range"), ("full scan, a record", "scan"),
    ("sorted load, a record", "load"), ("random insert, a record", "randomload"), ("durable put, 1 client", "put1"),
    ("durable put, 64 clients", "put64"), ("95 % get, 5 % durable put, 2 threads", "mix2"), ("deletion, a record", "delete"),
]
MAX_GROWTH = 1.6


def growth_table(sizes, engines, figures):
    """Nanoseconds of one operation at each size, and the largest size beside the base."""
    base = 100_000 if 100_000 in sizes else min(sizes)

    def cost(engine, records, phase):
        values = figures.get((engine, records, phase))
        return 1e9 / statistics.median(values) if values else None

    lines = [f"| cost of one operation, ns | " + " | ".join(f"{e}: {size:,}" for e in engines for size in sizes) + f" | {max(sizes):,} beside {base:,} |",
             "|---|" + "---|" * (len(engines) * len(sizes) + 1)]
    for title, phase in GROWTH:
        cells, words = [], []
        for engine in engines:
            costs = {size: cost(engine, size, phase) for size in sizes}
            cells += ["" if costs[size] is None else f"{costs[size]:,.0f}" for size in sizes]
            if costs[base] and costs[max(sizes)]:
                ratio = costs[max(sizes)] / costs[base]
                verdict = f" (must {MAX_GROWTH:g}: {'**met**' if ratio <= MAX_GROWTH else 'missed'})" if engine == "userd" else ""
                words.append(f"{engine} {ratio:.2f}{verdict}")
        lines.append(f"| {title} | " + " | ".join(cells) + " | " + ", ".join(words) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default="100000:3,1000000:1", help="RECORDS:ROUNDS,...")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each phase that lasts a time")
    parser.add_argument("--engines", default="userd,lmdb,sqlite,rocksdb")
    parser.add_argument("--userd", type=Path, default=HERE.parent / ".build/release/userd-bench")
    parser.add_argument("--folder", type=Path, default=HERE.parent / ".build/bench", help="on the disk to be measured")
    parser.add_argument("--json", type=Path, help="every figure of every round, one line each")
    options = parser.parse_args()
    if not options.userd.exists():
        raise SystemExit(f"{options.userd} is missing: swift build -c release")
    options.folder.mkdir(parents=True, exist_ok=True)
    figures, raw, began = {}, [], time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder, contenders = Path(name), []
        for engine in options.engines.split(","):
            path = str(options.userd) if engine == "userd" else build_peer(engine, folder)
            if path:
                contenders.append(Contender(engine, path))
            else:
                print(f"{engine} is left out: its library is not here", file=sys.stderr)
        for pair in options.rounds.split(","):
            records, rounds = map(int, pair.split(":"))
            for number in range(rounds):
                figures.setdefault(("disk", 0, "probe"), []).append(probe_disk(folder))
                raw.append({"engine": "disk", "records": 0, "round": number + 1, "phase": "probe", "value": figures[("disk", 0, "probe")][-1]})
                for step in range(len(contenders)):
                    contender = contenders[(step + number) % len(contenders)]
                    for phase, value in one_round(contender, records, options.seconds, folder).items():
                        figures.setdefault((contender.name, records, phase), []).append(value)
                        raw.append({"engine": contender.name, "records": records, "round": number + 1, "phase": phase, "value": value})
                    # After each of them: a run with ten million records is long enough to be cut off.
                    if options.json:
                        options.json.write_text("".join(json.dumps(line) + "\n" for line in raw))
                    print(f"{time.monotonic() - began:.0f} s: {contender.name}, {records:,} records, round {number + 1} of {rounds}", file=sys.stderr)
    print(f"The disk flushes {statistics.median(figures[('disk', 0, 'probe')]):,.0f} overwrites of 4 KiB a second.\n")
    for pair in options.rounds.split(","):
        print(table(int(pair.split(":")[0]), [c.name for c in contenders], figures) + "\n")
    sizes = sorted({int(pair.split(":")[0]) for pair in options.rounds.split(",")})
    if len(sizes) > 1:
        print(growth_table(sizes, [c.name for c in contenders], figures) + "\n")


if __name__ == "__main__":
    main()
