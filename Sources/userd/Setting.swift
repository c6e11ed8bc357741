// The settings table: each key with the form of its values, its default and its meaning.

/// A key of the configuration: `auth.access_ttl` is the flag `--auth-access-ttl`, the variable `USERD_AUTH_ACCESS_TTL`, and `access_ttl` in
/// the table `[auth]` of the file. `Configuration` has a property for each.
struct Setting: Sendable {
  let key: String
  let form: ValueForm
  /// The default as a person would write it: a text of the form, `none`, or words where it depends on the machine.
  let fallback: String
  let meaning: String
  /// Whether a reload changes it in a server that runs.
  let isHot: Bool
  /// A shorter flag beside the one that the key spells.
  let shortFlag: String?

  init(
    _ key: String, _ form: ValueForm, _ fallback: String, hot isHot: Bool = false, shortFlag: String? = nil, _ meaning: String
  ) {
    self.key = key
    self.form = form
    self.fallback = fallback
    self.isHot = isHot
    self.shortFlag = shortFlag
    self.meaning = meaning
  }

  /// The name after `--`.
  var flag: String { String(key.map { $0 == "." || $0 == "_" ? "-" : $0 }) }

  /// The name to show in help: the short one where there is one.
  var shownFlag: String { shortFlag ?? flag }

  /// The name in the environment.
  var variable: String { "USERD_" + String(key.map { $0 == "." ? "_" : $0 }).uppercased() }
}

extension Setting {
  /// What verbs take that only need to know where the data is.
  static let ofTools = all.filter { $0.key == "data" }

  /// Every key that this build reads, in the order of its documentation.
  static let all: [Setting] = [
    Setting("data", .path, "./db", "the folder that holds everything; made if it is missing"),
    Setting(
      "http.listen", .listenAddresses, "127.0.0.1:8080", shortFlag: "listen",
      "where clients are answered: host:port, [v6]:port or unix:/path; the flag repeats"),
    Setting("http.socket_mode", .permissions, "600", "who may connect to the sockets of unix:/path"),
    Setting("http.max_body", .size(1 << 10, 16 << 20), "64K", "the largest body; a larger one is answered 413"),
    Setting("http.request_timeout", .duration(1, 600), "10s", "how long an answer may take; then it is 503"),
    Setting("http.idle_timeout", .duration(1, 3600), "1m", "how long a connection may stay silent"),
    Setting("http.max_connections", .number(1, 1 << 20), "16384", "open connections; one more is answered 503"),
    Setting(
      "http.max_connections_per_client", .number(0, 1 << 20), "0",
      "open connections of one IPv4 address or IPv6 /64, trusted proxies aside; one more is answered 503, 0 is no limit"),
    Setting(
      "http.trusted_proxies", .networks, "none", hot: true,
      "proxies whose X-Forwarded-For is believed: addresses or blocks such as 10.0.0.0/8; the flag repeats"),
    Setting(
      "http.cors_origins", .webOrigins, "none", hot: true,
      "origins whose pages may read answers, such as https://app.example.org; the flag repeats"),
    Setting("threads", .number(1, 64), "one for each processor, at most 64", "event loops that answer requests"),
    Setting("shutdown.grace", .duration(0, 3600), "10s", "how long requests in flight may finish after SIGTERM"),
    Setting(
      "store.wal_max", .size(128 << 20, 64 << 30), "256M", "disk space of the log; at half of it a checkpoint begins"),
    Setting("store.recovery_target", .duration(1, 60), "2s", "how long the log may take to apply at start, about"),
    Setting(
      "store.archive_dir", .optionalPath, "none",
      "a folder that is there, into which the log is copied before it is recycled; with it and a backup, restore reaches any moment"
    ),
    Setting(
      "store.archive_max", .size(16 << 20, 1 << 40), "1G",
      "disk space of log that may wait for the archive, beyond store.wal_max; then writes are refused"),
    Setting(
      "store.scrub_interval", .duration(0, 31_536_000), "7d",
      "everything on disk is read and verified once in so long; 0 turns that off"),
    Setting("store.scrub_rate", .size(64 << 10, 1 << 30), "8M", "bytes a second that are read then"),
    Setting(
      "backup.dir", .optionalPath, "none", "a folder that is there, for backups by the clock, by request and without -o"),
    Setting("backup.schedule", .schedule, "none", "when a backup is made into backup.dir"),
    Setting(
      "backup.keep", .number(1, 10_000), "7",
      "full backups without a name that stay in backup.dir; older ones go when a newer one was read back"),
    Setting("auth.issuer", .text(maxByteCount: 200), "userd", "iss of access tokens"),
    Setting("auth.audience", .text(maxByteCount: 200), "userd", "aud of access tokens"),
    Setting(
      "auth.registration", .choice("open|closed"), "open", hot: true, "whether people may make accounts for themselves"),
    Setting("auth.access_ttl", .duration(60, 3600), "10m", hot: true, "life of an access token"),
    Setting(
      "auth.refresh_idle", .duration(60, 31_536_000), "14d", hot: true,
      "a session ends when it was not refreshed for so long"),
    Setting(
      "auth.refresh_absolute", .duration(60, 31_536_000), "30d", hot: true, "a session ends so long after its login"),
    Setting(
      "auth.refresh_grace", .duration(0, 60), "10s", hot: true,
      "how long the previous refresh token returns the current one; 0 turns it off"),
    Setting(
      "auth.recent_login", .duration(60, 86_400), "10m", hot: true,
      "how long after a login an account's second factor may be changed and the account deleted"),
    Setting(
      "auth.require_verified_email", .boolean, "false", hot: true,
      "whether a session of an unverified address may do nothing but verify it"),
    Setting(
      "auth.max_sessions", .number(1, 10_000), "100", hot: true, "sessions of one user; the one idle longest makes room"),
    Setting(
      "password.profile", .choice("default|nist-r4"), "default", hot: true,
      "nist-r4 asks for 15 characters at least, whatever password.min_length says"),
    Setting("password.min_length", .number(8, 128), "8", hot: true, "characters that a new password has at least"),
    Setting(
      "password.blocklist_file", .path, "none", hot: true,
      "a file of passwords that are refused besides the common ones: UTF-8, one a line"),
    Setting(
      "store.cache", .size(16 << 20, 1 << 40), "a quarter of the memory, at most 256M",
      "memory for pages of the database, which is never larger; what is not in it is read from disk"),
    Setting("hash.memory", .size(128 << 10, 1 << 30), "19M", "memory of one password hash"),
    Setting("hash.time", .number(1, 100), "2", "passes over that memory"),
    Setting("hash.parallelism", .number(1, 16), "1", "lanes of that memory; one thread fills them all"),
    Setting("hash.workers", .number(1, 64), "one for each processor, at most 64", "passwords hashed at the same time"),
    Setting("hash.queue", .number(1, 65_536), "64", "requests that may wait for a hash worker; one more is answered 503"),
    Setting(
      "throttle.enabled", .boolean, "true", hot: true, "whether rates are limited at all; false is for benchmarks"),
    Setting(
      "throttle.ip_per_minute", .number(0, 1_000_000), "300", hot: true,
      "requests of one IPv4 address or IPv6 /64 without a valid token; one more is answered 429, 0 is no limit"),
    Setting(
      "throttle.register_per_hour", .number(0, 10_000), "10", hot: true,
      "accounts that one client may try to make; 0 is no limit"),
    Setting(
      "throttle.login_free", .number(0, 1000), "4", hot: true,
      "failed logins to an address from a client that cost nothing; later ones refuse for a while, 0 is no limit"),
    Setting(
      "throttle.login_max_delay", .duration(0, 86_400), "15m", hot: true,
      "the longest time for which one of them refuses; 0 is none"),
    Setting(
      "throttle.login_per_hour", .number(0, 10_000), "100", hot: true,
      "failed logins to an address; then only known devices may log in, 0 is no limit"),
    Setting(
      "throttle.login_ip_per_hour", .number(0, 10_000), "60", hot: true,
      "failed logins of a client over all addresses, and of the IPv6 /48 around it; 0 is no limit"),
    Setting(
      "throttle.refresh_per_minute", .number(0, 10_000), "30", hot: true, "refreshes of one session; 0 is no limit"),
    Setting(
      "throttle.forgot_per_hour", .number(0, 10_000), "3", hot: true,
      "messages that one address may be sent on request; 0 is no limit"),
    Setting(
      "throttle.forgot_client_per_hour", .number(0, 10_000), "20", hot: true,
      "messages that one client may ask for; 0 is no limit"),
    Setting(
      "audit.retention", .duration(86_400, 3_153_600_000), "400d",
      "how long records of the audit trail are kept, counted back from the newest"),
    Setting(
      "delivery.channel", .choice("none|log|sendmail|command|webhook"), "none", hot: true,
      "how messages leave; none sends nothing, log writes them into the log"),
    Setting(
      "delivery.command", .optionalPath, "none", hot: true, "the program that gets each message as JSON, for command"),
    Setting(
      "delivery.webhook_url", .localURL(example: "http://127.0.0.1:9000/mail"), "none", hot: true,
      "where each message is posted as JSON, for webhook"),
    Setting("delivery.from", .mailAddress, "none", hot: true, "whom messages come from"),
    Setting(
      "delivery.reset_url", .linkTemplate, "none", hot: true,
      "the page for a new password; without it messages have the code alone"),
    Setting(
      "delivery.verify_url", .linkTemplate, "none", hot: true,
      "the page that proves an address; without it messages have the code alone"),
    Setting(
      "metrics.listen", .listenAddresses, "none",
      "where programs that watch get /metrics, and nothing else but health: as http.listen; the admin socket has it always"),
    Setting("log.level", .choice("error|warn|info|debug"), "info", hot: true, "the least that is logged"),
    Setting(
      "log.format", .choice("text|json"), "text on a terminal, else json", hot: true, "how a log line is written"),
    Setting(
      "log.sample", .fraction, "1", hot: true,
      "how many of the requests that went well have a line, from 0 to 1; refused and failed ones all have theirs"),
    Setting(
      "trace.otlp_url", .localURL(example: "http://127.0.0.1:4318/v1/traces"), "none",
      "where spans are posted as OTLP in JSON; without it nothing is traced"),
    Setting(
      "trace.sample", .fraction, "0.01",
      "how many of the requests that come without a traceparent are traced, from 0 to 1; the flag of one that comes decides"),
  ]
}
