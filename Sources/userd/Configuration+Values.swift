// The typed value of each key of the settings table.

import Auth
import Codecs
import HTTP
import Platform
import Storage

extension Configuration {
  var dataPath: String { text("data") }
  var listen: [ListenAddress] { values("http.listen") { ListenAddress(text: $0) } }
  /// Whether somebody asked for these addresses.
  var isListenGiven: Bool { isGiven("http.listen") }
  var socketMode: UInt32 { UInt32(number("http.socket_mode")) }
  var maxBody: Int { number("http.max_body") }
  var requestTimeout: Duration { duration("http.request_timeout") }
  var idleTimeout: Duration { duration("http.idle_timeout") }
  var maxConnections: Int { number("http.max_connections") }
  var maxConnectionsPerClient: Int { number("http.max_connections_per_client") }
  var trustedProxies: [AddressPrefix] { values("http.trusted_proxies") { AddressPrefix($0) } }
  var allowedOrigins: [WebOrigin] { values("http.cors_origins") { WebOrigin($0) } }
  var threads: Int { number("threads") }
  var shutdownGrace: Duration { duration("shutdown.grace") }

  var logMax: Int { number("store.wal_max") }
  var recoveryTarget: Duration { duration("store.recovery_target") }
  /// Empty for none.
  var archiveFolder: String { text("store.archive_dir") }
  var archiveMax: Int { number("store.archive_max") }
  var scrubInterval: Duration { duration("store.scrub_interval") }
  var scrubRate: Int { number("store.scrub_rate") }

  /// Empty for none.
  var backupFolder: String { text("backup.dir") }
  var backupSchedule: BackupSchedule? { value("backup.schedule") { BackupSchedule($0) } }
  var backupKeep: Int { number("backup.keep") }
  var storeCache: Int { number("store.cache") }

  var issuer: String { text("auth.issuer") }
  var audience: String { text("auth.audience") }
  var registration: RegistrationPolicy { choice("auth.registration") }
  var accessLifetime: Duration { duration("auth.access_ttl") }
  var refreshIdle: Duration { duration("auth.refresh_idle") }
  var refreshAbsolute: Duration { duration("auth.refresh_absolute") }
  var refreshGrace: Duration { duration("auth.refresh_grace") }
  var recentLogin: Duration { duration("auth.recent_login") }
  var requiresVerifiedEmail: Bool { flag("auth.require_verified_email") }
  var maxSessions: Int { number("auth.max_sessions") }

  var hashMemory: Int { number("hash.memory") }
  var hashTime: Int { number("hash.time") }
  var hashParallelism: Int { number("hash.parallelism") }
  var hashWorkers: Int { number("hash.workers") }
  var hashQueue: Int { number("hash.queue") }

  var passwordProfile: PasswordProfile { choice("password.profile") }
  var passwordMinLength: Int { number("password.min_length") }
  /// Empty for none.
  var passwordBlocklistFile: String { text("password.blocklist_file") }

  var throttleEnabled: Bool { flag("throttle.enabled") }
  var throttleIPPerMinute: Int { number("throttle.ip_per_minute") }
  var throttleRegisterPerHour: Int { number("throttle.register_per_hour") }
  var throttleLoginFree: Int { number("throttle.login_free") }
  var throttleLoginMaxDelay: Duration { duration("throttle.login_max_delay") }
  var throttleLoginPerHour: Int { number("throttle.login_per_hour") }
  var throttleLoginIPPerHour: Int { number("throttle.login_ip_per_hour") }
  var throttleRefreshPerMinute: Int { number("throttle.refresh_per_minute") }
  var throttleForgotPerHour: Int { number("throttle.forgot_per_hour") }
  var throttleForgotClientPerHour: Int { number("throttle.forgot_client_per_hour") }

  var auditRetention: Duration { duration("audit.retention") }
  var deliveryChannel: DeliveryChannelName { choice("delivery.channel") }
  var deliveryCommand: String { text("delivery.command") }
  var deliveryWebhook: LocalEndpoint? { value("delivery.webhook_url") { LocalEndpoint($0) } }
  var deliveryFrom: MailAddress? { value("delivery.from") { MailAddress($0) } }
  var deliveryResetLink: LinkTemplate? { value("delivery.reset_url") { LinkTemplate($0) } }
  var deliveryVerifyLink: LinkTemplate? { value("delivery.verify_url") { LinkTemplate($0) } }

  var logLevel: LogLevel { choice("log.level") }
  var logFormat: LogFormat { choice("log.format") }
  var logSample: Fraction { value("log.sample") { Fraction($0) } ?? .all }

  var metricsListen: [ListenAddress] { values("metrics.listen") { ListenAddress(text: $0) } }
  var traceEndpoint: LocalEndpoint? { value("trace.otlp_url") { LocalEndpoint($0) } }
  var traceSample: Fraction { value("trace.sample") { Fraction($0) } ?? .all }
}
