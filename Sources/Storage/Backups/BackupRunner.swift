// Makes backups of the database that is open here, on request and by the clock. docs/storage.md §16.

package import Platform
import Synchronization

/// Where backups go, when they are made, and how many stay.
package struct BackupOptions: Sendable {
  /// The folder, which must be there when a backup begins.
  package var path: String
  /// nil: only on request.
  package var schedule: BackupSchedule?
  /// Full backups under names of our own that stay.
  package var keep = 7
  package var naming: BackupNaming
  package var clock: any Clock = SystemClock()
  /// Told on the thread that makes backups.
  package var onEvent: @Sendable (BackupEvent) -> Void = { _ in }
  var files: any FileSystem = LinuxFileSystem()

  package init(path: String, naming: BackupNaming) {
    self.path = path
    self.naming = naming
  }
}

/// One thread that makes one backup at a time. Any thread may call it.
///
/// A backup is a pinned checkpoint that is copied: writers never wait for it. The thread gives way to others that want its processor.
package final class BackupRunner: Sendable {
  private let database: Database
  private let options: BackupOptions
  private let folder: BackupFolder
  private let inner = Mutex(Inner())
  private let monitor = Monitor()
  private let isStopping = Atomic<Bool>(false)
  private let thread = Mutex<Thread?>(nil)

  private static let wake = Monitor.Condition(0)
  private static let niceness = 10
  private static let maxTakenSeconds = 60

  fileprivate struct Request {
    let id: UInt64
    let name: String
    let base: String?
    let isScheduled: Bool
  }

  fileprivate struct Inner {
    var state = BackupState()
    var waiting: Request?
    var lastID: UInt64 = 0
    /// nil without a schedule, and until the folder was looked at.
    var plan: BackupPlan?
    var hasLooked = false
  }

  package init(_ database: Database, _ options: BackupOptions) {
    self.database = database
    self.options = options
    folder = BackupFolder(path: options.path, disk: Disk(options.files), naming: options.naming)
  }

  package var state: BackupState { inner.withLock { $0.state } }

  // MARK: The thread

  /// Starts the thread. Once in a life.
  package func start() throws(Errno) {
    try thread.withLock { (thread) throws(Errno) in
      thread = try Thread(name: "backup") { [self] in
        makeCurrentThreadNicer(by: Self.niceness)
        while !isStopping.load(ordering: .acquiring) { sleep(atMost: pass()) }
      }
    }
  }

  /// Ends the backup at work, which leaves no file, and takes no more. Does not wait for it.
  package func requestStop() {
    monitor.lock()
    isStopping.store(true, ordering: .releasing)
    monitor.notifyAll(Self.wake)
    monitor.unlock()
  }

  /// The same, and returns when the thread has ended. Without effect if nothing was started.
  package func stop() {
    requestStop()
    let running = thread.withLock { $0.take() }
    if let running { running.join() }
  }

  private func sleep(atMost pause: UInt64) {
    let deadline = options.clock.monotonicNanoseconds() + pause
    monitor.lock()
    defer { monitor.unlock() }
    while !isStopping.load(ordering: .acquiring), inner.withLock({ $0.waiting }) == nil,
      options.clock.monotonicNanoseconds() < deadline
    {
      monitor.wait(for: Self.wake, until: deadline)
    }
  }

  // MARK: Asking

  /// Has a backup made of everything that was committed before the call.
  ///
  /// - Parameters:
  ///   - name: a plain file name that ends in `.udb` and is not there yet; nil for one made of the time.
  ///   - base: the name of a backup in the folder, whose pages are left out.
  /// - Returns: the number of this backup, which `state` then says the progress of.
  package func request(name: String?, base: String?) throws(BackupRefusal) -> UInt64 {
    let problems = (name: name.flatMap { fault(ofName: $0) }, base: base.flatMap { fault(ofBase: $0) })
    if problems.name != nil || problems.base != nil { throw .unusable(name: problems.name, base: problems.base) }
    if isStopping.load(ordering: .acquiring) { throw .closed }
    let drawn = name ?? freeName()
    let id = inner.withLock { inner -> UInt64? in
      guard inner.waiting == nil, inner.state.id == 0 || inner.state.outcome != .running else { return nil }
      inner.lastID += 1
      inner.waiting = Request(id: inner.lastID, name: drawn, base: base, isScheduled: false)
      inner.begin(inner.lastID, drawn, isScheduled: false, at: options.clock.wallMilliseconds())
      return inner.lastID
    }
    guard let id else { throw .inProgress }
    monitor.lock()
    monitor.notifyAll(Self.wake)
    monitor.unlock()
    return id
  }

  /// A name made of the time: that of the first second from now on of which there is no backup yet. The clock may have been set back, and one may
  /// be asked for within a second of another.
  private func freeName() -> String {
    let now = options.clock.wallMilliseconds()
    var name = options.naming.name(now)
    for second in 1...Self.maxTakenSeconds {
      // A folder that cannot be used is told of when the file is made.
      do throws(StorageError) { if try !folder.has(name) { break } } catch { break }
      name = options.naming.name(now + Int64(second) * 1000)
    }
    return name
  }

  private func fault(ofName name: String) -> String? {
    guard BackupFolder.isPlain(name) else {
      return
        "use at most \(BackupFolder.maxNameByteCount) letters, digits, \".\", \"_\" and \"-\", with \(BackupFolder.suffix) at the end"
    }
    if options.naming.moment(name) != nil { return "names of this form are for backups without a name" }
    do throws(StorageError) { return try folder.has(name) ? "there is a backup of this name" : nil } catch {
      return "the folder cannot be used"
    }
  }

  private func fault(ofBase base: String) -> String? {
    guard BackupFolder.isPlain(base) else { return "use the name of a backup" }
    do throws(StorageError) {
      let summary = try BackupSummary(reading: folder.path(of: base), files: folder.disk.files)
      return summary.identity == database.identity && summary.timeline == database.timeline
        ? nil : "it is of another store, or of this one before a restore"
    } catch { return "there is no whole backup of this name" }
  }

  // MARK: Working

  /// Makes the backup that was asked for or is due; returns how long to rest, in nanoseconds. For the own thread, or for whoever plays it.
  func pass() -> UInt64 {
    look()
    if let asked = inner.withLock({ $0.waiting.take() }) {
      make(asked)
      return 0
    }
    let (now, time) = (options.clock.wallMilliseconds(), options.clock.monotonicNanoseconds())
    let pause = inner.withLock { inner in
      let pause = inner.plan?.pause(now: now, time: time)
      inner.state.nextMilliseconds = inner.plan?.moment ?? 0
      return pause
    }
    guard let pause else { return BackupPlan.maxPause }
    if pause > 0 { return pause }
    let name = freeName()
    let due = inner.withLock { inner -> Request? in
      // Somebody has asked since; theirs is first.
      guard inner.waiting == nil else { return nil }
      inner.lastID += 1
      let request = Request(id: inner.lastID, name: name, base: nil, isScheduled: true)
      inner.begin(request.id, request.name, isScheduled: true, at: now)
      return request
    }
    if let due { make(due) }
    return 0
  }

  /// The first look at the folder: when the last backup was made, and what was cut short.
  private func look() {
    if inner.withLock({ $0.hasLooked }) { return }
    var last: Int64?
    do throws(StorageError) {
      try tidy()
      last = try entries().compactMap(\.moment).last
    } catch { options.onEvent(.folderFailed("\(error)")) }
    let now = options.clock.wallMilliseconds()
    inner.withLock { inner in
      inner.hasLooked = true
      inner.state.lastSuccessMilliseconds = last ?? 0
      inner.plan = options.schedule.map { BackupPlan($0, last: last, now: now) }
    }
  }

  private func make(_ request: Request) {
    do throws(StorageError) {
      let summary = try write(request)
      let now = options.clock.wallMilliseconds()
      let state = inner.withLock { inner in
        inner.state.outcome = .done
        inner.state.byteCount = summary.byteCount
        inner.state.endMilliseconds = now
        inner.state.lastSuccessMilliseconds = now
        inner.state.successes += 1
        if request.isScheduled {
          inner.state.scheduleFailure = nil
          inner.plan?.succeed(now: now)
          inner.state.nextMilliseconds = inner.plan?.moment ?? 0
        }
        return inner.state
      }
      options.onEvent(.made(state))
      removeSurplus()
    } catch { fail(request, error) }
  }

  private func fail(_ request: Request, _ error: StorageError) {
    let isCancelled = isStopping.load(ordering: .acquiring)
    let (now, time) = (options.clock.wallMilliseconds(), options.clock.monotonicNanoseconds())
    let (state, retry) = inner.withLock { inner -> (BackupState, Int?) in
      inner.state.outcome = isCancelled ? .cancelled : .failed
      inner.state.endMilliseconds = now
      if isCancelled { return (inner.state, nil) }
      inner.state.failure = "\(error)"
      inner.state.failures += 1
      inner.state.lastFailureMilliseconds = now
      guard request.isScheduled, inner.plan != nil else { return (inner.state, nil) }
      inner.state.scheduleFailure = "\(error)"
      inner.plan?.fail(time: time)
      return (inner.state, inner.plan.map { Int($0.retryPause / 1_000_000_000) })
    }
    if !isCancelled { options.onEvent(.failed(state, retrySeconds: retry)) }
  }

  private func write(_ request: Request) throws(StorageError) -> BackupSummary {
    if isStopping.load(ordering: .acquiring) { throw .closed }
    try tidy()
    let base = try request.base.map { (name) throws(StorageError) in
      try BackupSummary(reading: folder.path(of: name), files: folder.disk.files)
    }
    let pinned = try PinnedCheckpoint(of: database)
    inner.withLock { inner in
      inner.state.checkpoint = pinned.stored.checkpoint
      inner.state.pageCount = pinned.stored.pageCount
    }
    var pages = 0
    let onPage = Self.opaque { [self] () throws(StorageError) in
      if isStopping.load(ordering: .relaxed) { throw .closed }
      pinned.keep()
      pages += 1
      if pages % 64 == 0 { inner.withLock { $0.state.pages = pages } }
    }
    return try pinned.stored.backUp(
      toFile: folder.path(of: request.name), since: base, proof: .readBack, onPage: onPage)
  }

  /// Keeps the optimiser from making another copy of everything that a backup calls, just for this closure.
  @inline(never)
  private static func opaque(
    _ body: @escaping () throws(StorageError) -> Void
  ) -> () throws(StorageError) -> Void { body }

  private func entries() throws(StorageError) -> [BackupFolder.Entry] {
    try folder.entries(database.identity, database.timeline)
  }

  private func tidy() throws(StorageError) {
    for name in try folder.removeLeftovers(at: database.commits.pace) { options.onEvent(.leftoverRemoved(name: name)) }
  }

  /// Lets the oldest go. The backup that was just made and read back stays, so there is always a good one.
  private func removeSurplus() {
    do throws(StorageError) {
      let names = BackupFolder.surplus(try entries(), keep: options.keep)
      try folder.remove(names, at: database.commits.pace)
      for name in names { options.onEvent(.removed(name: name)) }
    } catch { options.onEvent(.folderFailed("\(error)")) }
  }
}

extension BackupRunner.Inner {
  /// From now on the figures are those of this backup.
  fileprivate mutating func begin(_ id: UInt64, _ name: String, isScheduled: Bool, at now: Int64) {
    state.id = id
    state.outcome = .running
    state.name = name
    state.isScheduled = isScheduled
    (state.checkpoint, state.pages, state.pageCount, state.byteCount) = (0, 0, 0, 0)
    (state.beginMilliseconds, state.endMilliseconds) = (now, 0)
    state.failure = nil
  }
}
