// A reference that is replaced now and then and read all the time, without a lock.

public import Synchronization

/// Shows one object at a time to any number of threads. A reader takes no lock, waits for nobody and sees an object as it was published.
///
/// Nobody counts readers, so nobody knows when the last one has left an object that was replaced. Therefore all that was ever published
/// stays until this value goes: it is for what is replaced some times in a process's life, such as keys, never for what a request can replace.
@safe @usableFromInline package final class Published<Object: AnyObject & Sendable>: Sendable {
  // SAFETY: refers to an object in `kept`, which only grows and lives as long as `self`.
  @usableFromInline let reference: Atomic<Unmanaged<Object>>
  // Guards everything that was published; held to append.
  private let kept: Mutex<[Object]>

  package init(_ first: Object) {
    unsafe reference = Atomic(Unmanaged.passUnretained(first))
    kept = Mutex([first])
  }

  /// Lends the object of this moment. Costs one load.
  @inlinable package func withCurrent<Value, Failure: Error>(_ body: (Object) throws(Failure) -> Value) throws(Failure) -> Value {
    // SAFETY: see `reference`.
    try unsafe body(reference.load(ordering: .acquiring).takeUnretainedValue())
  }

  /// Shows another object from now on; whoever is still reading goes on with the one before.
  package func replace(with object: Object) {
    kept.withLock { $0.append(object) }
    unsafe reference.store(Unmanaged.passUnretained(object), ordering: .releasing)
  }

  /// How many objects are kept: one, and one for each time it was replaced.
  package var keptCount: Int { kept.withLock { $0.count } }
}
