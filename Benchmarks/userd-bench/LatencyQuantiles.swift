// Where latencies lie: the fields that each report of a load ends with.

/// Quantiles of some latencies, as they were measured: nothing is rounded into classes.
struct LatencyQuantiles {
  private let sorted: [UInt64]

  init(nanoseconds: [UInt64]) { sorted = nanoseconds.sorted() }

  var count: Int { sorted.count }

  /// The least that so many of a hundred parts are below; 0 without any latency.
  func microseconds(_ share: Double) -> UInt64 {
    sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / 1000
  }

  /// Members of a JSON object, without its braces.
  var fields: String {
    "\"p50us\":\(microseconds(0.5)),\"p90us\":\(microseconds(0.9)),\"p99us\":\(microseconds(0.99)),"
      + "\"p999us\":\(microseconds(0.999)),\"maxUs\":\(microseconds(1))"
  }
}
