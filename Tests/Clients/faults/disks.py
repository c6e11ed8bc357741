"""Disks that are full, go away, lose power or may not be written: what was answered is there, and what is refused is named."""
import fcntl, os, signal, struct, subprocess, time

from checks import ENVIRONMENT, LeftOut, Server, Writers, ask, bulk, disk, eventually, fill, holds, mount, mount_new, register, release
from calls import expect_made

EXT4_IOC_SHUTDOWN, LOG_IS_NOT_FLUSHED = 0x8004587D, 2


def a_disk_that_is_full_again_and_again(folder, exe, options):
    with disk(folder, "tmpfs", 192) as place:
        with Server(exe, place / "db") as server:
            status, ann = register(server.port, "ann")
            writers = Writers(server.port, "w")
            full = 0
            for number in range(options.rounds):
                filler = fill(place)
                # The log's segment that is open has room for a while, so writers go on until it is full.
                refused, parts = 0, 0
                while refused < 5 and parts < 400:
                    found = ask(server.port, "GET", "/api/auth/me", token=ann["token"])[0]
                    if found != 200:
                        raise AssertionError(f"a read on a full disk is {found}")
                    made, _ = bulk(place / "db", f"bulk-{number}-{parts}")
                    if made not in (200, 507):
                        raise AssertionError(f"a batch on a full disk is {made}")
                    parts, refused = parts + 1, refused + (made == 507)
                full += refused > 0
                filler.unlink()
                count = len(writers.answered)
                eventually(lambda: len(writers.answered) > count, f"writes after round {number}", 30)
            writers.stop()
            server.stop()
        holds(exe, place / "db", writers.answered | {"ann"}, "a full disk")
    if full < options.rounds // 2:
        raise AssertionError(f"writes were refused in {full} of {options.rounds} rounds alone")
    wrong = {key for key in writers.refused if key != (507, "storage_full")}
    if wrong:
        raise AssertionError(f"refused as {wrong}")
    return f"{options.rounds} rounds, batches refused in {full}; {len(writers.answered)} answered, all there; {sum(writers.refused.values())} refused with 507"


def a_file_system_that_goes_down_under_writers(folder, exe, options):
    """ext4 is told to stop at once and to forget what it has not written; then it is mounted again, as after a power cut."""
    answered, refused, codes = 0, 0, set()
    for number in range(8 if options.long else 2):
        place = folder / f"round{number}"
        place.mkdir()
        image, mounted = place / "image", place / "mounted"
        mount_new(image, mounted, 256)
        try:
            with Server(exe, mounted / "db", "--shutdown-grace=1s") as server:
                writers = Writers(server.port, f"r{number}")
                writers.wait_for_answers(options.random.randrange(5, 150))
                descriptor = os.open(mounted, os.O_RDONLY)
                try:
                    fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", LOG_IS_NOT_FLUSHED))
                except OSError as error:
                    raise LeftOut(f"ext4 cannot be shut down here: {error}")
                finally:
                    os.close(descriptor)
                # The next write meets an error, is not answered as done, and ends the process.
                codes.add(server.ended(90))
                writers.stop()
                answered, refused = answered + len(writers.answered), refused + sum(writers.refused.values())
            release(mounted)
            mount(image, mounted)
            holds(exe, mounted / "db", writers.answered, f"round {number}")
            with Server(exe, mounted / "db") as server:
                expect_made(server.port, "after", "after the cut")
                server.stop()
        finally:
            release(mounted)
    if codes != {74}:
        raise AssertionError(f"exit codes {codes}")
    return f"exit 74; {answered} answered, all there on the disk mounted again; {refused} refused"


def pictures_of_the_device_at_any_moment(folder, exe, options):
    """The process stands still, the device is copied as it is, without what the file system still holds in memory, and the copy is opened."""
    image, mounted = folder / "image", folder / "mounted"
    mount_new(image, mounted, 160)
    pictures, torn, wanted = [], 0, 12 if options.long else 2
    try:
        with Server(exe, mounted / "db") as server:
            writers = Writers(server.port, "w")
            while len(pictures) < wanted and torn < 50:
                writers.wait_for_answers(options.random.randrange(3, 120), 120)
                answered = set(writers.answered)
                os.kill(server.pid(), signal.SIGSTOP)
                picture = folder / f"picture{len(pictures)}"
                copy(image, picture)
                again = folder / "again"
                copy(image, again)
                os.kill(server.pid(), signal.SIGCONT)
                # What the kernel writes by itself while we copy would make a picture of no moment.
                if subprocess.run(["cmp", "-s", str(picture), str(again)]).returncode == 0:
                    pictures.append((picture, answered))
                else:
                    torn += 1
            writers.stop()
            server.stop()
        holds(exe, mounted / "db", writers.answered, "the original")
    finally:
        release(mounted)
    for number, (picture, answered) in enumerate(pictures):
        place = folder / f"place{number}"
        mount(picture, place)
        try:
            holds(exe, place / "db", answered, f"picture {number}")
        finally:
            release(place)
    return f"{len(pictures)} pictures, {torn} taken again; {[len(answered) for _, answered in pictures]} answered before, all there in each"


def copy(image, target):
    subprocess.run(["cp", "--sparse=always", str(image), str(target)], check=True)


def a_disk_that_may_not_be_written(folder, exe, options):
    with disk(folder, "ext4", 160) as place:
        data = place / "db"
        with Server(exe, data) as server:
            expect_made(server.port, "before", "before")
            server.stop()
        if subprocess.run(["mount", "-o", "remount,ro", str(place)], capture_output=True).returncode:
            raise LeftOut("a file system cannot be mounted read-only here")
        words = [exe, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        if done.returncode not in (73, 74, 77) or str(data) not in done.stdout + done.stderr:
            raise AssertionError(f"a start on a disk that is read-only: exit {done.returncode}, {done.stdout}{done.stderr}")
        missing = subprocess.run([*words[:3], str(place / "other"), *words[4:]], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        if missing.returncode not in (73, 74, 77):
            raise AssertionError(f"a new folder on a disk that is read-only: exit {missing.returncode}, {missing.stdout}{missing.stderr}")
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        holds(exe, data, {"before"}, "afterwards")
    return f"exit {done.returncode} for a store, {missing.returncode} for a new one, both with the path; the store is as it was"
