// What a piece of a test costs its own thread, whatever else the machine does meanwhile.

import Glibc

/// Processor time that the calling thread spends in `body`, in milliseconds. Bounds on it tell a square from a line; they are no bounds on speed.
package func threadMilliseconds(_ body: () throws -> Void) rethrows -> Int {
  func now() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
  let begin = now()
  try body()
  return now() - begin
}
