// What `admin stats --watch` shows: the figures of a second, for a person.

/// Two readings of a running server and the time between them.
struct StatsScreen {
  let now: FigureReading
  let before: FigureReading
  let seconds: Double

  /// At most 79 columns and 16 lines.
  var lines: [String] {
    let states = now.values(of: "check", in: "userd_health_status").filter { $0.value > 0 }
    let names = states.map { "\($0.label) \($0.value > 1 ? "failed" : "degraded")" }.joined(separator: ", ")
    return [
      Self.row("state", [names.isEmpty ? "ok" : names]),
      Self.row(
        "requests",
        [
          "\(rate("userd_http_requests_total")) a second", "2xx \(requests("2"))", "4xx \(requests("4"))", "5xx \(requests("5"))",
        ]),
      Self.row("answered in", [spread("userd_http_request_duration_seconds")]),
      Self.row("connections", ["\(whole("userd_http_connections")) of \(whole("userd_http_connections_limit"))"]),
      Self.row(
        "logins",
        [
          "\(logins("success")) a second", "refused \(logins("invalid"))", "throttled \(logins("thr"))",
          "refreshes \(rate("userd_auth_refreshes_total", "result=\"success\""))",
        ]),
      Self.row(
        "people", ["\(whole("userd_auth_users", "status=\"active\"")) active", "sessions \(whole("userd_auth_sessions"))"]),
      Self.row(
        "passwords",
        [
          spread("userd_password_hash_duration_seconds"),
          "waiting \(whole("userd_password_hash_queue_depth")) of \(whole("userd_password_hash_queue_limit"))",
          "busy \(whole("userd_worker_busy", Self.hashPool)) of \(whole("userd_worker_limit", Self.hashPool))",
        ]),
      Self.row(
        "commits",
        [
          "\(rate("userd_store_commits_total")) a second", "in a flush \(Self.short(batchSize))",
          "durable in \(spread("userd_store_commit_duration_seconds"))",
        ]),
      Self.row("flushes", [spread("userd_store_sync_duration_seconds")]),
      Self.row(
        "cache",
        [
          "\(rate("userd_store_cache_hits_total")) hits a second", "reads \(rate("userd_store_cache_misses_total"))",
          "of \(bytes("userd_store_cache_bytes"))",
        ]),
      Self.row(
        "store",
        [
          "main.udb \(bytes("userd_store_size_bytes"))", "free in it \(bytes("userd_store_free_bytes"))",
          "keys \(whole("userd_store_keys"))",
        ]),
      Self.row("log", [bytes("userd_store_wal_bytes"), "checkpoints \(whole("userd_store_checkpoints_total"))"]),
      Self.row("disk", ["\(bytes("userd_disk_free_bytes")) free of \(bytes("userd_disk_size_bytes"))"]),
      Self.row(
        "messages", ["\(whole("userd_delivery_pending")) wait", "\(whole("userd_delivery_failures_total")) tries failed"]),
      Self.row(
        "process",
        [
          "processor \(Self.short(change("process_cpu_seconds_total") / seconds * 100)) %",
          "memory \(bytes("process_resident_memory_bytes"))", "threads \(whole("process_threads"))",
          "descriptors \(whole("process_open_fds"))",
        ]),
      Self.row(
        "lost",
        ["\(whole("userd_log_dropped_total")) lines of the log", "damage \(whole("userd_store_checksum_failures_total"))"]),
    ]
  }

  private static let hashPool = "pool=\"hash\""

  private static func row(_ title: String, _ parts: [String]) -> String {
    var line = title
    while line.utf8.count < 13 { line += " " }
    return String((line + parts.joined(separator: "   ")).prefix(79))
  }

  private func requests(_ kind: String) -> String { rate("userd_http_requests_total", "status=\"\(kind)") }

  private func logins(_ result: String) -> String { rate("userd_auth_logins_total", "result=\"\(result)") }

  private var batchSize: Double {
    let batches = change("userd_store_commit_batch_size_count")
    return batches > 0 ? change("userd_store_commit_batch_size_sum") / batches : 0
  }

  /// The same on one line, for programs and for files.
  var line: String {
    let status = now.values(of: "check", in: "userd_health_status").map(\.value).max() ?? 0
    let state = status > 1 ? "fail" : status > 0 ? "degraded" : "ok"
    return [
      "status=\(state)", "requests=\(rate("userd_http_requests_total"))",
      "errors=\(requests("5"))", "p99=\(quantile(0.99, "userd_http_request_duration_seconds"))",
      "connections=\(whole("userd_http_connections"))", "logins=\(logins("success"))",
      "hashQueue=\(whole("userd_password_hash_queue_depth"))", "commits=\(rate("userd_store_commits_total"))",
      "syncP99=\(quantile(0.99, "userd_store_sync_duration_seconds"))", "cacheReads=\(rate("userd_store_cache_misses_total"))",
      "diskFree=\(whole("userd_disk_free_bytes"))", "memory=\(whole("process_resident_memory_bytes"))",
    ].joined(separator: " ")
  }

  private func change(_ name: String, _ label: String = "") -> Double { max(0, now.sum(name, label) - before.sum(name, label)) }

  private func rate(_ name: String, _ label: String = "") -> String { Self.short(change(name, label) / seconds) }

  private func whole(_ name: String, _ label: String = "") -> String { "\(Int(now.sum(name, label)))" }

  private func bytes(_ name: String) -> String {
    var value = now.sum(name), unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024, unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
    return "\(Self.short(value)) \(units[unit])"
  }

  private func quantile(_ share: Double, _ name: String) -> String {
    guard let limit = now.quantile(share, of: name, since: before) else { return "-" }
    guard let seconds = Double(limit), seconds < .infinity else { return ">10s" }
    return seconds < 1 ? "\(Self.short(seconds * 1000))ms" : "\(Self.short(seconds))s"
  }

  private func spread(_ name: String) -> String { "half \(quantile(0.5, name)), 99 % \(quantile(0.99, name))" }

  /// A number with one decimal place while it is small.
  private static func short(_ value: Double) -> String {
    if value >= 100 { return "\(Int(value.rounded()))" }
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
