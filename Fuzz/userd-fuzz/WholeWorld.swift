// The world around a simulated server: its disk, its clock, its clients and their network, and what they know. docs/testing.md §7.

import Auth
import HTTP
import Platform
import Storage
import TestSupport

/// One machine with everybody who talks to it, from one seed. One thread.
final class WholeWorld: @unchecked Sendable {
  /// What a canary does wrong.
  enum PlantedBug: Int {
    case swappedAnswers, earlyAnswers, forgivenReuse, forgottenKeys, unsyncedFrames, oldAnswers
  }

  /// Tokens that somebody has for an address, the newest and older ones.
  struct Ticket {
    let session: String
    let generation: Int
    let access: String
    let refresh: String
  }

  /// What the clients know about one address.
  struct Neighbour {
    var ledger: Ledger
    var tickets: [Ticket] = []
    var accounts: [String] = []
    /// The password that was last taken.
    var password = 0
    /// Requests with a key, which come again.
    var repeated: [House.Verb] = []
  }

  let bug: PlantedBug?
  var random: SeededGenerator
  let clock: ManualClock
  let system: SimulatedFileSystem
  private let folder = TemporaryFolder("whole")
  private var machine: WholeProcess.Machine
  private(set) var process: WholeProcess?
  let rules: House.Rules
  var neighbours: [Neighbour]
  var wires: [Wire] = []
  private var requestCount = 0
  private(set) var crashCount = 0
  var answerCount = 0
  private(set) var stopCount = 0
  /// The disk is full, or was since the last quiet moment.
  private(set) var isFull = false
  private(set) var wasFull = false
  /// A flush was made to fail, which ends writing.
  private(set) var mayFail = false
  private var isMeanwhile = false
  private var isInEngine = false
  private(set) var isStopping = false
  private(set) var story: [String] = []

  init(_ random: inout SeededGenerator, _ bug: PlantedBug?) throws(Complaint) {
    self.bug = bug
    let source = WholeBytes(seed: random.next())
    let bytes = RandomSource { bytes in for index in bytes.indices { bytes[index] = source.next() } }
    let clock = ManualClock()
    let system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: random.next())
    system.faults.disturbance = random.once(in: 4) ? 25 : 0
    system.faults.grantsDirect = !random.once(in: 3)
    var database = DatabaseOptions(path: "data/db")
    database.clock = clock
    database.files = system
    database.random = bytes
    database.segmentByteCount = random.pick([32 << 10, 64 << 10])
    database.maxLogByteCount = random.number(10..<14) * database.segmentByteCount
    database.growthByteCount = random.number(1..<4) * 128 << 10
    database.pageByteCount = random.pick([1024, 1024, 4096, 8192])
    // Sometimes so small that pages must be read again, on workers.
    database.cacheByteCount = random.pick([512, 4096]) * database.pageByteCount
    database.plantedBug = bug == .unsyncedFrames ? .acknowledgeWithoutSync : nil
    var options = SessionOptions()
    options.accessLifetime = 3600
    options.recentLogin = 86_400
    options.maxSessions = 1000
    rules = House.Rules(hasGrace: bug != .forgivenReuse && random.once(in: 2))
    options.refreshGrace = rules.hasGrace || bug == .forgivenReuse ? 86_400 : 0
    options.throttle.isEnabled = false
    var machine = WholeProcess.Machine(
      path: folder.path, clock: clock, system: system, random: bytes, database: database, sessions: options,
      loopCount: random.number(1..<4), hashQueueCount: random.pick([1, 4, 64]))
    machine.answersEarly = bug == .earlyAnswers
    if bug == .oldAnswers { machine.middleware = [WholeWorld.answeringFromMemory()] }
    self.machine = machine
    self.clock = clock
    self.system = system
    self.random = SeededGenerator(seed: random.next())
    neighbours = Array(repeating: Neighbour(ledger: Ledger(rules)), count: random.number(1..<5))
    self.machine.onHash = { [unowned self] in hashing() }
    process = try WholeProcess(self.machine)
    system.setMeanwhile { [unowned self] in meanwhile() }
    try defineRole()
  }

  deinit { system.setMeanwhile(nil) }

  func tell(_ what: String) {
    story.append(what)
    if story.count > 30 { story.removeFirst(10) }
  }

  /// A name for the next request.
  func nextNumber() -> Int {
    requestCount += 1
    return requestCount
  }

  var administratorSocket: String { machine.administratorSocket }
  var clientSocket: String { machine.clientSocket }

  /// Requests about an address that may still have an effect.
  func openCount(of house: Int) -> Int {
    var count = neighbours[house].ledger.openCount
    for wire in wires {
      for expectation in wire.expected where expectation.unsentByteCount > 0 {
        if case .verb(house, _, _) = expectation.kind { count += 1 }
      }
    }
    return count
  }

  // MARK: The threads of the server

  func turnLoop() { process?.turnLoop(random.number(0..<4)) }

  func turnWorkers() {
    let number = random.number(0..<60)
    if number % 2 == 0 { process?.takeWork(ofHashPool: number % 3 != 0) } else { process?.finishWork(number) }
  }

  func turnEngine() {
    isInEngine = true
    defer { isInEngine = false }
    let thread = random.once(in: 2) ? EngineThread.log : random.pick(EngineThread.allCases)
    _ = process?.database.turn(thread)
  }

  /// While the disk works, the network and the loops go on.
  private func meanwhile() {
    guard isInEngine, !isMeanwhile, !system.hasCrashed, random.once(in: 3) else { return }
    isMeanwhile = true
    defer { isMeanwhile = false }
    for _ in 0..<random.number(1..<4) {
      if random.once(in: 2) { turnLoop() } else if random.once(in: 2) { turnWorkers() } else { pushSome() }
    }
  }

  /// While a worker hashes, the network, the loops and the disk go on.
  private func hashing() {
    guard !isMeanwhile, !system.hasCrashed, random.once(in: 2) else { return }
    isMeanwhile = true
    defer { isMeanwhile = false }
    for _ in 0..<random.number(1..<5) {
      switch random.number(0..<3) {
      case 0: turnLoop()
      case 1: pushSome()
      default: turnEngine()
      }
    }
  }

  func keepHouse() throws(Complaint) { try process?.keepHouse(random.number(0..<60)) }

  // MARK: The network

  func push(_ wire: Wire, _ limit: Int) {
    wire.push(limit) { expectation in
      if case .verb(let house, let number, let verb) = expectation.kind { neighbours[house].ledger.begin(number, verb) }
    }
  }

  func pushSome() {
    guard !wires.isEmpty else { return }
    push(random.pick(wires), random.once(in: 3) ? random.number(1..<60) : 4096)
  }

  // MARK: Time and room

  /// So much time passes at once that any time-out may be met.
  func jump(milliseconds: Int64) {
    tell("\(milliseconds) ms pass")
    clock.advance(milliseconds: milliseconds)
    for wire in wires { wire.mayEnd = true }
  }

  func fillDisk() {
    tell("the disk is full")
    system.limitRoom(to: random.number(0..<40_000))
    isFull = true
    wasFull = true
  }

  func makeRoom() {
    if !isFull { return }
    tell("there is room")
    system.limitRoom(to: nil)
    isFull = false
    jump(milliseconds: 1100)
  }

  /// From now on a flush fails, once.
  func breakDisk() {
    tell("a flush will fail")
    mayFail = true
    system.faults.syncFailure = random.pick(Array(SimulatedDisk.SyncFailure.allCases))
    system.faults.failingSyncs = 1
    system.faults.firstFailingSyncCall = system.calls + 1 + random.number(0..<20)
  }

  // MARK: Quiet

  /// Lets everything go on until nobody waits for anything; then the store must be what the answers say.
  func rest() throws(Complaint) {
    makeRoom()
    var rounds = 0
    while !isQuiet {
      rounds += 1
      if rounds > 600 {
        throw Complaint(
          "\(wires.reduce(0) { $0 + $1.expected.count }) requests are never answered, \(process?.connectionCount ?? 0) connections"
        )
      }
      for wire in wires { push(wire, 1 << 20) }
      process?.turnLoops()
      for _ in 0..<3 {
        process?.takeWork(ofHashPool: true)
        process?.takeWork(ofHashPool: false)
        process?.finishWork(0)
      }
      process?.turnEngine()
      clock.advance(milliseconds: 1)
      if system.hasCrashed { return try crash() }
      for wire in wires { try receive(wire, 1 << 16) }
    }
    wasFull = false
    if mayFail { return try crash() }
    for place in neighbours.indices { neighbours[place].ledger.settle() }
    do throws(Complaint) { try compare() } catch {
      // Reading is a call to the disk as well.
      if system.hasCrashed { return try crash() }
      throw error
    }
  }

  private var isQuiet: Bool {
    guard let process else { return true }
    return wires.allSatisfy { $0.expected.isEmpty && $0.unsentByteCount == 0 } && !process.isWorking
      && process.connectionCount == wires.count && (process.isDurable || process.hasFailed)
  }

  private func compare() throws(Complaint) {
    guard let process else { return }
    for place in neighbours.indices {
      let found = try process.found(at: Self.address(place))
      try neighbours[place].ledger.look(found)
    }
  }

  // MARK: Ends and beginnings

  /// kill -9, or the power goes. What had left the server may still arrive.
  func crash() throws(Complaint) {
    for wire in wires where random.once(in: 2) {
      // What is not there is no end of the connection: that came with the crash.
      wire.mayEnd = true
      try receive(wire, 1 << 16)
    }
    process = nil
    wires = []
    for place in neighbours.indices { neighbours[place].ledger.settle() }
    try loseProcess()
    while true {
      // One opening in a few ends in the middle as well.
      if random.once(in: 4) { armCrash(within: 40) }
      do throws(Complaint) {
        process = try WholeProcess(machine)
        if !system.hasCrashed { break }
      } catch { if !system.hasCrashed { throw error } }
      process = nil
      try loseProcess()
    }
    disarm()
    try compare()
  }

  private func loseProcess() throws(Complaint) {
    crashCount += 1
    clock.advance(milliseconds: 2)
    if random.once(in: 2) {
      tell("killed")
      system.kill()
    } else {
      tell("the power goes")
      system.cutPower(leaving: system.disk.afterPowerCut(using: &random))
    }
    system.limitRoom(to: nil)
    isFull = false
    wasFull = false
    disarm()
  }

  /// The process ends at some call to the disk that is to come.
  func armCrash(within count: Int) {
    system.faults.crashEffect = random.pick(Array(CrashEffect.allCases))
    system.faults.crashCall = system.calls + 1 + random.number(0..<count)
  }

  private func disarm() {
    system.faults.crashCall = nil
    system.faults.failingSyncs = 0
    mayFail = false
  }

  /// An orderly end: what was asked is answered, or cut when the grace is over, then another process takes over.
  func restart() throws(Complaint) {
    if mayFail { return try crash() }
    makeRoom()
    tell("stops")
    stopCount += 1
    for wire in wires { wire.mayEnd = true }
    isStopping = true
    defer { isStopping = false }
    process?.beginStop()
    for _ in 0..<600 where process.map({ !$0.hasStopped }) ?? false {
      process?.turnLoops()
      turnWorkers()
      process?.turnEngine()
      if system.hasCrashed { return try crash() }
      for wire in wires { try receive(wire, 1 << 16) }
      clock.advance(milliseconds: 20)
    }
    if let process, !process.hasStopped { throw Complaint("a stop does not end: \(process.connectionCount) connections") }
    for wire in wires { try receive(wire, 1 << 16) }
    wires = []
    for place in neighbours.indices { neighbours[place].ledger.settle() }
    do throws(Complaint) {
      try process?.close()
      process = nil
      process = try WholeProcess(machine)
      try compare()
    } catch {
      // Opening and reading are calls to the disk as well.
      if system.hasCrashed { return try crash() }
      throw error
    }
  }

  /// Tree, records and audit trail, at the end of a life.
  func check() throws(Complaint) {
    system.faults.crashCall = nil
    try rest()
    try process?.check()
    try process?.close()
    process = nil
  }

  static func address(_ place: Int) -> String { "h\(place)@example.org" }
}

/// A generator that a closure can share; one thread.
private final class WholeBytes: @unchecked Sendable {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  func next() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
