// A thread that can be kept in an array.

import Platform
import Synchronization

final class JoinableThread: Sendable {
  /// nil once it was joined.
  private let thread: Mutex<Thread?>

  init(name: StaticString, _ run: @escaping @Sendable () -> Void) throws(Errno) {
    thread = Mutex(try Thread(name: name, run))
  }

  /// Waits until the thread has ended; at once if it was joined before.
  func join() {
    let taken = thread.withLock { $0.take() }
    if let taken { taken.join() }
  }
}
