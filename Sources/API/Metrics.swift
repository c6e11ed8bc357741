// GET /metrics: what the process counts, in the form that the asking program prefers.

import Auth
import HTTP

/// The forms in which figures are written.
package enum MetricsFormat: Sendable {
  /// Prometheus text exposition format 0.0.4.
  case text
  /// OpenMetrics 1.0.
  case openMetrics

  package var contentType: StaticString {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}

extension Services {
  @Sendable func metrics(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    guard let metrics = operation.metrics else { throw ProblemKind.notFound.problem() }
    let format = request.header(.accept).map { MetricsFormat(accepting: $0) } ?? .text
    response.contentType = .other(format.contentType)
    metrics(format, &response.body)
  }
}

extension MetricsFormat {
  /// Chooses by an `Accept` header (RFC 9110 section 12.5.1): OpenMetrics where it is named and not liked less than the text, which is also
  /// what is sent to whoever likes neither.
  package init(accepting header: String) {
    // Of each form the weight and how closely it was named: by a type, by a kind of types, by anything.
    var text = (weight: 0, closeness: 0), open = (weight: 0, closeness: 0)
    for range in header.split(separator: ",").prefix(Self.maxRangeCount) {
      var parts = range.split(separator: ";").map { String($0.filter { $0 != " " && $0 != "\t" }).lowercased() }
      if parts.isEmpty { continue }
      let type = parts.removeFirst()
      var weight = 1000, version = ""
      for part in parts {
        if part.hasPrefix("q=") { weight = Self.weight(part.dropFirst(2)) }
        if part.hasPrefix("version=") { version = part.dropFirst(8).filter { $0 != "\"" } }
      }
      func like(_ form: inout (weight: Int, closeness: Int), _ closeness: Int) {
        if closeness > form.closeness || closeness == form.closeness && weight > form.weight { form = (weight, closeness) }
      }
      switch type {
      case "application/openmetrics-text": if version.isEmpty || version == "1.0.0" || version == "0.0.1" { like(&open, 3) }
      case "text/plain": if version.isEmpty || version == "0.0.4" { like(&text, 3) }
      case "application/*": like(&open, 2)
      case "text/*": like(&text, 2)
      case "*/*":
        like(&text, 1)
        like(&open, 1)
      default: break
      }
    }
    self = open.closeness == 3 && open.weight > 0 && open.weight >= text.weight ? .openMetrics : .text
  }

  private static let maxRangeCount = 16

  // weight = "0" [ "." *3DIGIT ] / "1" [ "." *3"0" ], in thousandths; anything else counts as 0         (RFC 9110 section 12.4.2)
  private static func weight(_ text: Substring) -> Int {
    var weight = 0, place = 1000
    for (index, byte) in text.utf8.enumerated() {
      if index == 1 {
        if byte != UInt8(ascii: ".") { return 0 }
        continue
      }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), place > 0 else { return 0 }
      weight += Int(byte - UInt8(ascii: "0")) * place
      place /= 10
    }
    return min(weight, 1000)
  }
}
