#!/usr/bin/env python3
"""The real executable under faults: disks, system calls, signals, descriptors, memory, clocks. Nothing answered is lost, and nothing is answered that is not on disk.

usage: Tests/Clients/faults.py USERD [--long] [--rounds N] [--seed N] [word...]

With words, only checks whose name holds one of them run. Mounting needs root, failing calls ptrace; where the machine does not allow something, the last lines
say that it was left out. Python and strace alone. KillTests kills under 64 clients, soak.py mixes faults for an hour."""
import argparse, os, random, sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "faults"))
import calls, clocks, disks, processes
from checks import run

CHECKS = [
    disks.a_disk_that_is_full_again_and_again, disks.a_disk_that_may_not_be_written, disks.a_file_system_that_goes_down_under_writers, disks.pictures_of_the_device_at_any_moment,
    calls.flushes_and_writes_that_fail_from_some_call_on, calls.errors_of_every_class_of_call_under_writers, processes.kill_nine_under_writers, processes.a_process_that_stands_still,
    processes.no_descriptors_left, processes.little_address_space, processes.a_group_with_too_little_memory, clocks.the_wall_clock_jumps, clocks.another_monotonic_clock_at_each_start]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exe", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("words", nargs="*")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--rounds", type=int, default=20, help="of a disk that is full")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("USERD_SEED") or random.randrange(1 << 32)))
    options = parser.parse_args()
    options.random = random.Random(options.seed)
    print(f"faults: --seed {options.seed}", flush=True)
    run("faults", CHECKS, options.words, (options.exe, options))


if __name__ == "__main__":
    main()
