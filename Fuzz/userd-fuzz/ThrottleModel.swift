// What guessing and flooding may cost, as plainly as the contract says it: lists of moments, looked through each time.

import Auth

/// Failures by what they count for. Times are milliseconds since 1970.
struct ThrottleModel {
  enum Policy: String {
    case pair = "login-pair"
    case address = "login-id"
    case client = "login-ip"
    case network = "login-ip of a /48"
    case code = "mfa-user"
    case registration = "register"
    case forgotAddress = "forgot-address"
    case forgotClient = "forgot-client"
  }

  /// One list of moments.
  struct Key: Hashable {
    let policy: Policy
    let subject: Int
    var client = 0
  }

  struct Rules {
    var isOn = false
    var freeLogins = 4
    var maxDelaySeconds: Int64 = 900
    var perHour: [Policy: Int] = [.address: 100, .client: 60, .registration: 10, .forgotAddress: 3, .forgotClient: 20]
    var refreshesPerMinute = 30
  }

  /// What whoever is refused is told.
  struct Refusal: Equatable {
    let policy: String
    let limit: Int
    let seconds: Int
    let retryAfter: Int
  }

  let rules: Rules
  private var moments: [Key: [Int64]] = [:]

  init(_ rules: Rules) { self.rules = rules }

  // MARK: Lists of failures in a window

  /// How many a window bears and how long it is; nil for what is not limited.
  private func window(_ policy: Policy) -> (limit: Int, milliseconds: Int64)? {
    switch policy {
    case .pair: nil
    case .code: (10, 15 * 60_000)
    case .network: rules.isOn ? rules.perHour[.client].map { ($0, 3_600_000) } : nil
    case .address, .client, .registration, .forgotAddress, .forgotClient:
      rules.isOn ? rules.perHour[policy].map { ($0, 3_600_000) } : nil
    }
  }

  /// When a failure is forgotten: with the fifteenth of the window that it lies in, once the window has left that as a whole.
  private static func end(of moment: Int64, in milliseconds: Int64) -> Int64 {
    let slice = (milliseconds + 14) / 15
    return (moment / slice + 16) * slice
  }

  // MARK: Failures of one address from one client

  /// Until when the failures refuse, and until when they count.
  private func pairEnds(_ failures: [Int64]) -> (refusal: Int64, memory: Int64)? {
    guard let last = failures.last else { return nil }
    var delay: Int64 = 0
    if failures.count > rules.freeLogins {
      delay = 1000
      for _ in rules.freeLogins..<failures.count { delay = min(2 * delay, rules.maxDelaySeconds * 1000) }
    }
    return (last + delay, last + delay + Int64(rules.freeLogins) * rules.maxDelaySeconds * 1000)
  }

  // MARK: Verbs

  private func isLimited(_ key: Key) -> Bool { key.policy == .pair ? rules.isOn : window(key.policy) != nil }

  /// Why one more may not be tried, with the longest wait.
  ///
  /// - Parameter isKnown: whether it is tried from a device that is known, to which the limit of an address is nothing.
  func refusal(_ keys: [Key], isKnown: Bool = false, at now: Int64) -> Refusal? {
    var longest: (wait: Int64, refusal: Refusal)?
    for key in keys where isLimited(key) {
      let failures = moments[key] ?? []
      var wait: Int64?
      var (limit, seconds) = (rules.freeLogins, rules.freeLogins * Int(rules.maxDelaySeconds))
      if let window = window(key.policy) {
        (limit, seconds) = (window.limit, Int(window.milliseconds / 1000))
        let ends = failures.map { Self.end(of: $0, in: window.milliseconds) }.filter { now < $0 }.sorted()
        if ends.count >= limit { wait = ends[ends.count - limit] - now }
      } else if let ends = pairEnds(failures), now < ends.refusal {
        wait = ends.refusal - now
      }
      guard let wait, !(key.policy == .address && isKnown) else { continue }
      if longest == nil || wait > longest!.wait {
        let name = key.policy == .network ? Policy.client.rawValue : key.policy.rawValue
        longest = (wait, Refusal(policy: name, limit: limit, seconds: seconds, retryAfter: max(1, Int((wait + 999) / 1000))))
      }
    }
    return longest?.refusal
  }

  /// Counts a failure; says how many of the lists refuse from now on that did not before.
  @discardableResult mutating func count(_ keys: [Key], at now: Int64) -> Int {
    var filled = 0
    for key in keys where isLimited(key) {
      var failures = moments[key] ?? []
      if let window = window(key.policy) {
        failures = failures.filter { now < Self.end(of: $0, in: window.milliseconds) } + [now]
        if failures.count == window.limit { filled += 1 }
      } else {
        if let ends = pairEnds(failures), now >= ends.memory { failures = [] }
        failures.append(now)
        if failures.count == rules.freeLogins + 1 { filled += 1 }
      }
      moments[key] = failures
    }
    return filled
  }

  /// After the right password, from this client.
  mutating func clear(_ keys: [Key]) {
    for key in keys where key.policy == .pair { moments[key] = nil }
  }

  /// What a reset and an administrator forgive.
  mutating func forgive(address: Int) {
    moments = moments.filter { $0.key.subject != address || ($0.key.policy != .pair && $0.key.policy != .address) }
  }

  mutating func forgive(codesOf person: Int) { moments[Key(policy: .code, subject: person)] = nil }

  // MARK: Names

  static func login(_ address: Int, from client: PlainClient) -> [Key] {
    [Key(policy: .pair, subject: address, client: client.number), Key(policy: .address, subject: address)]
      + (client.hasAddress ? [Key(policy: .client, subject: client.number)] : [])
      + (client.network.map { [Key(policy: .network, subject: $0)] } ?? [])
  }

  static func code(_ person: Int) -> [Key] { [Key(policy: .code, subject: person)] }

  static func registration(from client: PlainClient) -> [Key] {
    client.hasAddress ? [Key(policy: .registration, subject: client.number)] : []
  }

  static func message(to address: Int, from client: PlainClient) -> [Key] {
    [Key(policy: .forgotAddress, subject: address)]
      + (client.hasAddress ? [Key(policy: .forgotClient, subject: client.number)] : [])
  }
}

/// Where requests come from: a socket without addresses, one of IPv4, and two neighbours of IPv6.
struct PlainClient: Sendable {
  let number: Int
  let prefix: String
  let hasAddress: Bool
  var network: Int?

  static let all = [
    PlainClient(number: 0, prefix: "local", hasAddress: false),
    PlainClient(number: 1, prefix: "203.0.113.0/24", hasAddress: true),
    PlainClient(number: 2, prefix: "2001:db8:7:1::/64", hasAddress: true, network: 7),
    PlainClient(number: 3, prefix: "2001:db8:7:2::/64", hasAddress: true, network: 7),
  ]

  var origin: SessionOrigin {
    SessionOrigin(
      ipPrefix: prefix, userAgent: "rig", clientKey: hasAddress ? UInt64(100 + number) : nil,
      clientNetworkKey: network.map { UInt64($0) })
  }
}

/// How often sessions are refreshed: a bucket for each, which a second fills again by a sixtieth of what a minute bears. Gone with the process.
struct RefreshBuckets {
  let perMinute: Int?
  /// What is missing in each, in nanoseconds of filling, and when it was looked at, in milliseconds.
  private var missing: [Int: (nanoseconds: Int64, at: Int64)] = [:]

  init(perMinute: Int?) { self.perMinute = perMinute }

  mutating func take(_ login: Int, at now: Int64) -> ThrottleModel.Refusal? {
    guard let perMinute else { return nil }
    let minute: Int64 = 60_000_000_000
    let last = missing[login] ?? (0, now)
    let wanted = max(0, last.nanoseconds - (now - last.at) * 1_000_000) + minute / Int64(perMinute)
    if wanted > minute {
      let wait = wanted - minute
      return .init(policy: "refresh", limit: perMinute, seconds: 60, retryAfter: Int(wait / 1_000_000_000) + 1)
    }
    missing[login] = (wanted, now)
    return nil
  }
}
