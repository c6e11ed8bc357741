"""The tables in front of docs/performance.md: each figure that was to be reached, what was reached, and where more is said."""
import statistics

import engine
from markdown import shown as number, table

SIZES = [100_000, 1_000_000]


def tables(results, engines):
    found = {"summary-server": server(results, engines)}
    if engines:
        found["summary-engine"] = of_engine(*engines)
    return found


# ---- the engine ----


def of_engine(figures, names, sizes):
    """Rows of engine.py at two sizes; in brackets how many times the peer's figure ours is."""
    sizes = [size for size in SIZES if size in sizes] or sizes[-1:]
    peers = [name for name in names if name != "userd"]

    def at(size):
        def median(name, phase):
            values = figures.get((name, size, phase)) or figures.get((name, 0, phase))
            return statistics.median(values) if values else None

        return median

    rows = []
    for title, phase, less, must, aim in engine.ROWS:
        if not must and not aim:
            continue
        cells, words = [], {"must": [], "aim": []}
        for size in sizes:
            median = at(size)
            own = median("userd", phase)
            ratios = []
            for peer in peers:
                other = median(peer, "queue64" if phase == "put64" and peer == "rocksdb" else phase)
                ratios.append(f"{own / other:.2f}" if own and other else "-")
            cells.append(f"{shown(own)} ({', '.join(ratios)})" if own is not None and any(r != "-" for r in ratios) else shown(own))
            for kind, needs in (("must", must), ("aim", aim)):
                words[kind].append(verdict([(target(median, phase) or None, own) for _, target in needs], less))
        judged = [f"{', '.join(text for text, _ in needs)}: {', '.join(words[kind])}" if needs else "" for kind, needs in (("must", must), ("aim", aim))]
        rows.append([title, *cells, *judged])
    return table(["engine", *(f"{size:,} records: userd ({', '.join(peers)})" for size in sizes), "must", "aim"], rows)


def verdict(pairs, less=False):
    """Whether every need is met: yes, no, or not measured."""
    if any(need is None or own is None for need, own in pairs):
        return "not measured"
    return "yes" if all((own <= need) if less else (own >= need) for need, own in pairs) else "**no**"


# ---- the server ----


class Found:
    """What the scripts measured; nil where a script has not run."""

    def __init__(self, results, engines):
        self.results, self.figures = results, engines[0] if engines else {}

    def rate(self, contender):
        lines = [line for line in self.results.get("compare", []) if line["contender"] == contender]
        return statistics.median(figure[0] for figure in lines[0]["rounds"]) if lines else None

    def user_time(self, contender):
        lines = [line for line in self.results.get("compare", []) if line["contender"] == contender]
        return statistics.median(figure[1] for figure in lines[0]["rounds"]) if lines else None

    def classic(self, work, stack):
        lines = [line for line in self.results.get("classic", {}).get("figures", []) if (line["work"], line["stack"]) == (work, stack)]
        return statistics.median(figure[0] for figure in lines[0]["rounds"]) if lines else None

    def best_classic(self, work):
        rates = [rate for rate in (self.classic(work, "sqlite"), self.classic(work, "postgres")) if rate]
        return max(rates) if rates else None

    def identity(self, beginning, column=2):
        """The first number in a cell of the row that begins so."""
        row = next((row for row in self.results.get("identity", []) if row[0].startswith(beginning)), None)
        return float(row[column].split()[0].replace(",", "")) if row else None

    def allocations(self, request):
        return next((line["each"] for line in self.results.get("allocations", []) if line["request"] == request), None)

    def slowest(self):
        """The longest p99 of the reading routes in the closed loop, in ms."""
        closed = self.results.get("load", {}).get("closed", {})
        found = [statistics.median(line["p99us"] for line in closed[work]["wrk"]) / 1000 for work in ("livez", "me", "user") if work in closed]
        return max(found) if found else None

    def both(self, work):
        return self.results.get("load", {}).get("both", {}).get(work)

    def crowd(self, name):
        lines = [line for line in self.results.get("crowd", {}).get("idle", []) if line["idle"] >= 10_000]
        return lines[0][name] if lines else None

    def start(self, which, name, server="userd"):
        lines = [line for line in self.results.get("footprint", {}).get("starts", []) if line["server"] == server]
        users = sorted({line["users"] for line in lines})
        return statistics.median(line[name] for line in lines if line["users"] == users[which]) if len(users) > which else None

    def executable(self, server="userd"):
        return self.results.get("footprint", {}).get("executables", {}).get(server)

    def disk(self):
        values = self.figures.get(("disk", 0, "probe"))
        return statistics.median(values) if values else None


def shown(value, digits=3):
    return "-" if value is None else number(value, digits)


def divided(a, b):
    return a / b if a and b else None


def pair(*values, digits=3):
    return ", ".join(shown(value, digits) for value in values)


def server(results, engines):
    """Rows: what, the figure, beside whom, must, reached, aim, reached, section."""
    f, rows = Found(results, engines), []

    def row(what, figure, peers, must, must_pairs, aim, aim_pairs, section, less=False):
        rows.append([what, figure if figure and figure != "-" else "not measured", peers, f"{must}: {verdict(must_pairs, less)}", f"{aim}: {verdict(aim_pairs, less)}", section])

    livez, nginx, go, me = f.rate("userd `/livez`"), f.rate("nginx `return 200`"), f.rate("Go `net/http`"), f.rate("userd `/api/auth/me`")
    row("`/livez`, requests/s", shown(livez), f"nginx {shown(nginx)}, net/http {shown(go)}", "0.9x nginx", [(nginx and 0.9 * nginx, livez)], "1.2x nginx", [(nginx and 1.2 * nginx, livez)], "§2")
    database = f.best_classic("me")
    row("`/api/auth/me`, requests/s", shown(me), f"best with a database {shown(database)}: {shown(divided(me, database))}x", "70,000 and 3.4x", [(70_000, me), (database and 3.4 * database, me)], "100,000", [(100_000, me)], "§2, §3")
    user, database = f.classic("user", "userd"), f.best_classic("user")
    row("`/api/v1/users/{id}` of 100,000, requests/s", shown(user), f"{shown(database)}: {shown(divided(user, database))}x", "65,000 and 4x", [(65_000, user), (database and 4 * database, user)], "95,000", [(95_000, user)], "§3")
    quiet, checked = f.allocations("GET /livez"), f.allocations("GET /api/auth/me")
    row("allocations a request, `/livez`, `me`", pair(quiet, checked, digits=1), "SwiftNIO 9, Hummingbird 51, Vapor 106", "3, 12", [(3, quiet), (12, checked)], "0, 4", [(0.01, quiet), (4, checked)], "§5", True)
    cost = f.user_time("userd `/livez`")
    row("processor time in user space, `/livez`, us", shown(cost), f"nginx {shown(f.user_time('nginx `return 200`'))}, net/http {shown(f.user_time('Go `net/http`'))}", "3", [(3, cost)], "1.5", [(1.5, cost)], "§2", True)
    for work, words, least, most, least_times, most_times in (("refresh", "refresh, durable, 64 connections, a second", 25_000, 45_000, 5, 10), ("create", "create a user, durable, 64 connections, a second", 25_000, 40_000, None, None)):
        own, other = f.classic(work, "userd"), f.best_classic(work)
        row(words, shown(own), f"{shown(other)}: {shown(divided(own, other))}x", f"{least:,}" + (f" and {least_times}x" if least_times else ""), [(least, own)] + ([(other and least_times * other, own)] if least_times else []),
            f"{most:,}" + (f" and {most_times}x" if most_times else ""), [(most, own)] + ([(other and most_times * other, own)] if most_times else []), "§3")
    one, disk = f.identity("accounts made/s, durable, 1 connection"), f.disk()
    row("create a user, durable, 1 connection, a second", shown(one), f"the disk flushes {shown(disk)} a second", "5,000", [(5000, one)], "0.7 of the disk's rate", [(disk and 0.7 * disk, one)], "§7")
    refresh, create = f.both("refresh"), f.both("create")
    row("refresh, create, server and clients on both processors, a second", pair(refresh, create) if refresh else None, "Gin + PostgreSQL 8,500, 9,200", "30,000", [(30_000, refresh), (30_000, create)], "60,000", [(60_000, refresh), (60_000, create)], "§4")
    login = divided(f.identity("logins/s"), f.identity("hashes/s"))
    row("logins on one processor, beside libargon2 from C", f"{shown(login)}x" if login else None, f"{shown(f.identity('logins/s'))} and {shown(f.identity('hashes/s'))} a second", "1.0x", [(1, login)], "1.5x", [(1.5, login)], "§7")
    slowest = f.slowest()
    row("p99 with 64 connections as fast as they can, reading routes, ms", shown(slowest), "1.8 to 8", "2", [(2, slowest)], "1", [(1, slowest)], "§4", True)
    p99, errors = f.crowd("p99us"), f.crowd("errors")
    row("10,000 idle connections, 1,000 active: errors, p99 of `/livez`, ms", pair(errors, p99 and p99 / 1000) if p99 else None, "", "0, 50", [(0, errors), (50, p99 and p99 / 1000)], "0, 10", [(0, errors), (10, p99 and p99 / 1000)], "§6", True)
    small, large = f.start(0, "ms"), f.start(1, "ms")
    row("first answer after start, 100,000 and 1,000,000 users, ms", pair(small, large) if small else None, f"Gin + SQLite {pair(f.start(0, 'ms', 'sqlite'), f.start(1, 'ms', 'sqlite'))}", "10, 20", [(10, small), (20, large)], "4, 4", [(4, small), (4, large)], "§8", True)
    idle = f.start(0, "idle")
    row("memory, idle, 100,000 users, MiB", shown(idle and idle / (1 << 20)), f"Gin + SQLite {shown(divided(f.start(0, 'idle', 'sqlite'), 1 << 20))}", "10", [(10 << 20, idle)], "5", [(5 << 20, idle)], "§8", True)
    flood = f.identity("MiB resident under")
    row("memory under 1,000 connections that log in, MiB", shown(flood), "bound: cache 64 + 2 x 19 + 16", "118", [(118, flood)], "118", [(118, flood)], "§7", True)
    size = f.executable()
    row("executable, static, MB", shown(size and size / 1e6), f"Gin + SQLite {shown(divided(f.executable('sqlite'), 1e6))} and shared libraries", "9", [(9e6, size)], "6.5", [(6.5e6, size)], "§8", True)
    return table(["server", "figure", "beside", "must", "aim", "more"], rows)
