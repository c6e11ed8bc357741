// What a run of the server is told: one typed value for each key of the settings table.

import Auth
import Codecs
import HTTP
import Platform

/// Every setting of this build. The values here are the defaults; `Setting.all` says how each is named, written and read.
struct Configuration: Sendable {
  var dataPath = "./db"
  var listen = [ListenAddress.internet(.loopback(port: 8080))] {
    didSet { isListenGiven = true }
  }
  /// Whether somebody asked for these addresses.
  private(set) var isListenGiven = false
  var socketMode: UInt32 = 0o600
  var maxBody = 64 << 10
  var requestTimeout = Duration.seconds(10)
  var idleTimeout = Duration.seconds(60)
  var maxConnections = 16_384
  var maxConnectionsPerClient = 0
  var trustedProxies: [AddressPrefix] = []
  var allowedOrigins: [WebOrigin] = []
  var threads: Int
  var shutdownGrace = Duration.seconds(10)
  var logMax = 256 << 20
  var recoveryTarget = Duration.seconds(2)
  /// Empty for none.
  var archiveFolder = ""
  var archiveMax = 1 << 30
  var scrubInterval = Duration.seconds(7 * 86_400)
  var scrubRate = 8 << 20

  var issuer = "userd"
  var audience = "userd"
  var registration = RegistrationPolicy.open
  var accessLifetime = Duration.seconds(600)
  var refreshIdle = Duration.seconds(14 * 86_400)
  var refreshAbsolute = Duration.seconds(30 * 86_400)
  var refreshGrace = Duration.seconds(10)
  var recentLogin = Duration.seconds(600)
  var requiresVerifiedEmail = false
  var maxSessions = 100

  var storeCache: Int

  var hashMemory = 19_456 * 1024
  var hashTime = 2
  var hashParallelism = 1
  var hashWorkers: Int
  var hashQueue = 64

  var passwordProfile = PasswordProfile.standard
  var passwordMinLength = 8
  /// Empty for none.
  var passwordBlocklistFile = ""

  var throttleEnabled = true
  var throttleIPPerMinute = 300
  var throttleRegisterPerHour = 10
  var throttleLoginFree = 4
  var throttleLoginMaxDelay = Duration.seconds(900)
  var throttleLoginPerHour = 100
  var throttleLoginIPPerHour = 60
  var throttleRefreshPerMinute = 30
  var throttleForgotPerHour = 3
  var throttleForgotClientPerHour = 20

  var auditRetention = Duration.seconds(400 * 86_400)
  var deliveryChannel = DeliveryChannelName.none
  var deliveryCommand = ""
  var deliveryWebhook: LocalEndpoint?
  var deliveryFrom: MailAddress?
  var deliveryResetLink: LinkTemplate?
  var deliveryVerifyLink: LinkTemplate?

  var logLevel = LogLevel.info
  var logFormat: LogFormat
  var logSample = Fraction.all

  var traceEndpoint: LocalEndpoint?
  var traceSample = Fraction(millionths: 10_000)

  /// - Parameters:
  ///   - processorCount: the processors that this process may use.
  ///   - isTerminal: whether a person reads standard output.
  init(processorCount: Int, isTerminal: Bool) {
    threads = min(64, processorCount)
    hashWorkers = min(64, processorCount)
    storeCache = max(16 << 20, min(256 << 20, physicalMemoryByteCount() / 4))
    logFormat = isTerminal ? .text : .json
  }
}

/// Whose advice on passwords is followed.
enum PasswordProfile: String, CaseIterable, Sendable {
  case standard = "default"
  /// NIST SP 800-63B, revision 4.
  case nist = "nist-r4"
}

/// Who may make an account for themselves.
enum RegistrationPolicy: String, CaseIterable, Sendable {
  case open, closed
}
