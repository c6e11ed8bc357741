"""Processes that are killed, stand still, have no descriptors or no memory."""
import contextlib, http.client, os, shutil, signal, socket, time
from pathlib import Path

from checks import LeftOut, Server, Writers, ask, eventually, exchange, holds, register
from calls import expect_made


# Threads have room for stacks and heaps of their own, so their number must not be the machine's.
FEW = ["--store-cache=16M", "--threads=2", "--hash-workers=2"]


def kill_nine_under_writers(folder, exe, options):
    """A few rounds on one folder; KillTests plays many, with rotations and logouts, under 64 clients."""
    answered, unheard, rounds = set(), 0, 25 if options.long else 4
    for number in range(rounds):
        with Server(exe, folder / "db") as server:
            writers = Writers(server.port, f"r{number}", count=16, pause=0.002)
            time.sleep(options.random.uniform(0.05, 1))
            server.kill()
            writers.stop()
        answered |= writers.answered
        unheard += writers.unheard
        if number % 5 == 3 or number == rounds - 1:
            holds(exe, folder / "db", answered, f"round {number}")
    return f"{rounds} rounds, {len(answered)} answered, all there"


def a_process_that_stands_still(folder, exe, options):
    """SIGSTOP and SIGCONT under writers, and once for longer than every wait of the server: to the process the clock jumps."""
    with Server(exe, folder / "db", "--http-request-timeout=60s") as server:
        writers = Writers(server.port, "w")
        for number in range(20 if options.long else 4):
            writers.wait_for_answers(3)
            os.kill(server.pid(), signal.SIGSTOP)
            time.sleep(options.random.uniform(0.02, 0.5))
            os.kill(server.pid(), signal.SIGCONT)
        writers.stop()
        jump = 75 if options.long else 6
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        exchange(idle, "GET", "/livez")
        os.kill(server.pid(), signal.SIGSTOP)
        time.sleep(jump)
        os.kill(server.pid(), signal.SIGCONT)
        expect_made(server.port, "after", f"after {jump} s")
        with contextlib.suppress(OSError, http.client.HTTPException):
            exchange(idle, "GET", "/livez")
        idle.close()
        if ask(server.port, "GET", "/readyz")[0] != 200:
            raise AssertionError("not ready after a standstill")
        server.stop()
    if writers.refused or writers.unheard:
        raise AssertionError(f"{writers.refused} refused, {writers.unheard} unheard; a standstill shorter than any wait is nobody's failure")
    holds(exe, folder / "db", writers.answered | {"after"}, "standstills")
    return f"{len(writers.answered)} answered, none refused; and one standstill of {jump} s"


def no_descriptors_left(folder, exe, options):
    if not shutil.which("prlimit"):
        raise LeftOut("prlimit is missing")
    limit = 80
    with Server(exe, folder / "db", "--threads=2", before=["prlimit", f"--nofile={limit}:{limit}"]) as server:
        # The words before are gone once they have become userd.
        first = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        if exchange(first, "GET", "/livez")[0] != 200:
            raise AssertionError("no answer before")
        crowd = []
        for _ in range(limit + 40):
            with contextlib.suppress(OSError):
                crowd.append(socket.create_connection(("127.0.0.1", server.port), 5))
        eventually(lambda: server.status()["descriptors"] >= limit - 12 or b"503" in peek(crowd[-1]), "the descriptors are used up, or connections refused", 20)
        used = server.status()["descriptors"]
        cpu = processor_seconds(server.pid())
        time.sleep(1)
        spent = processor_seconds(server.pid()) - cpu
        for number in range(10):
            status, answer = exchange(first, "POST", "/api/auth/register", {"email": f"d{number}@example.org", "password": "correct horse battery", "name": "D"})
            if status != 201:
                raise AssertionError(f"a write on an open connection without descriptors: {status} {answer}")
        for s in crowd:
            s.close()
        eventually(lambda: register(server.port, "after")[0] == 201, "new connections afterwards", 30)
        if spent > 0.7:
            raise AssertionError(f"{spent:.2f} s of processor time in a second without descriptors: it spins")
        server.stop()
    holds(exe, folder / "db", {f"d{number}" for number in range(10)} | {"after"}, "no descriptors")
    return f"{used} of {limit} in use; an open connection is served, {spent:.2f} s of processor time in a second, and all is well afterwards"


def peek(s):
    s.setblocking(False)
    with contextlib.suppress(OSError):
        return s.recv(4096, socket.MSG_PEEK)
    return b""


def processor_seconds(pid):
    words = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def little_address_space(folder, exe, options):
    """Starts with less and less: each one serves, or ends soon, and the store is whole whichever it is."""
    if not shutil.which("prlimit"):
        raise LeftOut("prlimit is missing")
    answered, outcomes = set(), {}
    for megabytes in (2048, 1024, 512, 256, 192, 128, 96, 64, 32, 16) if options.long else (2048, 256, 64):
        with Server(exe, folder / "db", *FEW, before=["prlimit", f"--as={megabytes << 20}"], waits=False) as server:
            try:
                server.wait_until_it_serves(60)
                status, answer = register(server.port, f"a{megabytes}")
                if status == 201:
                    answered.add(f"a{megabytes}")
                outcomes[megabytes] = "serves"
                server.stop()
            except (AssertionError, OSError, http.client.HTTPException):
                code = server.ended(60)
                outcomes[megabytes] = f"exit {code}"
    holds(exe, folder / "db", answered, "little memory")
    if outcomes[2048] != "serves":
        raise AssertionError(f"with 2 GiB of address space: {outcomes[2048]}")
    return ", ".join(f"{size} MiB: {what}" for size, what in outcomes.items())


def a_group_with_too_little_memory(folder, exe, options):
    """A group with less memory than the load needs; the kernel kills, which is a kill like any other."""
    group = Path("/sys/fs/cgroup/memory") / f"userd-faults-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(64 << 20))
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        raise LeftOut(f"no group with a limit of memory can be made here: {error}")
    try:
        with Server(exe, folder / "db", *FEW, "--hash-memory=16M") as server:
            (group / "cgroup.procs").write_text(str(server.pid()))
            writers = Writers(server.port, "w", fine=(500, 503, 507))
            writers.wait_for_answers(20, 120)
            # Less than it uses already.
            used = server.status()["VmRSS"]
            with contextlib.suppress(OSError):
                (group / "memory.limit_in_bytes").write_text(str(max(4 << 20, used // 4)))
            end = time.monotonic() + (20 if options.long else 3)
            while server.process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            code = server.process.poll()
            server.kill()
            writers.stop()
        holds(exe, folder / "db", writers.answered, "want of memory")
        return f"{used >> 20} MiB used, {'lives on with a quarter' if code is None else f'exit {code}'}; {len(writers.answered)} answered, all there"
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)
