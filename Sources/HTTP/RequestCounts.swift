// What each loop counts of the requests that it answers, and how the counts of all loops are read.

package import Platform

/// How often requests of one method and route were answered, with what, and how long that took.
package struct RequestCount: Sendable {
  /// nil for a method that was not understood.
  package let method: Method?
  /// nil where no route matched.
  package let route: StaticString?
  package let statuses: [(status: Status, count: UInt64)]
  package let durations: Histogram
}

/// The counts of one loop: a row for each pair of endpoint and method, so that whoever counts looks nothing up.
///
/// The numbers of rows and of words in them are those of the routing table and of the enums; nothing that a client sends adds to them.
struct RequestCounts: Sendable {
  private let tally: Tally
  private let endpointCount: Int

  // Words of a row: statuses in the order of their declaration, buckets of durations, nanoseconds in all; a row fills whole cache lines.
  private static let durations = 32, sum = durations + Histogram.bucketCount, rowCount = 64
  /// The methods, and one for those that are not understood.
  private static let methodCount = 8

  init(_ router: Router) throws(Errno) {
    endpointCount = router.endpointCount
    tally = try Tally(count: (endpointCount + 1) * Self.methodCount * Self.rowCount)
  }

  /// Counts an answer. For the loop alone.
  func add(_ endpoint: Int, _ method: Method?, _ status: Status, nanoseconds: UInt64) {
    let row = Self.row(endpoint, method.map { Int($0.rawValue) } ?? Self.methodCount - 1)
    tally.add(1, at: row &+ status.ordinal)
    tally.add(1, at: row &+ Self.durations &+ Histogram.bucket(ofNanoseconds: nanoseconds))
    tally.add(nanoseconds, at: row &+ Self.sum)
  }

  /// Where the row begins; endpoint -1 stands for none.
  private static func row(_ endpoint: Int, _ method: Int) -> Int { ((endpoint &+ 1) &* methodCount &+ method) &* rowCount }

  /// The counts of some loops together, where there are any: no route first, then in the order of the routing table. Every number is at
  /// least what it was at the beginning of the call.
  static func sums(_ loops: [RequestCounts], _ router: Router) -> [RequestCount] {
    var counts: [RequestCount] = []
    for endpoint in -1..<router.endpointCount {
      for method in 0..<methodCount {
        let row = row(endpoint, method)
        var statuses: [(status: Status, count: UInt64)] = []
        for status in Status.allCases {
          let count = loops.reduce(0) { $0 &+ $1.tally[row + status.ordinal] }
          if count > 0 { statuses.append((status, count)) }
        }
        if statuses.isEmpty { continue }
        var durations = Histogram()
        for loop in loops {
          durations.add(toSum: loop.tally[row + sum])
          for bucket in 0..<Histogram.bucketCount { durations.add(loop.tally[row + Self.durations + bucket], toBucket: bucket) }
        }
        counts.append(
          RequestCount(
            method: Method(rawValue: UInt8(method)), route: endpoint < 0 ? nil : router[endpoint: endpoint].pattern,
            statuses: statuses, durations: durations))
      }
    }
    return counts
  }
}
