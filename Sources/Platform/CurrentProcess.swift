// What this process is to the kernel: its environment, its user, its file mask, its end.

import Glibc

/// The environment variables of this process, in the order in which the kernel gave them.
///
/// Names and values that are not UTF-8 come with replacement characters, so that a message can still show them.
package func environmentVariables() -> [(name: String, value: String)] {
  var variables: [(name: String, value: String)] = []
  let list = unsafe environ
  var index = 0
  // SAFETY: `environ` is a null-terminated array of C strings, and nothing in this program changes it once there are threads.
  while let entry = unsafe list[index] {
    let text = unsafe String(cString: entry)
    if let equals = text.firstIndex(of: "=") {
      variables.append((name: String(text[..<equals]), value: String(text[text.index(after: equals)...])))
    }
    index += 1
  }
  return variables
}

/// The user in whose name this process makes and opens files.
package func effectiveUserID() -> UInt32 { geteuid() }

/// The number of this process.
package func currentProcessID() -> Int32 { getpid() }

/// Takes the permissions in `mask` away from every file that this process makes from now on.
package func setFileCreationMask(_ mask: UInt32) { _ = umask(mask) }

/// Ends the process at once, without running anything that was registered for its end.
package func endProcess(_ code: Int32) -> Never { _exit(code) }

/// Memory of the machine; 1 GiB where the system does not say.
package func physicalMemoryByteCount() -> Int {
  let pages = sysconf(CInt(_SC_PHYS_PAGES)), size = sysconf(CInt(_SC_PAGESIZE))
  return pages > 0 && size > 0 ? pages * size : 1 << 30
}

/// Lets another thread run that is ready.
package func yieldThread() { sched_yield() }

/// Puts the calling thread to sleep. For tools; event loops and handlers never sleep.
package func sleepThread(milliseconds: UInt32) { sleepThread(nanoseconds: UInt64(milliseconds) * 1_000_000) }

package func sleepThread(nanoseconds: UInt64) {
  var wanted = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  var left = timespec()
  // SAFETY: two locals; an interrupted sleep leaves what is left of it in the second.
  while unsafe nanosleep(&wanted, &left) != 0 && Errno.last.kind == .retry { wanted = left }
}

/// Sets the permissions of a file, such as 0o600.
package func setPermissions(of path: String, _ permissions: UInt32) throws(Errno) {
  try checked { unsafe chmod(path, permissions) }
}
