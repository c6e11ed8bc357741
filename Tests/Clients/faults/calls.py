"""System calls that fail in the running executable: strace gives an error in the place of the call, for a while, under writers."""
import contextlib, os, shutil, subprocess, threading, time

from checks import LeftOut, Server, Writers, admin, ask, eventually, holds, register

# What must come of it: "unnoticed" (every answer is a success), "refused" (503, 507, 500 or the end of a connection for some, and all is well
# again afterwards), "ends" (the process ends with 74 by itself), "trap" (it ends with a signal: Swift cannot go on without memory).
# A socket that says EAGAIN although it has something is not among them: no kernel does that to who waits for edges.
CASES = [
    ("accept4", "EMFILE", "1+", "unnoticed"), ("accept4", "ENFILE", "1+", "unnoticed"), ("accept4", "ENOBUFS", "2+3", "unnoticed"), ("accept4", "ENOMEM", "2+3", "unnoticed"),
    ("accept4", "ECONNABORTED", "2+2", "unnoticed"), ("accept4", "EINTR", "2+2", "unnoticed"), ("accept4", "EPERM", "2+3", "unnoticed"), ("accept4", "EPROTO", "2+3", "unnoticed"),
    ("recvfrom", "EINTR", "1+2", "unnoticed"), ("recvfrom", "ECONNRESET", "2+4", "refused"), ("recvfrom", "ENOMEM", "2+4", "refused"),
    ("sendto", "EINTR", "1+2", "unnoticed"), ("sendto", "EPIPE", "2+4", "refused"), ("sendto", "ENOBUFS", "2+4", "refused"), ("sendto", "ECONNRESET", "2+4", "refused"),
    ("epoll_wait", "EINTR", "1+2", "unnoticed"), ("epoll_ctl", "ENOMEM", "2+3", "refused"), ("epoll_ctl", "ENOSPC", "2+3", "refused"),
    ("read", "EINTR", "1+2", "unnoticed"), ("write", "EINTR", "1+3", "unnoticed"), ("poll", "EINTR", "1+2", "unnoticed"), ("getrandom", "EINTR", "1+2", "unnoticed"),
    ("madvise", "EINVAL", "1+", "unnoticed"), ("madvise", "ENOMEM", "1+", "unnoticed"), ("mmap", "ENOMEM", "2+3", "trap"), ("clone3", "EAGAIN", "1+", "unnoticed"),
    ("pwrite64", "EINTR", "1+2", "unnoticed"), ("pwrite64", "EIO", "3", "ends"), ("pwrite64", "ENOSPC", "3+", "ends"), ("pwrite64", "EDQUOT", "3+", "ends"),
    ("fdatasync", "EINTR", "1+2", "unnoticed"), ("fdatasync", "EIO", "3", "ends"), ("fdatasync", "ENOSPC", "3", "ends"), ("fdatasync", "EDQUOT", "3", "ends"),
    ("pread64", "EIO", "1+", "unnoticed"), ("pread64", "EINTR", "1+2", "unnoticed"),
    # Those that files come and go by: writers go on in what there is, or are refused until it has passed; a failed disk ends the process.
    ("fsync", "EIO", "1+", "unnoticed refused ends"), ("openat", "EMFILE", "1+", "unnoticed refused"), ("openat", "EACCES", "1+", "unnoticed refused ends"), ("openat", "EIO", "1+", "unnoticed refused ends"),
    ("fallocate", "ENOSPC", "1+", "unnoticed refused"), ("fallocate", "EIO", "1+", "unnoticed refused ends"), ("fallocate", "EOPNOTSUPP", "1+", "unnoticed"), ("ftruncate", "EIO", "1+", "unnoticed refused ends"),
    ("rename", "EIO", "1+", "unnoticed refused ends"), ("unlink", "EIO", "1+", "unnoticed refused ends"), ("statfs", "EIO", "1+", "unnoticed"), ("getdents64", "EIO", "1+", "unnoticed"),
]
FROM_THE_START = [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("fdatasync", "ENOSPC"), ("fdatasync", "EDQUOT")]
SHORT = [("accept4", "EMFILE"), ("recvfrom", "EINTR"), ("sendto", "EPIPE"), ("write", "EINTR"), ("fdatasync", "EIO"), ("fallocate", "ENOSPC"), ("openat", "EMFILE")]


def can_trace(exe):
    if not shutil.which("strace"):
        raise AssertionError("strace is missing")
    if subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", exe, "version"], capture_output=True).returncode != 0:
        raise LeftOut("ptrace is not allowed here")


@contextlib.contextmanager
def failing(server, call, error, when):
    """For as long as this lasts the call fails in the process, from the moments that `when` says (strace(1))."""
    pid = server.pid()
    words = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
    tracer = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def attached():
        try:
            return tracer.poll() is not None or all("TracerPid:\t0\n" not in open(f"/proc/{pid}/task/{task}/status").read() for task in os.listdir(f"/proc/{pid}/task"))
        except OSError:
            return True

    try:
        eventually(attached, "strace holds every thread", 60)
        yield
    finally:
        tracer.terminate()
        tracer.wait(30)


def busy(server, ends):
    """Work that opens, names, shortens and removes files, besides what writers do."""
    number = 0
    while not ends.is_set():
        number += 1
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            admin(server.exe, server.data, "checkpoint", code=None, seconds=30)
            admin(server.exe, server.data, "compact", code=None, seconds=30)
            admin(server.exe, server.data, "backup", "-o", f"{server.data}-backup-{number}.udb", code=None, seconds=30)


def one(exe, data, call, error, when, wanted, seconds):
    """Plays one case; what came of it, and the writers."""
    name = f"{call} {error}"
    with Server(exe, data, "--shutdown-grace=2s") as server:
        expect_made(server.port, "before", name)
        writers = Writers(server.port, "w", count=4, fine=(500, 503, 507))
        writers.wait_for_answers(10)
        ends = threading.Event()
        work = threading.Thread(target=busy, args=(server, ends), daemon=True)
        work.start()
        with failing(server, call, error, when):
            begun = time.monotonic()

            def waits():
                """For what must come of it, however busy the machine is."""
                past = time.monotonic() - begun
                return past < seconds or past < 90 and "unnoticed" not in wanted and not writers.refused and not writers.unheard

            while server.process.poll() is None and waits():
                time.sleep(0.05)
        ends.set()
        work.join(120)
        with contextlib.suppress(subprocess.TimeoutExpired):
            # After a failed write it says so for as long as its grace is, and then ends.
            if {"read_only", "commit_outcome_unknown"} & {code for _, code in writers.refused}:
                server.ended(60)
        code = server.process.poll()
        if code is None:
            writers.wait_for_answers(8, 60)
            writers.stop()
            eventually(lambda: ask(server.port, "GET", "/readyz")[0] == 200, f"{name}: /readyz is 200 again", 30)
            expect_made(server.port, "after", name)
            server.stop()
            outcome = "refused" if writers.refused or writers.unheard else "unnoticed"
        else:
            writers.stop()
            outcome = "ends" if code == 74 else "trap" if code < 0 else f"exit {code}"
            if outcome == "ends" and '"level":"error"' not in server.said():
                raise AssertionError(f"{name}: no line of the log says why it ended: {server.said()[-600:]}")
        if outcome not in wanted.split():
            raise AssertionError(f"{name} from {when}: {outcome}, not {wanted}; {writers.refused} refused, {writers.unheard} unheard: {server.said()[-1500:]}")
    holds(exe, data, writers.answered | {"before"}, name)
    return outcome, writers


def expect_made(port, name, what):
    status, answer = register(port, name)
    if status != 201:
        raise AssertionError(f"{what}: the account {name!r} was answered {status} {answer}")


def errors_of_every_class_of_call_under_writers(folder, exe, options):
    can_trace(exe)
    outcomes, answered, chosen = {}, 0, [case for case in CASES if options.long or case[:2] in SHORT]
    for number, (call, error, when, wanted) in enumerate(chosen):
        outcome, writers = one(exe, folder / f"db{number}", call, error, when, wanted, 2 if options.long else 0.7)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        answered += len(writers.answered)
        if options.long:
            print(f"        {call} {error} {when}: {outcome}; {len(writers.answered)} answered, all there; {writers.refused or 'none'} refused, {writers.unheard} unheard", flush=True)
    return f"{len(chosen)} errors, {outcomes}; {answered} answered, all there"


def flushes_and_writes_that_fail_from_some_call_on(folder, exe, options):
    """From the start of the process, so that the first flush of a file may be the one; promise 3 of docs/security.md §12."""
    can_trace(exe)
    told = []
    for number, (call, error) in enumerate(FROM_THE_START if options.long else FROM_THE_START[:2]):
        data = folder / f"db{number}"
        with Server(exe, data) as server:
            expect_made(server.port, "before", call)
            server.stop()
        when = options.random.randint(20, 60)
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}+"]
        with Server(exe, data, "--shutdown-grace=2s", before=strace) as server:
            writers = Writers(server.port, "w", count=4)
            eventually(lambda: writers.refused, f"{call} {error} from call {when} on: a refused write", 90)
            time.sleep(0.2)
            count = len(writers.answered)
            time.sleep(0.3)
            if call == "fdatasync" and len(writers.answered) != count:
                raise AssertionError("a write was answered after a flush had failed")
            code = server.ended(90)
            writers.stop()
        if code != 74:
            raise AssertionError(f"{call} {error} from call {when} on: exit {code}: {server.said()[-1000:]}")
        holds(exe, data, writers.answered | {"before"}, f"{call} {error} from call {when} on")
        with Server(exe, data) as server:
            expect_made(server.port, "after", call)
        told.append(f"{call} {error} {len(writers.answered)}")
    return "exit 74 each time; answered before and all there: " + ", ".join(told)
