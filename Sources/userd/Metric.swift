// Every metric of the server: its name, kind and labels, and what it means. docs/operations.md §9 has the same table.

import Platform

/// A family of samples. All names begin with `userd_` but those of the process itself, which have the names that every exporter gives them.
struct Metric: Sendable {
  enum Kind: Sendable {
    /// Grows from 0 at the start of the process.
    case counter
    case gauge
    case histogram(Histogram.Scale)
  }

  /// Without `_total`, which samples of counters carry.
  let name: StaticString
  let kind: Kind
  /// Names of labels, with commas between them.
  let labels: StaticString
  let help: StaticString

  init(_ name: StaticString, _ kind: Kind, _ labels: StaticString, _ help: StaticString) {
    self.name = name
    self.kind = kind
    self.labels = labels
    self.help = help
  }

  /// A family of one sample.
  init(_ name: StaticString, _ kind: Kind, _ help: StaticString) { self.init(name, kind, "", help) }

  var kindName: StaticString {
    switch kind {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }

  /// The last word of the name, where that is a unit.
  var unit: StaticString {
    let text = "\(name)"
    if text.hasSuffix("_seconds") { return "seconds" }
    return text.hasSuffix("_bytes") ? "bytes" : ""
  }

  static let all: [Metric] = [
    Metric("userd_build_info", .gauge, "version", "always 1; the label says which build runs"),
    Metric("userd_health_status", .gauge, "check", "0 is ok, 1 degraded, 2 failed, for each check of /readyz"),
    Metric("userd_http_requests", .counter, "method,route,status", "requests answered, by the pattern of their route"),
    Metric(
      "userd_http_request_duration_seconds", .histogram(.nanoseconds), "method,route",
      "from the whole head of a request to its answer, waiting for the disk included"),
    Metric("userd_http_connections", .gauge, "open connections, that of the scrape among them"),
    Metric("userd_http_connections_limit", .gauge, "connections that may be open"),
    Metric("userd_auth_logins", .counter, "result", "logins by what became of them; with a second factor there are two results"),
    Metric("userd_auth_refreshes", .counter, "result", "refreshes by what became of them"),
    Metric("userd_auth_sessions", .gauge, "sessions in the store, those included that are over and not swept yet"),
    Metric("userd_auth_users", .gauge, "status", "accounts"),
    Metric("userd_password_hash_duration_seconds", .histogram(.nanoseconds), "computing one password hash"),
    Metric("userd_password_hash_wait_seconds", .histogram(.nanoseconds), "what was begun had waited for a hash worker"),
    Metric("userd_password_hash_queue_depth", .gauge, "requests that wait for a hash worker"),
    Metric("userd_password_hash_queue_limit", .gauge, "how many may"),
    Metric("userd_password_hash_refusals", .counter, "requests that found that queue full"),
    Metric("userd_worker_busy", .gauge, "pool", "workers that work"),
    Metric("userd_worker_limit", .gauge, "pool", "workers that there are"),
    Metric("userd_ratelimit_rejections", .counter, "policy", "requests answered 429"),
    Metric("userd_store_commits", .counter, "transactions that wrote something"),
    Metric(
      "userd_store_commit_duration_seconds", .histogram(.nanoseconds),
      "from the first commit of a batch that somebody waits for until the batch was durable"),
    Metric("userd_store_sync_duration_seconds", .histogram(.nanoseconds), "writing and flushing one batch"),
    Metric("userd_store_commit_batch_size", .histogram(.count), "transactions that shared one flush"),
    Metric("userd_store_size_bytes", .gauge, "main.udb"),
    Metric("userd_store_wal_bytes", .gauge, "the log, segments kept in reserve among it"),
    Metric("userd_store_free_bytes", .gauge, "pages of main.udb that hold nothing"),
    Metric("userd_store_keys", .gauge, "keys in the store, indexes included"),
    Metric("userd_store_cache_hits", .counter, "pages that searches for single keys found in memory"),
    Metric("userd_store_cache_misses", .counter, "pages that had to be read from disk"),
    Metric("userd_store_cache_bytes", .gauge, "memory for pages"),
    Metric("userd_store_lsn", .gauge, "how far the log is durable; never goes back, also over restarts"),
    Metric("userd_store_oldest_snapshot_seconds", .gauge, "age of the oldest lease or kept checkpoint; 0 without one"),
    Metric("userd_store_checkpoints", .counter, "checkpoints written"),
    Metric(
      "userd_store_checksum_failures", .counter,
      "times that something read from disk was not what it must be, by requests or scrubs"),
    Metric(
      "userd_backup_last_success_timestamp_seconds", .gauge, "when the last backup ended well, since 1970; only with backup.dir"),
    Metric("userd_backup_failures", .counter, "backups that failed; only with backup.dir"),
    Metric("userd_archive_broken", .gauge, "1 while the log cannot be archived; only with store.archive_dir"),
    Metric("userd_disk_free_bytes", .gauge, "room that the server may take on the disk of its data"),
    Metric("userd_disk_size_bytes", .gauge, "that disk"),
    Metric("userd_delivery_pending", .gauge, "messages that wait, as of the last look at the outbox; only with delivery.channel"),
    Metric("userd_delivery_failures", .counter, "tries that failed, and messages that were refused"),
    Metric("userd_log_dropped", .counter, "lines of the log that nobody read fast enough"),
    Metric("userd_trace_dropped", .counter, "traced requests that no collector took; only with trace.otlp_url"),
    Metric("process_cpu_seconds", .counter, "processor time of all threads"),
    Metric("process_resident_memory_bytes", .gauge, "memory in use"),
    Metric("process_virtual_memory_bytes", .gauge, "address space"),
    Metric("process_open_fds", .gauge, "open descriptors"),
    Metric("process_max_fds", .gauge, "how many may be open"),
    Metric("process_threads", .gauge, "threads"),
    Metric("process_start_time_seconds", .gauge, "when the process began, since 1970"),
  ]
}
