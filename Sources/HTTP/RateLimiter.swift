// How much one client may ask for without proving who it is.

package import Platform
import Synchronization

/// One policy: so many requests in so long a time for each client, an IPv4 address or an IPv6 /64.
package final class RateLimiter: Sendable {
  private let policy: String
  private let allowed: Atomic<Int>
  private let windowSeconds: Int
  private let buckets: RateBuckets
  private let refused = Atomic<Int>(0)

  /// - Parameters:
  ///   - policy: its name in the `RateLimit` fields.
  ///   - limit: requests in the window, and as many at once; 0 is no limit.
  ///   - maxClientCount: how many clients are told apart; 16 bytes each.
  package init(
    policy: StaticString, limit: Int, windowSeconds: Int, maxClientCount: Int = 1 << 16, random: RandomSource = .system
  ) {
    self.policy = "\(policy)"
    allowed = Atomic(limit)
    self.windowSeconds = windowSeconds
    buckets = RateBuckets(limit: limit, windowSeconds: windowSeconds, maxKeyCount: maxClientCount, random: random)
  }

  /// Allows so many from now on.
  package func setLimit(_ limit: Int) {
    allowed.store(limit, ordering: .relaxed)
    buckets.setLimit(limit)
  }

  /// What became of a request.
  package enum Verdict: Equatable, Sendable {
    case passed
    /// The client may come again in so many seconds.
    case refused(seconds: Int)
  }

  /// Takes one request's worth from the client's bucket. A refused request costs nothing.
  package func take(from client: SocketAddress, now: UInt64) -> Verdict {
    guard let wait = buckets.take(client.rateKey, now: now) else { return .passed }
    return .refused(seconds: Int(wait / 1_000_000_000) + 1)
  }

  /// How many requests it has refused.
  package var refusedCount: Int { refused.load(ordering: .relaxed) }

  /// Lets a request pass, or throws 429. Processes of this machine that come by a Unix socket have no address, and no limit.
  package func admit(_ request: borrowing Request) throws(Problem) {
    if request.client.family == .local { return }
    switch take(from: request.client, now: request.arrivalNanoseconds) {
    case .passed: return
    case .refused(let seconds):
      refused.add(1, ordering: .relaxed)
      let limit = allowed.load(ordering: .relaxed)
      var problem = Problem(
        .tooManyRequests, code: "rate_limited", title: "Too many requests",
        detail: "\(limit) requests in \(windowSeconds) seconds are allowed; try again in \(seconds) seconds")
      problem.limit(policy: policy, limit: limit, windowSeconds: windowSeconds, retryAfter: seconds)
      throw problem
    }
  }
}

extension SocketAddress {
  /// What counts as one client. No IPv6 address of a client lies in ff00::/8, so IPv4 finds room there.
  var rateKey: UInt64 { family == .ipv6 ? high : 0xff00_0000_0000_0000 | low }
}

extension Problem {
  /// Says which limit was met: `Retry-After`, and `RateLimit-Policy` and `RateLimit` as in the IETF draft "RateLimit header fields for HTTP".
  package mutating func limit(policy: String, limit: Int, windowSeconds: Int, retryAfter: Int) {
    self.retryAfter = retryAfter
    headers += [
      ("RateLimit-Policy", "\"\(policy)\";q=\(limit);w=\(windowSeconds)"), ("RateLimit", "\"\(policy)\";r=0;t=\(retryAfter)"),
    ]
  }
}
