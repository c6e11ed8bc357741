// One row of the settings table: a key, its flag and variable, and how its text becomes a typed value.

import Auth
import Codecs
import HTTP

/// A key of the configuration: `auth.access_ttl` is the flag `--auth-access-ttl` and the variable `USERD_AUTH_ACCESS_TTL`.
struct Setting: Sendable {
  let key: String
  /// A shorter flag beside the one that the key spells.
  let shortFlag: String?
  /// The kind of value in one word, for tables.
  let form: String
  /// Completes the sentence "... is not".
  let expected: String
  /// The default as a person would write it.
  let fallback: String
  let meaning: String
  /// Whether every given value counts; else the last one does.
  let isList: Bool
  /// Puts the texts into the configuration; returns the first that is none of this form.
  let apply: @Sendable (_ texts: [String], inout Configuration) -> String?

  /// A setting of one value.
  init<Value>(
    _ key: String, _ form: ValueForm<Value>, _ field: any WritableKeyPath<Configuration, Value> & Sendable,
    fallback: String? = nil, _ meaning: String
  ) {
    self.key = key
    self.form = form.name
    self.expected = form.expected
    self.fallback = fallback ?? form.write(Configuration(processorCount: 1, isTerminal: false)[keyPath: field])
    self.meaning = meaning
    shortFlag = nil
    isList = false
    apply = { texts, configuration in
      guard let text = texts.last else { return nil }
      guard let value = form.read(text) else { return text }
      configuration[keyPath: field] = value
      return nil
    }
  }

  /// A setting of several values: its flag repeats, its variable separates them by commas. Where none is the default, an empty text is none.
  init<Value>(
    _ key: String, shortFlag: String? = nil, listOf form: ValueForm<Value>,
    _ field: any WritableKeyPath<Configuration, [Value]> & Sendable, _ meaning: String
  ) {
    self.key = key
    self.shortFlag = shortFlag
    self.form = "\(form.name) list"
    self.expected = form.expected
    let defaults = Configuration(processorCount: 1, isTerminal: false)[keyPath: field]
    self.fallback = defaults.isEmpty ? "none" : defaults.map(form.write).joined(separator: ",")
    self.meaning = meaning
    isList = true
    apply = { texts, configuration in
      var values: [Value] = []
      if defaults.isEmpty && texts == [""] {
        configuration[keyPath: field] = values
        return nil
      }
      for text in texts {
        guard let value = form.read(text) else { return text }
        values.append(value)
      }
      configuration[keyPath: field] = values
      return nil
    }
  }

  /// The name after `--`.
  var flag: String { String(key.map { $0 == "." || $0 == "_" ? "-" : $0 }) }

  /// The name to show in help: the short one where there is one.
  var shownFlag: String { shortFlag ?? flag }

  /// The name in the environment.
  var variable: String { "USERD_" + String(key.map { $0 == "." ? "_" : $0 }).uppercased() }
}

extension Setting {
  /// Every key that this build reads, in the order of its documentation.
  static let all: [Setting] = [
    Setting("data", .path, \.dataPath, "the folder that holds everything; made if it is missing"),
    Setting(
      "http.listen", shortFlag: "listen", listOf: .listenAddress, \.listen,
      "where clients are answered: host:port, [v6]:port or unix:/path; the flag repeats"),
    Setting("http.socket_mode", .permissions, \.socketMode, "who may connect to the sockets of unix:/path"),
    Setting("http.max_body", .size(1 << 10...16 << 20), \.maxBody, "the largest body; a larger one is answered 413"),
    Setting(
      "http.request_timeout", .duration(1...600), \.requestTimeout, "how long an answer may take; then it is 503"),
    Setting("http.idle_timeout", .duration(1...3600), \.idleTimeout, "how long a connection may stay silent"),
    Setting("http.max_connections", .count(1...1 << 20), \.maxConnections, "open connections; one more is answered 503"),
    Setting(
      "http.max_connections_per_client", .count(0...1 << 20), \.maxConnectionsPerClient,
      "open connections of one IPv4 address or IPv6 /64, trusted proxies aside; one more is answered 503, 0 is no limit"),
    Setting(
      "http.trusted_proxies", listOf: .addressPrefix, \.trustedProxies,
      "proxies whose X-Forwarded-For is believed: addresses or blocks such as 10.0.0.0/8; the flag repeats"),
    Setting(
      "http.cors_origins", listOf: .webOrigin, \.allowedOrigins,
      "origins whose pages may read answers, such as https://app.example.org; the flag repeats"),
    Setting(
      "threads", .count(1...64), \.threads, fallback: "one for each processor, at most 64", "event loops that answer requests"),
    Setting(
      "shutdown.grace", .duration(0...3600), \.shutdownGrace, "how long requests in flight may finish after SIGTERM"),
    Setting(
      "store.wal_max", .size(128 << 20...64 << 30), \.logMax, "disk space of the log; at half of it a checkpoint begins"),
    Setting(
      "store.recovery_target", .duration(1...60), \.recoveryTarget, "how long the log may take to apply at start, about"),
    Setting(
      "store.archive_dir", .folderPath, \.archiveFolder,
      "a folder that is there, into which the log is copied before it is recycled; with it and a backup, restore reaches any moment"
    ),
    Setting(
      "store.archive_max", .size(16 << 20...1 << 40), \.archiveMax,
      "disk space of log that may wait for the archive, beyond store.wal_max; then writes are refused"),
    Setting(
      "store.scrub_interval", .duration(0...31_536_000), \.scrubInterval,
      "everything on disk is read and verified once in so long; 0 turns that off"),
    Setting("store.scrub_rate", .size(64 << 10...1 << 30), \.scrubRate, "bytes a second that are read then"),
    Setting("auth.issuer", .text(maxByteCount: 200), \.issuer, "iss of access tokens"),
    Setting("auth.audience", .text(maxByteCount: 200), \.audience, "aud of access tokens"),
    Setting("auth.registration", .choice, \.registration, "whether people may make accounts for themselves"),
    Setting("auth.access_ttl", .duration(60...3600), \.accessLifetime, "life of an access token"),
    Setting(
      "auth.refresh_idle", .duration(60...31_536_000), \.refreshIdle, "a session ends when it was not refreshed for so long"),
    Setting("auth.refresh_absolute", .duration(60...31_536_000), \.refreshAbsolute, "a session ends so long after its login"),
    Setting(
      "auth.refresh_grace", .duration(0...60), \.refreshGrace,
      "how long the previous refresh token returns the current one; 0 turns it off"),
    Setting(
      "auth.recent_login", .duration(60...86_400), \.recentLogin,
      "how long after a login an account's second factor may be changed and the account deleted"),
    Setting(
      "auth.require_verified_email", .boolean, \.requiresVerifiedEmail,
      "whether a session of an unverified address may do nothing but verify it"),
    Setting("auth.max_sessions", .count(1...10_000), \.maxSessions, "sessions of one user; the one idle longest makes room"),
    Setting(
      "password.profile", .choice, \.passwordProfile, "nist-r4 asks for 15 characters at least, whatever password.min_length says"
    ),
    Setting("password.min_length", .count(8...128), \.passwordMinLength, "characters that a new password has at least"),
    Setting(
      "password.blocklist_file", .path, \.passwordBlocklistFile, fallback: "none",
      "a file of passwords that are refused besides the common ones: UTF-8, one a line"),
    Setting(
      "store.cache", .size(16 << 20...1 << 40), \.storeCache, fallback: "a quarter of the memory, at most 256M",
      "memory for pages of the database, which is never larger; what is not in it is read from disk"),
    Setting("hash.memory", .size(128 << 10...1 << 30), \.hashMemory, "memory of one password hash"),
    Setting("hash.time", .count(1...100), \.hashTime, "passes over that memory"),
    Setting("hash.parallelism", .count(1...16), \.hashParallelism, "lanes of that memory; one thread fills them all"),
    Setting(
      "hash.workers", .count(1...64), \.hashWorkers, fallback: "one for each processor, at most 64",
      "passwords hashed at the same time"),
    Setting("hash.queue", .count(1...65_536), \.hashQueue, "requests that may wait for a hash worker; one more is answered 503"),
    Setting("throttle.enabled", .boolean, \.throttleEnabled, "whether rates are limited at all; false is for benchmarks"),
    Setting(
      "throttle.ip_per_minute", .count(0...1_000_000), \.throttleIPPerMinute,
      "requests of one IPv4 address or IPv6 /64 without a valid token; one more is answered 429, 0 is no limit"),
    Setting(
      "throttle.register_per_hour", .count(0...10_000), \.throttleRegisterPerHour,
      "accounts that one client may try to make; 0 is no limit"),
    Setting(
      "throttle.login_free", .count(0...1000), \.throttleLoginFree,
      "failed logins to an address from a client that cost nothing; later ones refuse for a while, 0 is no limit"),
    Setting(
      "throttle.login_max_delay", .duration(0...86_400), \.throttleLoginMaxDelay,
      "the longest time for which one of them refuses; 0 is none"),
    Setting(
      "throttle.login_per_hour", .count(0...10_000), \.throttleLoginPerHour,
      "failed logins to an address; then only known devices may log in, 0 is no limit"),
    Setting(
      "throttle.login_ip_per_hour", .count(0...10_000), \.throttleLoginIPPerHour,
      "failed logins of a client over all addresses, and of the IPv6 /48 around it; 0 is no limit"),
    Setting(
      "throttle.refresh_per_minute", .count(0...10_000), \.throttleRefreshPerMinute, "refreshes of one session; 0 is no limit"),
    Setting(
      "throttle.forgot_per_hour", .count(0...10_000), \.throttleForgotPerHour,
      "messages that one address may be sent on request; 0 is no limit"),
    Setting(
      "throttle.forgot_client_per_hour", .count(0...10_000), \.throttleForgotClientPerHour,
      "messages that one client may ask for; 0 is no limit"),
    Setting(
      "audit.retention", .duration(86_400...3_153_600_000), \.auditRetention,
      "how long records of the audit trail are kept, counted back from the newest"),
    Setting(
      "delivery.channel", .choice, \.deliveryChannel, "how messages leave; none sends nothing, log writes them into the log"),
    Setting("delivery.command", .programPath, \.deliveryCommand, "the program that gets each message as JSON, for command"),
    Setting(
      "delivery.webhook_url",
      .optional("URL", expected: "an http URL of a loopback or private address, such as http://127.0.0.1:9000/mail") {
        LocalEndpoint($0)
      }, \.deliveryWebhook, "where each message is posted as JSON, for webhook"),
    Setting(
      "delivery.from",
      .optional("address", expected: "an address such as accounts@example.org or Accounts <accounts@example.org>") {
        MailAddress($0)
      }, \.deliveryFrom, "whom messages come from"),
    Setting(
      "delivery.reset_url",
      .optional("URL", expected: "a URL with {token} in it, such as https://app.example.org/reset?token={token}") {
        LinkTemplate($0)
      }, \.deliveryResetLink, "the page for a new password; without it messages have the code alone"),
    Setting(
      "delivery.verify_url",
      .optional("URL", expected: "a URL with {token} in it, such as https://app.example.org/verify?token={token}") {
        LinkTemplate($0)
      }, \.deliveryVerifyLink, "the page that proves an address; without it messages have the code alone"),
    Setting("log.level", .choice, \.logLevel, "the least that is logged"),
    Setting("log.format", .choice, \.logFormat, fallback: "text on a terminal, else json", "how a log line is written"),
    Setting(
      "log.sample", .fraction, \.logSample,
      "how many of the requests that went well have a line, from 0 to 1; refused and failed ones all have theirs"),
    Setting(
      "trace.otlp_url",
      .optional("URL", expected: "an http URL of a loopback or private address, such as http://127.0.0.1:4318/v1/traces") {
        LocalEndpoint($0)
      }, \.traceEndpoint, "where spans are posted as OTLP in JSON; without it nothing is traced"),
    Setting(
      "trace.sample", .fraction, \.traceSample,
      "how many of the requests that come without a traceparent are traced, from 0 to 1; the flag of one that comes decides"),
  ]
}
