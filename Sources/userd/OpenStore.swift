// The floors below the server, opened from the bottom up: storage, keys, records, services.

import API
import Auth
import Codecs
import Crypto
import HTTP
import Platform
import Repositories
import Storage

/// An open data folder with the services that work on it.
struct OpenStore: Sendable {
  let database: Database
  /// The records in it; services work on them, and so does the courier.
  let records: Store
  let sessions: SessionService
  let accounts: AccountService
  let audit: AuditService
  let recovery: RecoveryService
  let outbox: Outbox
  let keys: KeyService
  private let hasher: PasswordHasher
  /// For upkeep; it shares with `sessions` what waits to be noted.
  let apiKeys: APIKeyService

  /// Takes the folder's lock, replays the log and readies the services.
  ///
  /// - Throws: exit code 75 if another process has the folder open, 65 for damage and newer formats, 74 for a failing disk, 73 without
  ///   room, 77 for files that this user may not use or others may.
  init(
    _ folder: DataFolder, _ configuration: Configuration, _ secrets: [SecretBytes], clock: any Clock = SystemClock(),
    random: RandomSource = .system, spans: SpanNotes? = nil, onEvent: @escaping @Sendable (StorageEvent) -> Void
  ) throws(CommandError) {
    var options = DatabaseOptions(path: folder.path)
    options.clock = clock
    options.random = random
    options.onEvent = onEvent
    options.spans = spans
    options.maxLogByteCount = configuration.logMax
    options.recoveryMilliseconds = configuration.recoveryTarget.milliseconds
    options.cacheByteCount = configuration.storeCache
    options.archivePath = configuration.archiveFolder.isEmpty ? nil : configuration.archiveFolder
    options.archiveByteCount = configuration.archiveMax
    options.scrubSeconds = configuration.scrubInterval.seconds
    options.scrubByteRate = configuration.scrubRate
    options.countedPrefixes = Store.countedPrefixes
    // A file that cannot be read is told before anything is opened.
    let policy = try configuration.passwordPolicy()
    do throws(StorageError) {
      database = try Database.open(options)
    } catch { throw .opening(error) }
    do throws(CommandError) {
      let services = try Services(on: database, in: folder, configuration, policy, secrets, clock, random, spans)
      records = services.records
      sessions = services.sessions
      accounts = services.accounts
      recovery = services.recovery
      outbox = services.outbox
      keys = services.keys
      hasher = services.hasher
    } catch {
      // What stands in the way of the services is the thing to tell; a store that cannot be closed in order is recovered next time.
      do throws(StorageError) { try database.close() } catch { throw .opening(error) }
      throw error
    }
    apiKeys = APIKeyService(of: sessions)
    audit = AuditService(of: sessions, retention: configuration.auditRetention.seconds, clock: clock)
  }

  /// What is made on an open database.
  private struct Services {
    let records: Store
    let sessions: SessionService
    let accounts: AccountService
    let recovery: RecoveryService
    let outbox: Outbox
    let keys: KeyService
    let hasher: PasswordHasher

    init(
      on database: Database, in folder: DataFolder, _ configuration: Configuration, _ policy: PasswordPolicy,
      _ secrets: [SecretBytes], _ clock: any Clock, _ random: RandomSource, _ spans: SpanNotes?
    ) throws(CommandError) {
      do throws(RepositoryError) {
        records = try Store.open(database, fresh: StoreIdentity(random: random))
      } catch { throw .opening(error) }
      let keyFolder = KeyFolder(dataPath: folder.path, random: random, clock: clock)
      let ring: KeyRing
      do throws(KeyError) { ring = try keyFolder.load(supplied: secrets) } catch { throw .opening(error) }
      do throws(CryptoError) {
        let parameters = try Argon2Parameters(
          memoryKiB: configuration.hashMemory / 1024, iterations: configuration.hashTime,
          parallelism: configuration.hashParallelism)
        hasher = try PasswordHasher(parameters: parameters, arenas: configuration.hashWorkers, random: random, spans: spans)
      } catch { throw .failed("cannot hash passwords: \(error)", .configuration) }
      outbox = Outbox(store: records, keys: ring, options: configuration.deliveryOptions, clock: clock, random: random)
      sessions = SessionService(
        store: records, keys: ring, hasher: hasher, options: configuration.sessionOptions(policy), outbox: outbox, clock: clock,
        random: random)
      accounts = AccountService(
        store: records, keys: ring, hasher: hasher, policy: policy, throttle: sessions.throttle, outbox: outbox, clock: clock,
        random: random)
      recovery = RecoveryService(sessions: sessions, random: random)
      keys = KeyService(store: records, folder: keyFolder, keys: ring, clock: clock)
    }
  }

  /// What a server answers with.
  func services(
    _ operation: API.Services.Operation, limiter: RateLimiter? = nil, activity: ActivityCounts = ActivityCounts()
  ) -> API.Services {
    API.Services(
      sessions: sessions, accounts: accounts, keys: keys, audit: audit, recovery: recovery, operation: operation,
      anonymousLimiter: limiter, activity: activity)
  }

  /// How long computing password hashes took.
  var hashDurations: Histogram { hasher.durations }

  /// How many accounts and sessions there are; nil for what was not all counted yet.
  var population: (users: (active: Int, disabled: Int, deleted: Int)?, sessions: Int?) { Store.population(database.keyCounts) }

  /// Counts what a store had in it when it was opened.
  private var countJob: UpkeepJob {
    UpkeepJob("count", everySeconds: 86_400) { () throws(AuthError) in
      try serving { () throws(StorageError) in try database.countKeys(limit: 512) ? .done : .more }
    }
  }

  /// Does all of that before the server starts, if the store is so small that nobody notices: each page of it is read from disk. What cannot be
  /// counted now will be tried again.
  func countFirstKeys() {
    guard database.statistics().keys <= Self.maxKeysCountedFirst else { return }
    do throws(StorageError) { while try !database.countKeys(limit: 512) {} } catch { return }
  }

  /// Some twenty pages.
  private static let maxKeysCountedFirst = 1024

  /// What the background thread of a server does.
  var upkeepJobs: [UpkeepJob] {
    [
      sessions.sweepJob, recovery.sweepJob, sessions.throttle.sweepJob, sessions.answers.sweepJob, audit.retentionJob,
      keys.sweepJob, apiKeys.useJob, apiKeys.sweepJob, countJob,
    ]
  }

  /// Returns once everything up to `position` is on disk.
  func waitUntilDurable(_ position: LogPosition) throws(AuthError) {
    do throws(StorageError) {
      try database.waitUntilDurable(position)
    } catch { throw .commitOutcomeUnknown }
  }

  /// Last group commit, mark of a clean end, lock released.
  func close() throws(CommandError) {
    do throws(StorageError) {
      try database.close()
    } catch { throw .failed("cannot close the store in order: \(error)", .inputOutput) }
  }
}

extension StoreIdentity {
  /// What a new store is called; nobody can guess it.
  fileprivate init(random: RandomSource) {
    let bytes = random.bytes(20)
    guard let uuid = UUID(bytes: bytes.span.extracting(0..<16)) else { preconditionFailure("sixteen bytes are an identifier") }
    self.init(uuid: uuid, epoch: bytes[16...].reduce(0) { $0 << 8 | UInt32($1) })
  }
}

extension Configuration {
  func sessionOptions(_ passwordPolicy: PasswordPolicy) -> SessionOptions {
    var options = SessionOptions()
    options.issuer = issuer
    options.audience = audience
    options.registration =
      switch registration {
      case .open: .open
      case .closed: .closed
      }
    options.passwordPolicy = passwordPolicy
    options.accessLifetime = accessLifetime.seconds
    options.refreshIdle = refreshIdle.seconds
    options.refreshAbsolute = refreshAbsolute.seconds
    options.refreshGrace = refreshGrace.seconds
    options.recentLogin = recentLogin.seconds
    options.requiresVerifiedEmail = requiresVerifiedEmail
    options.maxSessions = maxSessions
    options.throttle = throttleOptions
    return options
  }

  private var throttleOptions: ThrottleOptions {
    var options = ThrottleOptions()
    options.isEnabled = throttleEnabled
    options.registerPerHour = throttleRegisterPerHour
    options.loginFree = throttleLoginFree
    options.loginMaxDelay = throttleLoginMaxDelay.seconds
    options.loginPerHour = throttleLoginPerHour
    options.loginIPPerHour = throttleLoginIPPerHour
    options.refreshPerMinute = throttleRefreshPerMinute
    options.forgotPerHour = throttleForgotPerHour
    options.forgotClientPerHour = throttleForgotClientPerHour
    return options
  }
}

extension CommandError {
  /// Why a store could not be opened, with the exit code of its kind.
  static func opening(_ error: StorageError) -> CommandError {
    switch error {
    case .locked: .failed("\(error)", .temporary)
    case .damaged, .newerFormat, .pageDamaged, .operationMalformed, .backupMismatch: .failed("\(error)", .damagedData)
    case .storageFull, .targetNotEmpty: .failed("\(error)", .cannotCreate)
    case .io(_, _, let errno): .failed("\(error)", exitCode(opening: errno))
    case .readOnly, .commitOutcomeUnknown: .failed("\(error)", .inputOutput)
    // Nothing was loaded yet: this process may not have so much address space.
    case .memoryFull(byteCount: 0, let limit):
      .failed(
        "no address space for a page cache of \(limit) bytes; lower store.cache or raise the limit of the process", .configuration
      )
    case .emptyKey, .keyTooLarge, .valueTooLarge, .transactionTooLarge, .memoryFull, .wouldBlock, .snapshotExpired,
      .tooManyReaders, .closed:
      .failed("\(error)", .internalError)
    }
  }

  static func opening(_ error: RepositoryError) -> CommandError {
    switch error {
    case .storage(let error): opening(error)
    case .damaged, .rowMissing, .newerSchema, .schemaMissing: .failed("\(error)", .damagedData)
    case .emailTaken, .fieldTooLong, .abandoned: .failed("\(error)", .internalError)
    }
  }

  static func opening(_ error: KeyError) -> CommandError {
    switch error {
    case .io(_, _, let errno): .failed("\(error)", exitCode(opening: errno))
    case .wrongSize, .wrongName, .severalSigningKeys, .damagedList: .failed("\(error)", .damagedData)
    case .tooOpen: .failed("\(error)", .permission)
    case .secretTooShort: .failed("\(error)", .configuration)
    }
  }

  private static func exitCode(opening errno: Errno) -> ExitCode {
    if errno == .exists { return .cannotCreate }
    return switch errno.kind {
    case .denied: errno == .readOnlyFileSystem ? .cannotCreate : .permission
    case .noSpace: .cannotCreate
    case .missing: .missingInput
    case .retry, .wouldBlock, .peerGone, .exhausted, .failure: .inputOutput
    }
  }
}
