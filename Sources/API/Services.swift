// What the endpoints stand on: the services of the floor below, and what the process tells about itself.

package import Auth
package import Codecs
package import HTTP

/// Everything that handlers use. Made once, before the server starts.
package struct Services: Sendable {
  package let sessions: SessionService
  package let accounts: AccountService
  package let keys: KeyService
  package let audit: AuditService
  package let recovery: RecoveryService
  let roles: RoleService
  let apiKeys: APIKeyService
  package let operation: Operation
  /// How often one client may ask without proving who it is; nil if there is no limit.
  package let anonymousLimiter: RateLimiter?
  package let activity: ActivityCounts
  /// The contract in the languages of other programs.
  package let documents: ContractDocuments

  package init(
    sessions: SessionService, accounts: AccountService, keys: KeyService, audit: AuditService, recovery: RecoveryService,
    operation: Operation,
    anonymousLimiter: RateLimiter? = nil, activity: ActivityCounts = ActivityCounts()
  ) {
    self.sessions = sessions
    self.accounts = accounts
    self.keys = keys
    self.audit = audit
    self.recovery = recovery
    roles = RoleService(of: sessions)
    apiKeys = APIKeyService(of: sessions)
    self.operation = operation
    self.anonymousLimiter = anonymousLimiter
    self.activity = activity
    documents = ContractDocuments(version: operation.version)
  }

  /// The server as its operator sees it.
  package struct Operation: Sendable {
    package let name: String
    package let version: String
    /// The listener of the admin socket, if there is one: its peers act for the owner of the data folder.
    package let adminListenerIndex: Int?
    /// The user whose processes may use that listener, beside root.
    package let ownerUserID: UInt32
    package let health: @Sendable () -> Health
    /// Takes what is for the log and never for a client, with the request that met it.
    package let report: @Sendable (_ failure: String, RequestID) -> Void
    /// Called when the first administrator was made with the setup token, whose file is of no use any more.
    package let onSetup: @Sendable () -> Void
    /// For tools that read the store beside the server; nil where nothing can be kept for them.
    package let pins: Pins?
    /// For whoever looks after the store; nil where there is none.
    package let storeWork: StoreWork?
    /// Writes every figure of the process; nil where there are none.
    package let metrics: MetricsWriting?

    package typealias MetricsWriting = @Sendable (MetricsFormat, inout ByteBuffer) -> Void

    package init(
      name: String, version: String, adminListenerIndex: Int?, ownerUserID: UInt32,
      health: @escaping @Sendable () -> Health, report: @escaping @Sendable (_ failure: String, RequestID) -> Void,
      onSetup: @escaping @Sendable () -> Void = {}, pins: Pins? = nil, storeWork: StoreWork? = nil,
      metrics: MetricsWriting? = nil
    ) {
      self.name = name
      self.version = version
      self.adminListenerIndex = adminListenerIndex
      self.ownerUserID = ownerUserID
      self.health = health
      self.report = report
      self.onSetup = onSetup
      self.pins = pins
      self.storeWork = storeWork
      self.metrics = metrics
    }
  }
}

/// What keeps checkpoints: the store, as far as this floor may know it.
package struct Pins: Sendable {
  /// Has everything that was answered so far written to a checkpoint and keeps it: its number and what the tools need of it.
  let pin: @Sendable () throws(AuthError) -> (id: UInt64, record: [UInt8])
  /// Keeps it for longer; false if it was let go.
  let renew: @Sendable (_ id: UInt64) -> Bool
  let release: @Sendable (_ id: UInt64) -> Bool

  package init(
    pin: @escaping @Sendable () throws(AuthError) -> (id: UInt64, record: [UInt8]),
    renew: @escaping @Sendable (_ id: UInt64) -> Bool,
    release: @escaping @Sendable (_ id: UInt64) -> Bool
  ) {
    self.pin = pin
    self.renew = renew
    self.release = release
  }
}

/// What can be asked of the store, as far as this floor may know it.
package struct StoreWork: Sendable {
  /// Has everything that was answered so far written to the pages; the number of the checkpoint.
  let checkpoint: @Sendable () throws(AuthError) -> UInt64
  /// Begins a compaction, or says which one runs; at its end it may make zeros of pages that nobody needs.
  let compact: @Sendable (_ erases: Bool) throws(AuthError) -> UInt64
  let endCompaction: @Sendable () -> Void
  /// Has everything on disk read and verified, or says which reading runs.
  let scrub: @Sendable () throws(AuthError) -> UInt64
  /// Begins a backup into the folder for them, under a name and on top of another one if these are given; nil where there is no folder.
  let backUp: (@Sendable (_ name: String?, _ base: String?) throws(AuthError) -> UInt64)?
  let figures: @Sendable () -> StoreFigures

  package init(
    checkpoint: @escaping @Sendable () throws(AuthError) -> UInt64,
    compact: @escaping @Sendable (_ erases: Bool) throws(AuthError) -> UInt64,
    endCompaction: @escaping @Sendable () -> Void, scrub: @escaping @Sendable () throws(AuthError) -> UInt64,
    backUp: (@Sendable (_ name: String?, _ base: String?) throws(AuthError) -> UInt64)?,
    figures: @escaping @Sendable () -> StoreFigures
  ) {
    self.checkpoint = checkpoint
    self.compact = compact
    self.endCompaction = endCompaction
    self.scrub = scrub
    self.backUp = backUp
    self.figures = figures
  }
}

/// How well the server does at one moment.
package struct Health: Sendable {
  package enum State: String, Sendable {
    case ok, degraded, fail, draining
  }

  /// One thing that was looked at.
  package struct Check: Sendable {
    package let name: StaticString
    package let state: State
    /// Why it is not ok, as a phrase; nil while it is.
    package let why: String?
    /// Since when it has been as it is, in milliseconds since 1970; nil where nobody remembers.
    package var since: Int64?
    /// Figures and words for the operator.
    package let facts: [(name: StaticString, value: Fact)]

    package init(
      _ name: StaticString, _ state: State, why: String? = nil, _ facts: [(name: StaticString, value: Fact)] = []
    ) {
      self.name = name
      self.state = state
      self.why = why
      self.facts = facts
    }
  }

  package enum Fact: Sendable {
    case number(Int)
    case text(String)
  }

  package let isDraining: Bool
  package let checks: [Check]

  package init(isDraining: Bool, checks: [Check]) {
    self.isDraining = isDraining
    self.checks = checks
  }

  /// The worst of the checks; draining before all.
  package var state: State {
    if isDraining { return .draining }
    if checks.contains(where: { $0.state == .fail }) { return .fail }
    return checks.contains { $0.state == .degraded } ? .degraded : .ok
  }
}
