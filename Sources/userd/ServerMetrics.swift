// What GET /metrics tells: every figure of the process, read where it is kept, at the moment somebody asks.

import API
import Auth
import Codecs
import HTTP
import Platform
import Repositories
import Storage

/// Where the figures of a server come from. Nothing is kept here, and nothing is counted for it but what is cheap to count.
struct ServerMetrics: Sendable {
  let store: OpenStore
  /// It knows the server, once that is there.
  let condition: ServerCondition
  let activity: ActivityCounts
  let limiter: RateLimiter?
  let courier: Courier?
  let exporter: TraceExporter?
  let backups: BackupRunner?
  let log: Log
  let connectionLimit: Int
  let startMilliseconds: Int64

  func write(_ format: MetricsFormat, to output: inout ByteBuffer) {
    var empty = ByteBuffer(capacity: 0)
    swap(&empty, &output)
    var text = MetricsText(format, into: empty)
    writeServer(&text)
    if let server = condition.watched {
      writeRequests(server, &text)
      writePools(server, &text)
    }
    writeAuth(&text)
    writeStore(&text)
    writeSurroundings(&text)
    writeProcess(&text)
    output = text.finish()
  }

  private func writeServer(_ text: inout MetricsText) {
    text.begin("userd_build_info")
    text.sample(1, ("version", programVersion))
    text.begin("userd_health_status")
    for check in condition.health().checks { text.sample(check.state.rank, ("check", "\(check.name)")) }
  }

  private func writeRequests(_ server: Server, _ text: inout MetricsText) {
    let counts = server.requestCounts
    text.begin("userd_http_requests")
    for count in counts {
      let (method, route) = Self.names(of: count)
      for (status, number) in count.statuses {
        text.sample(Int(clamping: number), ("method", method), ("route", route), ("status", "\(status.code)"))
      }
    }
    text.begin("userd_http_request_duration_seconds")
    for count in counts {
      let (method, route) = Self.names(of: count)
      text.sample(count.durations, ("method", method), ("route", route))
    }
    text.family("userd_http_connections", server.connectionCount)
    text.family("userd_http_connections_limit", connectionLimit)
  }

  private static func names(of count: RequestCount) -> (method: String, route: String) {
    ("\(count.method?.name ?? "other")", "\(count.route ?? "none")")
  }

  private func writeAuth(_ text: inout MetricsText) {
    for kind in ActivityCounts.Activity.allCases {
      switch kind {
      case .login: text.begin("userd_auth_logins")
      case .refresh: text.begin("userd_auth_refreshes")
      }
      for result in kind.results { text.sample(Int(clamping: activity.count(of: kind, result)), ("result", "\(result.name)")) }
    }
    let (users, sessions) = store.population
    if let sessions { text.family("userd_auth_sessions", sessions) }
    if let users {
      text.begin("userd_auth_users")
      text.sample(users.active, ("status", "active"))
      text.sample(users.disabled, ("status", "disabled"))
      text.sample(users.deleted, ("status", "deleted"))
    }
    text.begin("userd_ratelimit_rejections")
    text.sample(limiter?.refusedCount ?? 0, ("policy", "ip"))
    for (index, policy) in ActivityCounts.policies.enumerated() {
      text.sample(Int(clamping: activity.refusals(index)), ("policy", policy))
    }
  }

  private func writePools(_ server: Server, _ text: inout MetricsText) {
    let hash = server.hashPool, disk = server.diskPool
    text.family("userd_password_hash_duration_seconds", store.hashDurations)
    text.family("userd_password_hash_wait_seconds", hash.waits)
    text.family("userd_password_hash_queue_depth", hash.queued)
    text.family("userd_password_hash_queue_limit", hash.queueLimit)
    text.family("userd_password_hash_refusals", hash.refusals)
    text.begin("userd_worker_busy")
    text.sample(hash.busy, ("pool", "hash"))
    text.sample(disk.busy, ("pool", "disk"))
    text.begin("userd_worker_limit")
    text.sample(hash.workers, ("pool", "hash"))
    text.sample(disk.workers, ("pool", "disk"))
  }

  private func writeStore(_ text: inout MetricsText) {
    let figures = store.database.statistics()
    text.family("userd_store_commits", figures.commits)
    text.family("userd_store_commit_duration_seconds", figures.commitDurations)
    text.family("userd_store_sync_duration_seconds", figures.syncDurations)
    text.family("userd_store_commit_batch_size", figures.batchSizes)
    text.family("userd_store_size_bytes", figures.dataFileByteCount)
    text.family("userd_store_wal_bytes", figures.logFileByteCount)
    text.family("userd_store_free_bytes", figures.freePages * figures.pageByteCount)
    text.family("userd_store_keys", figures.keys)
    text.family("userd_store_cache_hits", figures.cache.hits)
    text.family("userd_store_cache_misses", figures.cache.misses)
    text.family("userd_store_cache_bytes", figures.cache.frames * figures.pageByteCount)
    text.family("userd_store_lsn", Int(clamping: figures.durableLSN))
    text.begin("userd_store_oldest_snapshot_seconds")
    text.sample(seconds: figures.oldestSnapshotNanoseconds)
    text.family("userd_store_checkpoints", figures.checkpoints)
    text.family("userd_store_checksum_failures", figures.cache.damagedPages + figures.scrubProblems)
    let archive = store.database.archive
    if archive.isOn { text.family("userd_archive_broken", archive.failure == nil ? 0 : 1) }
  }

  private func writeSurroundings(_ text: inout MetricsText) {
    if let room = condition.room() {
      text.family("userd_disk_free_bytes", room.freeByteCount)
      text.family("userd_disk_size_bytes", room.byteCount)
    }
    if let courier, courier.isOn {
      let delivery = courier.health
      text.family("userd_delivery_pending", delivery.pendingCount)
      text.family("userd_delivery_failures", delivery.failureCount)
    }
    if let backup = backups?.state {
      text.begin("userd_backup_last_success_timestamp_seconds")
      if backup.lastSuccessMilliseconds > 0 { text.sample(seconds: UInt64(backup.lastSuccessMilliseconds) * 1_000_000) }
      text.family("userd_backup_failures", backup.failures)
    }
    text.family("userd_log_dropped", log.droppedCount)
    if let exporter { text.family("userd_trace_dropped", exporter.droppedCount) }
  }

  private func writeProcess(_ text: inout MetricsText) {
    do throws(Errno) {
      let figures = try ProcessFigures()
      text.begin("process_cpu_seconds")
      text.sample(seconds: figures.processorNanoseconds)
      text.family("process_resident_memory_bytes", figures.residentByteCount)
      text.family("process_virtual_memory_bytes", figures.virtualByteCount)
      text.family("process_open_fds", figures.descriptorCount)
      text.family("process_max_fds", figures.maxDescriptorCount)
      text.family("process_threads", figures.threadCount)
    } catch {
      // A process without descriptors left cannot look at itself; what was written so far matters the more.
      log.write(.warn, "metrics", "figures of the process cannot be read", .text("error", "\(error)"))
    }
    text.begin("process_start_time_seconds")
    text.sample(seconds: UInt64(max(0, startMilliseconds)) * 1_000_000)
  }
}

extension Health.State {
  /// As `userd_health_status` tells it.
  fileprivate var rank: Int {
    switch self {
    case .ok: 0
    case .degraded: 1
    case .fail, .draining: 2
    }
  }
}
