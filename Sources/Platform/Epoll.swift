// Waiting for many descriptors at once (epoll(7)).

import Glibc

/// A set of watched descriptors and the room for the events that the kernel reports about them.
///
/// One thread waits; descriptors leave the set by being closed. The layout of `struct epoll_event` is packed on x86-64 only.
@safe
package struct Epoll: ~Copyable, @unchecked Sendable {
  #if arch(x86_64)
    private static let stride = 12, tokenOffset = 4
  #else
    private static let stride = 16, tokenOffset = 8
  #endif

  private let descriptor: FileDescriptor
  private let events: UnsafeMutableRawPointer
  private let capacity: Int
  private var count = 0

  /// - Parameter capacity: how many events one `wait` reports at most.
  package init(capacity: Int = 256) throws(Errno) {
    precondition(capacity > 0 && capacity < 1 << 20, "\(capacity) events")
    // 0x80000 is EPOLL_CLOEXEC.
    descriptor = FileDescriptor(owning: try checked { linux_epoll_create1(0x80000) })
    self.capacity = capacity
    // SAFETY: initialised to zero here, freed in deinit, touched only below `capacity` events.
    unsafe events = .allocate(byteCount: capacity * Self.stride, alignment: 8)
    unsafe events.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * Self.stride)
  }

  deinit { unsafe events.deallocate() }

  /// Begins to watch a descriptor; `token` comes back with its events.
  package borrowing func add(_ fd: borrowing FileDescriptor, for interest: Readiness, token: UInt64) throws(Errno) {
    try control(1, fd.rawValue, interest, token)
  }

  /// Replaces what is watched for on a descriptor.
  package borrowing func change(_ fd: borrowing FileDescriptor, to interest: Readiness, token: UInt64) throws(Errno) {
    try control(3, fd.rawValue, interest, token)
  }

  /// Ends the watch on a descriptor. Closing it does the same, unless a duplicate of it stays open.
  package borrowing func remove(_ fd: borrowing FileDescriptor) throws(Errno) {
    try control(2, fd.rawValue, [], 0)
  }

  private borrowing func control(_ operation: CInt, _ raw: CInt, _ interest: Readiness, _ token: UInt64) throws(Errno) {
    let poll = descriptor.rawValue
    try unsafe withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) {
      (event: UnsafeMutableRawBufferPointer) throws(Errno) in
      // SAFETY: 16 bytes hold either layout; both fields are written before the kernel reads them.
      unsafe event.storeBytes(of: interest.rawValue, toByteOffset: 0, as: UInt32.self)
      unsafe event.storeBytes(of: token, toByteOffset: Self.tokenOffset, as: UInt64.self)
      try checked { unsafe linux_epoll_ctl(poll, operation, raw, event.baseAddress) }
      return
    }
  }

  /// Waits for events and returns how many there are; 0 after the time-out or an interruption.
  ///
  /// - Parameter milliseconds: nil waits without end, 0 not at all.
  package mutating func wait(milliseconds: Int?) -> Int {
    let timeout = milliseconds.map { CInt(clamping: max(0, $0)) } ?? -1
    // SAFETY: there is room for `capacity` events.
    let result = unsafe linux_epoll_wait(descriptor.rawValue, events, CInt(capacity), timeout)
    precondition(result >= 0 || Errno.last.kind == .retry, "epoll_wait: \(Errno.last)")
    count = max(0, Int(result))
    return count
  }

  /// What happened, of the event at this index of the last `wait`.
  package borrowing func readiness(at index: Int) -> Readiness {
    precondition(index >= 0 && index < count, "event \(index) of \(count)")
    // SAFETY: the index is below `capacity`, and the memory is initialised.
    return Readiness(rawValue: unsafe events.loadUnaligned(fromByteOffset: index * Self.stride, as: UInt32.self))
  }

  /// The token of the descriptor that the event is about.
  package borrowing func token(at index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "event \(index) of \(count)")
    // SAFETY: as in `readiness(at:)`.
    return unsafe events.loadUnaligned(fromByteOffset: index * Self.stride + Self.tokenOffset, as: UInt64.self)
  }
}

/// What a descriptor is ready for.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let readable = Readiness(rawValue: 0x1)
  package static let writable = Readiness(rawValue: 0x4)
  /// Something is wrong with it; reported without being asked for.
  package static let failed = Readiness(rawValue: 0x8)
  /// Both directions have ended; reported without being asked for.
  package static let hungUp = Readiness(rawValue: 0x10)
  /// The peer sends no more.
  package static let peerEnded = Readiness(rawValue: 0x2000)
  /// Interest: of several sets that watch one open file, wake one.
  package static let exclusive = Readiness(rawValue: 1 << 28)
  /// Interest: report a change once, not a state again and again.
  package static let edgeTriggered = Readiness(rawValue: 1 << 31)
}

// An option set literal is built by generic code in other modules: the questions of the hot path are asked here.
extension Readiness {
  /// There may be something to read: bytes, the end, or an error.
  package var wantsReading: Bool { rawValue & (0x1 | 0x8 | 0x10 | 0x2000) != 0 }

  /// The peer sends no more, in order or not.
  package var hasEnded: Bool { rawValue & (0x8 | 0x10 | 0x2000) != 0 }

  /// Nobody reads any more what is sent.
  package var isBroken: Bool { rawValue & (0x8 | 0x10) != 0 }
}
