// How much one client may ask for: token buckets in a table that never grows.

package import Platform
import Synchronization

/// One policy: so many requests in so long a time for each client, an IPv4 address or an IPv6 /64.
///
/// A bucket is one moment (the generic cell rate algorithm): when the client will have earned back all it has spent. The table holds a fixed number of
/// them; where a new client finds no room, the one that has spent least makes way, which forgives it no more than that little.
package final class RateLimiter: Sendable {
  private let policy: StaticString
  private let limit: Int
  private let windowSeconds: Int
  private let window: UInt64
  /// What one request costs.
  private let interval: UInt64
  private let multiplier: UInt64
  private let shards: [Shard]

  /// Each is held for one look into one row of it.
  private final class Shard: Sendable {
    let buckets: Mutex<[Bucket]>
    init(_ count: Int) { buckets = Mutex([Bucket](repeating: Bucket(), count: count)) }
  }

  private struct Bucket {
    var client: UInt64 = 0
    /// On the monotonic clock; 0 if it is nobody's.
    var restored: UInt64 = 0
  }

  private static let shardCount = 64
  /// Where a client may be: its row of buckets.
  private static let rowLength = 8

  /// - Parameters:
  ///   - policy: its name in the `RateLimit` fields.
  ///   - limit: requests in the window, and as many at once.
  ///   - maxClientCount: how many clients are told apart; 16 bytes each.
  package init(
    policy: StaticString, limit: Int, windowSeconds: Int, maxClientCount: Int = 1 << 16, random: RandomSource = .system
  ) {
    precondition(limit > 0 && windowSeconds > 0, "\(limit) requests in \(windowSeconds) seconds")
    self.policy = policy
    self.limit = limit
    self.windowSeconds = windowSeconds
    window = UInt64(windowSeconds) * 1_000_000_000
    interval = max(1, window / UInt64(limit))
    let perShard = max(1, maxClientCount / Self.shardCount / Self.rowLength) * Self.rowLength
    shards = (0..<Self.shardCount).map { _ in Shard(perShard) }
    // Nobody can tell which clients share a row.
    multiplier = random.bytes(8).reduce(0) { $0 << 8 | UInt64($1) } | 1
  }

  /// What became of a request.
  package enum Verdict: Equatable, Sendable {
    case passed
    /// The client may come again in so many seconds.
    case refused(seconds: Int)
  }

  /// Takes one request's worth from the client's bucket. A refused request costs nothing.
  package func take(from client: SocketAddress, now: UInt64) -> Verdict {
    let key = Self.key(client)
    let hash = key.multipliedFullWidth(by: multiplier)
    let mixed = hash.high ^ hash.low
    return shards[Int(mixed % UInt64(Self.shardCount))].buckets.withLock { buckets in
      let rowCount = UInt64(buckets.count / Self.rowLength)
      let row = Int((mixed >> 8) % rowCount) * Self.rowLength
      let place = Self.place(of: key, in: buckets, row)
      let isKnown = buckets[place].client == key && buckets[place].restored != 0
      let restored = max(now, isKnown ? buckets[place].restored : 0) &+ interval
      if restored > now &+ window { return .refused(seconds: Int((restored &- window &- now) / 1_000_000_000) + 1) }
      buckets[place] = Bucket(client: key, restored: restored)
      return .passed
    }
  }

  /// The client's bucket, or the one in its row that has been spent least.
  private static func place(of key: UInt64, in buckets: [Bucket], _ row: Int) -> Int {
    var least = row
    for place in row..<row + rowLength {
      if buckets[place].client == key && buckets[place].restored != 0 { return place }
      if buckets[place].restored < buckets[least].restored { least = place }
    }
    return least
  }

  /// No client has an address in ff00::/8, so IPv4 finds room there.
  private static func key(_ client: SocketAddress) -> UInt64 {
    client.family == .ipv6 ? client.high : 0xff00_0000_0000_0000 | client.low
  }

  /// Lets a request pass, or throws 429. Processes of this machine that come by a Unix socket have no address, and no limit.
  package func admit(_ request: borrowing Request) throws(Problem) {
    if request.client.family == .local { return }
    switch take(from: request.client, now: request.arrivalNanoseconds) {
    case .passed: return
    case .refused(let seconds):
      throw .rateLimited(policy: policy, limit: limit, windowSeconds: windowSeconds, retryAfter: seconds)
    }
  }
}

extension Problem {
  // RateLimit-Policy and RateLimit as in the IETF draft "RateLimit header fields for HTTP"
  fileprivate static func rateLimited(policy: StaticString, limit: Int, windowSeconds: Int, retryAfter: Int) -> Problem {
    var problem = Problem(
      .tooManyRequests, code: "rate_limited", title: "Too many requests",
      detail: "\(limit) requests in \(windowSeconds) seconds are allowed; try again in \(retryAfter) seconds")
    problem.retryAfter = retryAfter
    problem.headers = [
      ("RateLimit-Policy", "\"\(policy)\";q=\(limit);w=\(windowSeconds)"), ("RateLimit", "\"\(policy)\";r=0;t=\(retryAfter)"),
    ]
    return problem
  }
}
