// Who works on a traced request right now: lets the floors below note what took time without being told of requests.

import Glibc

/// Knows for each thread the sheet of the request that it works on, if that is traced.
///
/// Noting costs one pthread_getspecific(3) where nothing is traced, and two readings of the clock where something is. What has no such object,
/// because nothing is ever traced, pays one test.
package final class SpanNotes: Sendable {
  private let key: pthread_key_t
  private let clock: any Clock

  /// - Throws: EAGAIN if the process has used up its thread keys (PTHREAD_KEYS_MAX).
  package init(clock: any Clock) throws(Errno) {
    var made = pthread_key_t()
    let result = unsafe pthread_key_create(&made, nil)
    if result != 0 { throw Errno(result) }
    key = made
    self.clock = clock
  }

  deinit { pthread_key_delete(key) }

  package var now: UInt64 { clock.monotonicNanoseconds() }

  /// Says whose work the calling thread does from here on. The caller keeps the sheet until it has said something else.
  package func work(for sheet: SpanSheet?) {
    // SAFETY: the pointer is read by this thread alone, and the caller keeps what it points to until it is replaced.
    let value = unsafe sheet.map { unsafe Unmanaged.passUnretained($0).toOpaque() }
    let result = unsafe pthread_setspecific(key, value)
    precondition(result == 0, "cannot note whose work a thread does: \(Errno(result))")
  }

  /// The moment at which something begins; 0 if the calling thread works on nothing that is traced.
  package func begin() -> UInt64 { unsafe pthread_getspecific(key) == nil ? 0 : clock.monotonicNanoseconds() }

  /// Notes what began at `start`, which `begin` returned on this thread.
  package func end(_ kind: SpanTime.Kind, since start: UInt64) {
    guard start > 0, let value = unsafe pthread_getspecific(key) else { return }
    // SAFETY: see `work`: the sheet lives, and this thread has it.
    unsafe Unmanaged<SpanSheet>.fromOpaque(value).takeUnretainedValue().add(kind, from: start, to: clock.monotonicNanoseconds())
  }
}
