#!/usr/bin/env python3
"""Writes the tables and the plots of docs/performance.md from the figures that the scripts beside it leave.

usage: Benchmarks/report.py [SCRIPT=FILE ...] [--results DIR] [--page FILE] [--check]

Each script writes its figures with --json FILE. `report.py load=FILE` takes them over as Benchmarks/results/load.json; then every table between the lines `<!-- table: NAME -->` and
`<!-- end -->` of the page is made anew from the results, and so are the plots docs/growth-*.svg. What stands around the tables is written by people. A table without figures
stays as it is, and is told. --check writes nothing and exits 1 if the page or a plot is not what the results say. Standard library only."""
import argparse, json, re, shutil, statistics, sys
from pathlib import Path

import allocations, budget, classic, compare, drawing, engine, footprint, identity, load, summary, users

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
SCRIPTS = ["allocations", "classic", "compare", "crowd", "engine", "footprint", "growth", "identity", "load", "users"]
# Both are what engine.py leaves: engine beside all peers, growth (if there is one) with more sizes and fewer peers.
LINES = ("engine", "growth")
MARKED = re.compile(r"(<!-- table: ([a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def read(folder):
    """What the scripts left, by script; of engine.py a figure on each line."""
    found = {}
    for script in SCRIPTS:
        path = folder / f"{script}.json"
        if path.exists():
            text = path.read_text()
            found[script] = [json.loads(line) for line in text.splitlines()] if script in LINES else json.loads(text)
    return found


def engine_figures(lines):
    """As engine.py keeps them while it runs."""
    figures = {}
    for line in lines:
        figures.setdefault((line["engine"], line["records"], line["phase"]), []).append(line["value"])
    names = list(dict.fromkeys(line["engine"] for line in lines if line["engine"] != "disk"))
    return figures, sorted(names, key=lambda name: (name != "userd", name)), sorted({line["records"] for line in lines if line["engine"] != "disk"})


def engine_tables(lines):
    figures, names, sizes = engine_figures(lines)
    return {f"engine-{size}": engine.table(size, names, figures) for size in sizes}


def growth_tables(lines):
    figures, names, sizes = engine_figures(lines)
    return {"engine-growth": engine.growth_table(sizes, names, figures)} if len(sizes) > 1 else {}


def tables(results):
    makers = {"allocations": allocations.tables, "classic": classic.tables, "compare": compare.tables, "engine": engine_tables, "footprint": footprint.tables,
              "growth": growth_tables, "identity": identity.tables, "load": load.tables, "users": users.tables}
    found = budget.tables()
    if "engine" in results:
        results.setdefault("growth", results["engine"])
    for script, make in makers.items():
        if script in results:
            found |= make(results[script])
    engines = engine_figures(results["engine"]) if "engine" in results else None
    return found | summary.tables(results, engines)


def plots(results):
    found = {}
    if "users" in results:
        costs = results["users"]["costs"]
        sizes = sorted({line["users"] for line in costs})
        base = users.BASE if users.BASE in sizes else sizes[0]
        panels = [(name, "us of the server's processor time", base,
                   [("userd", [(line["users"], statistics.median(line["us"])) for line in costs if line["operation"] == name])])
                  for name in dict.fromkeys(line["operation"] for line in costs)]
        found["growth-users.svg"] = drawing.draw_growth("Cost of an operation as users grow in number", f"dashed: {users.MAX_RATIO} times the cost with {base:,} users", "users", panels, users.MAX_RATIO)
    if "growth" in results:
        figures, names, sizes = engine_figures(results["growth"])
        if len(sizes) > 1:
            base, panels = 100_000 if 100_000 in sizes else sizes[0], []
            for title, phase in engine.GROWTH:
                lines = [(name, [(size, 1e9 / statistics.median(figures[(name, size, phase)])) for size in sizes if figures.get((name, size, phase))]) for name in names]
                panels.append((title, "ns", base, [line for line in lines if line[1]]))
            found["growth-engine.svg"] = drawing.draw_growth("Cost of an operation of the engine as records grow in number", f"dashed: {engine.MAX_GROWTH} times userd's cost with {base:,} records",
                                                             "records", [one for one in panels if one[3]], engine.MAX_GROWTH)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="SCRIPT=FILE")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--page", type=Path, default=DOCS / "performance.md")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    options.results.mkdir(exist_ok=True)
    for word in options.figures:
        script, _, path = word.partition("=")
        if script not in SCRIPTS or not path:
            parser.error(f"{word}: SCRIPT is one of {', '.join(SCRIPTS)}")
        shutil.copyfile(path, options.results / f"{script}.json")
    results = read(options.results)
    made, page, missing = tables(results), options.page.read_text(), []

    def replaced(match):
        if match[2] not in made:
            missing.append(match[2])
            return match[0]
        return f"{match[1]}{made[match[2]]}\n{match[3]}"

    wanted = {options.page: MARKED.sub(replaced, page)} | {options.page.parent / name: text for name, text in plots(results).items()}
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if not options.check:
        for path in differing:
            path.write_text(wanted[path])
    for name in missing:
        print(f"no figures for {name}: it stays", file=sys.stderr)
    unused = sorted(set(made) - set(name for _, name, _ in MARKED.findall(page)))
    if unused:
        print(f"not on the page: {', '.join(unused)}", file=sys.stderr)
    print(f"{'differing' if options.check else 'written'}: {', '.join(path.name for path in differing) or 'nothing'}")
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
