// Whether records and indexes agree, told from all entries of a store in the order of their keys. docs/records.md §6.

import Codecs
package import Storage

/// What is wrong with the records of a store, each as a sentence that names a table and an identifier, never an address.
package struct RecordReport: Sendable {
  package internal(set) var users = 0
  package internal(set) var sessions = 0
  package internal(set) var oneTimeTokens = 0
  package internal(set) var messages = 0
  package internal(set) var roles = 0
  package internal(set) var apiKeys = 0
  /// At most `maxProblems`.
  package internal(set) var problems: [String] = []

  package static let maxProblems = 1000

  package var isSound: Bool { problems.isEmpty }

  mutating func add(_ problem: @autoclosure () -> String) {
    if problems.count < Self.maxProblems { problems.append(problem()) }
  }
}

/// Checks every record for itself, and every row against the index entry that it must have and the other way round.
///
/// Memory does not grow with the store: rows and index entries are added up in buckets that come out as zero if both sides are the same;
/// only for buckets that do not, a second pass looks at what is in them.
package struct RecordCheck {
  private var report = RecordReport()
  private var balances: [Index: [Balance]] = [:]
  /// What the entry that was met last has to do with indexes.
  private var items: [Item] = []
  /// The schema version; nil if the store does not say, 0 if it is on the way to another one.
  private var schema: UInt32?
  private var hasIdentity = false
  private var trail = AuditTrail()
  private var auditCount: UInt64 = 0
  private var auditNext: UInt64?
  private var throttle = ThrottleState()
  private var counterCount: UInt64 = 0
  private var answers = AnswerState()
  private var foundAnswers = AnswerState()
  /// Whose answers follow, and how many of them are to come.
  private var asker: (id: UUID, rest: UInt32) = (UUID(high: 0, low: 0), 0)

  /// Passes all entries to a body, in ascending order of keys.
  package typealias Entries = (
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> ScanStep
  ) throws(RepositoryError) -> Void

  /// The relations between a table and its index.
  private enum Index: CaseIterable {
    case email
    case role
    case name
    case status
    case secondFactors
    case sessionsByUser
    case oneTimeTokensByUser
    case throttleCountersByEnd
    case answersByEnd
    case apiKeysByCreator
  }

  private struct Balance {
    var sum: UInt64 = 0
    var isZero: Bool { sum == 0 }
  }

  /// One side of a relation: which row it is of, and what both sides must have in common.
  private struct Item {
    let index: Index
    let id: UUID
    let mark: UInt64
    let isRow: Bool

    var bucket: Int { Int(id.low & 0xFFFF) }
  }

  /// - Throws: what reading throws; damage of records is in the report.
  package static func run(_ entries: Entries) throws(RepositoryError) -> RecordReport {
    var check = RecordCheck()
    for index in Index.allCases { check.balances[index] = [Balance](repeating: Balance(), count: 0x1_0000) }
    var isEmpty = true
    try entries { (key, value) throws(RepositoryError) in
      isEmpty = false
      check.meet(key, value)
      for item in check.items {
        let mark = item.mark | 1
        check.balances[item.index]?[item.bucket].sum &+= item.isRow ? mark : 0 &- mark
      }
      return .next
    }
    // A checkpoint from before the very first transaction: all that there is lies in the log.
    if isEmpty { return check.report }
    check.finish()
    try check.nameDifferences(entries)
    return check.report
  }

  private mutating func meet(_ key: Span<UInt8>, _ value: Span<UInt8>) {
    items.removeAll(keepingCapacity: true)
    do throws(RecordDamage) {
      guard let table = TableTag(rawValue: key[0]) else {
        report.add("an entry belongs to table \(key[0]), which this program does not know")
        return
      }
      try check(table, key, value)
    } catch {
      report.add("\(Self.name(key)): \(error)")
    }
  }

  private mutating func check(_ table: TableTag, _ key: Span<UInt8>, _ value: Span<UInt8>) throws(RecordDamage) {
    switch table {
    case .settings: try checkSetting(key, value)
    case .users:
      guard key.count == 17 else { throw .brokenIndex }
      report.users += 1
      let user = try UserRecord(id: key.identifier(at: 1), decoding: value)
      add(row: user.id, .email, UserRepository.emailKey(user.email))
      // Settings come first, so the version is known here. An index that is not whole yet says nothing.
      if has(schema: 2) { add(row: user.id, .role, UserRepository.roleKey(user.role, user.id)) }
      if has(schema: 3) {
        add(row: user.id, .name, UserRepository.nameKey(user.name, user.id))
        if let place = UserRepository.statusKey(user.status, user.id) { add(row: user.id, .status, place) }
      }
      for object in [user.metadata, user.appMetadata] where !object.isEmpty {
        do throws(JSONError) { _ = try JSONDocument(object.span) } catch { throw .notJSON(offset: error.offset) }
      }
      if let count = user.recoveryCodesLeft {
        add(row: user.id, .secondFactors, SecondFactorRepository.balanceKey(of: user.id, recoveryCount: count))
      }
    case .usersByEmail:
      guard let id = UUID(bytes: value) else { throw .brokenIndex }
      items.append(Item(index: .email, id: id, mark: Self.mark(key, id), isRow: false))
    case .usersByRole: try checkEntry(key, value, .role, since: 2)
    case .usersByName: try checkEntry(key, value, .name, since: 3)
    case .usersByStatus: try checkEntry(key, value, .status, since: 3)
    case .secondFactors:
      guard key.count == 17 else { throw .brokenIndex }
      let factors = try SecondFactorRecord(id: key.identifier(at: 1), decoding: value)
      guard factors.isEnabled else { return }
      let place = SecondFactorRepository.balanceKey(of: factors.userID, recoveryCount: factors.recoveryDigests.count)
      items.append(
        Item(index: .secondFactors, id: factors.userID, mark: place.withSpan { Self.mark($0, factors.userID) }, isRow: false))
    case .sessions:
      guard key.count == 17 else { throw .brokenIndex }
      report.sessions += 1
      let session = try SessionRecord(id: key.identifier(at: 1), decoding: value)
      add(row: session.id, .sessionsByUser, SessionRepository.indexKey(user: session.userID, session: session.id))
    case .sessionsByUser:
      guard key.count == 33, value.isEmpty else { throw .brokenIndex }
      let id = key.identifier(at: 17)
      items.append(Item(index: .sessionsByUser, id: id, mark: Self.mark(key, id), isRow: false))
    case .audit:
      let record = try AuditRecord(sequence: AuditRepository.sequence(of: key), decoding: value)
      let expected = auditNext ?? trail.first
      auditCount += 1
      auditNext = record.sequence &+ 1
      if record.sequence != expected { throw .brokenIndex }
    case .throttleCounters:
      guard let name = ThrottleKey(key.extracting(1..<key.count)) else { throw .brokenIndex }
      let counter = try ThrottleCounter(decoding: value)
      counterCount += 1
      add(row: Self.id(name), .throttleCountersByEnd, ThrottleRepository.indexKey(name, counter))
    case .throttleCountersByEnd:
      guard key.count == ThrottleRepository.indexByteCount, value.isEmpty, let name = ThrottleKey(key.extracting(10..<key.count))
      else { throw .brokenIndex }
      let id = Self.id(name)
      items.append(Item(index: .throttleCountersByEnd, id: id, mark: Self.mark(key, id), isRow: false))
    case .knownDevices:
      guard key.count == KnownDeviceRepository.keyByteCount else { throw .brokenIndex }
      _ = try KnownDeviceRepository.moment(value)
    case .oneTimeTokens:
      guard key.count == OneTimeTokenRepository.rowKeyByteCount else { throw .brokenIndex }
      report.oneTimeTokens += 1
      let token = try OneTimeTokenRecord(digest: key.digest(at: 1), decoding: value)
      // The beginning of a digest names the token well enough.
      let id = key.identifier(at: 1)
      let place = OneTimeTokenRepository.indexKey(of: token)
      items.append(Item(index: .oneTimeTokensByUser, id: id, mark: place.withSpan { Self.mark($0, id) }, isRow: true))
    case .oneTimeTokensByUser:
      guard key.count == OneTimeTokenRepository.indexKeyByteCount, value.isEmpty else { throw .brokenIndex }
      let id = key.identifier(at: OneTimeTokenRepository.indexKeyByteCount - 32)
      items.append(Item(index: .oneTimeTokensByUser, id: id, mark: Self.mark(key, id), isRow: false))
    case .idempotentAnswers: try checkAnswer(key, value)
    case .idempotentAnswersByEnd:
      guard key.count == AnswerRepository.indexKeyByteCount, value.isEmpty else { throw .brokenIndex }
      let id = key.identifier(at: 25)
      items.append(Item(index: .answersByEnd, id: id, mark: Self.mark(key, id), isRow: false))
    case .outbox:
      guard key.count == OutboxRepository.keyByteCount else { throw .brokenIndex }
      report.messages += 1
      _ = try OutboxRepository.record(key, value)
    case .roles:
      guard let name = RoleRepository.name(in: key), name != .admin, name != .user else { throw .brokenIndex }
      report.roles += 1
      _ = try RoleRecord(name: name, decoding: value)
    case .apiKeys:
      guard key.count == 17 else { throw .brokenIndex }
      report.apiKeys += 1
      let row = try APIKeyRecord(id: key.identifier(at: 1), decoding: value)
      add(row: row.id, .apiKeysByCreator, APIKeyRepository.indexKey(creator: row.creator, key: row.id))
    case .apiKeysByCreator:
      guard key.count == APIKeyRepository.indexKeyByteCount, value.isEmpty else { throw .brokenIndex }
      let id = key.identifier(at: 17)
      items.append(Item(index: .apiKeysByCreator, id: id, mark: Self.mark(key, id), isRow: false))
    }
  }

  /// An entry of an index of users whose keys end with the user.
  private mutating func checkEntry(
    _ key: Span<UInt8>, _ value: Span<UInt8>, _ index: Index, since version: UInt32
  ) throws(RecordDamage) {
    guard key.count > 17, value.isEmpty else { throw .brokenIndex }
    let id = key.identifier(at: key.count - 16)
    if has(schema: version) { items.append(Item(index: index, id: id, mark: Self.mark(key, id), isRow: false)) }
  }

  /// In the order of keys comes first how many answers an asker has, then these.
  private mutating func checkAnswer(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RecordDamage) {
    switch key.count {
    case AnswerRepository.countKeyByteCount:
      let isWhole = asker.rest == 0
      asker = (key.identifier(at: 1), try AnswerRepository.count(value))
      if !isWhole { throw .brokenIndex }
    case AnswerRepository.rowKeyByteCount:
      let name = AnswerName(asker: key.identifier(at: 1), request: key.identifier(at: 17))
      let answer = try AnswerRecord(name: name, decoding: value)
      foundAnswers.rowCount += 1
      foundAnswers.byteCount += UInt64(value.count)
      add(row: name.request, .answersByEnd, AnswerRepository.indexKey(of: answer))
      guard asker.id == name.asker, asker.rest > 0 else { throw .brokenIndex }
      asker.rest -= 1
    default: throw .brokenIndex
    }
  }

  private mutating func add(row id: UUID, _ index: Index, _ place: Key) {
    items.append(Item(index: index, id: id, mark: place.withSpan { Self.mark($0, id) }, isRow: true))
  }

  /// What stands for a counter in reports; its parts are MACs, and differ where the counters do.
  private static func id(_ key: ThrottleKey) -> UUID {
    UUID(high: key.subject.high ^ key.client, low: key.subject.low &+ UInt64(key.policy.rawValue))
  }

  /// Whether what a version of the schema brought must be whole.
  private func has(schema version: UInt32) -> Bool { schema.map { $0 >= version } ?? true }

  private mutating func checkSetting(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RecordDamage) {
    guard key.count == 2, let setting = Setting(rawValue: key[1]) else { throw .brokenIndex }
    switch setting {
    case .schemaVersion: schema = try Schema.decode(value)
    case .migration:
      let note = try MigrationNote(decoding: value)
      report.add("the store is on the way from schema version \(note.from) to \(note.to), which the next start goes on with")
      schema = 0
    case .identity:
      _ = try StoreIdentity(decoding: value)
      hasIdentity = true
    case .timeline: _ = try Setting.timeline(value)
    case .auditTrail: trail = try AuditTrail(decoding: value)
    case .throttleState: throttle = try ThrottleState(decoding: value)
    case .answers: answers = try AnswerState(decoding: value)
    case .setupToken: _ = try SetupTokenRecord(decoding: value)
    }
  }

  private mutating func finish() {
    if schema == nil { report.add("the store does not say which schema version it has") }
    if !hasIdentity { report.add("the store does not say what it is called") }
    if trail.first + auditCount != trail.next {
      report.add("the audit trail has \(auditCount) records; its ends say \(trail.next - trail.first)")
    }
    if throttle.rowCount != counterCount {
      report.add("there are \(counterCount) throttle counters; the store says \(throttle.rowCount)")
    }
    if answers != foundAnswers || asker.rest > 0 {
      report.add(
        "there are \(foundAnswers.rowCount) answers of \(foundAnswers.byteCount) bytes; the store says \(answers.rowCount) of \(answers.byteCount)"
      )
    }
  }

  /// Looks once more at what is in buckets that do not balance.
  private mutating func nameDifferences(_ entries: Entries) throws(RepositoryError) {
    guard balances.values.contains(where: { $0.contains { !$0.isZero } }) else { return }
    var rows: [Index: [UUID: UInt64]] = [:], pointers: [Index: [UUID: [UInt64]]] = [:]
    var second = RecordCheck()
    try entries { (key, value) throws(RepositoryError) in
      second.meet(key, value)
      for item in second.items where balances[item.index]?[item.bucket].isZero == false {
        if item.isRow {
          rows[item.index, default: [:]][item.id] = item.mark
        } else {
          pointers[item.index, default: [:]][item.id, default: []].append(item.mark)
        }
      }
      return .next
    }
    for index in Index.allCases {
      let (table, name) = Self.names(of: index)
      for (id, mark) in rows[index] ?? [:] where pointers[index]?[id]?.contains(mark) != true {
        report.add("\(table) \(id) has no entry in \"\(name)\"")
      }
      for (id, marks) in pointers[index] ?? [:] {
        for mark in marks where rows[index]?[id] != mark {
          let row = rows[index]?[id] == nil ? "which is not there" : "which does not belong there"
          report.add("an entry of \"\(name)\" leads to \(table) \(id), \(row)")
        }
        if marks.count > 1 { report.add("\(table) \(id) has \(marks.count) entries in \"\(name)\"") }
      }
    }
  }

  private static func names(of index: Index) -> (table: String, name: TableTag) {
    switch index {
    case .email: ("user", .usersByEmail)
    case .role: ("user", .usersByRole)
    case .name: ("user", .usersByName)
    case .status: ("user", .usersByStatus)
    case .secondFactors: ("user", .secondFactors)
    case .sessionsByUser: ("session", .sessionsByUser)
    case .oneTimeTokensByUser: ("one-time token", .oneTimeTokensByUser)
    case .throttleCountersByEnd: ("throttle counter", .throttleCountersByEnd)
    case .answersByEnd: ("answer", .idempotentAnswersByEnd)
    case .apiKeysByCreator: ("API key", .apiKeysByCreator)
    }
  }

  /// Differs for different keys, as far as 64 bits can, within one run of the program.
  private static func mark(_ key: Span<UInt8>, _ id: UUID) -> UInt64 {
    var hasher = Hasher()
    for index in key.indices { hasher.combine(key[index]) }
    hasher.combine(id.high)
    hasher.combine(id.low)
    return UInt64(truncatingIfNeeded: hasher.finalize())
  }

  /// The place of an entry, without what may be somebody's address.
  private static func name(_ key: Span<UInt8>) -> String {
    guard let table = TableTag(rawValue: key[0]) else { return "an entry" }
    switch table {
    case .users where key.count == 17: return "user \(key.identifier(at: 1))"
    case .sessions where key.count == 17: return "session \(key.identifier(at: 1))"
    case .apiKeys where key.count == 17: return "API key \(key.identifier(at: 1))"
    case .audit where key.count == 9: return "audit record \(key.orderedNumber(at: 1))"
    case .oneTimeTokens where key.count == OneTimeTokenRepository.rowKeyByteCount:
      return "one-time token \(key.identifier(at: 1))"
    case .settings, .users, .usersByEmail, .usersByRole, .usersByName, .usersByStatus, .secondFactors, .knownDevices, .sessions,
      .sessionsByUser, .oneTimeTokens, .oneTimeTokensByUser, .outbox, .audit, .throttleCounters, .throttleCountersByEnd, .roles,
      .apiKeys, .apiKeysByCreator, .idempotentAnswers, .idempotentAnswersByEnd:
      return "an entry of \"\(table)\""
    }
  }
}
