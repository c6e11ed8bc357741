// Figures as text: the Prometheus format 0.0.4, and OpenMetrics 1.0, which differs in a few lines.

import API
import Codecs
import Platform

/// Writes families of metrics, each once. Values are whole numbers, or nanoseconds that become seconds: nothing is rounded.
struct MetricsText: ~Copyable {
  /// A label with its value.
  typealias Label = (name: StaticString, value: String)

  private var output: ByteBuffer
  private let format: MetricsFormat
  /// The metric whose samples come now.
  private var current: Metric?

  init(_ format: MetricsFormat, into output: consuming ByteBuffer) {
    self.format = format
    self.output = output
  }

  consuming func finish() -> ByteBuffer {
    if format == .openMetrics { output.append("# EOF\n") }
    return output
  }

  /// Begins a family; its samples follow.
  mutating func begin(_ name: StaticString) {
    guard
      let metric = Metric.all.first(where: { $0.name.utf8CodeUnitCount == name.utf8CodeUnitCount && "\($0.name)" == "\(name)" })
    else { preconditionFailure("no metric \(name)") }
    current = metric
    // OpenMetrics names the family of a counter without the suffix of its samples.
    let isPlainCounter = if case .counter = metric.kind { format == .text } else { false }
    func line(_ keyword: StaticString, _ text: StaticString) {
      output.append("# ")
      output.append(keyword)
      output.append(" ")
      output.append(metric.name)
      output.append(isPlainCounter ? "_total " : " ")
      output.append(text)
      output.append("\n")
    }
    line("HELP", metric.help)
    line("TYPE", metric.kindName)
    if format == .openMetrics, metric.unit.utf8CodeUnitCount > 0 { line("UNIT", metric.unit) }
  }

  mutating func sample(_ value: Int, _ labels: Label...) {
    name(isCounter ? "_total" : "", labels)
    output.append(decimal: value)
    output.append("\n")
  }

  mutating func sample(seconds nanoseconds: UInt64, _ labels: Label...) {
    name(isCounter ? "_total" : "", labels)
    append(seconds: nanoseconds)
    output.append("\n")
  }

  /// A family of one sample.
  mutating func family(_ name: StaticString, _ value: Int) {
    begin(name)
    sample(value)
  }

  mutating func family(_ name: StaticString, _ histogram: Histogram) {
    begin(name)
    sample(histogram)
  }

  mutating func sample(_ histogram: Histogram, _ labels: Label...) {
    guard case .histogram(let scale) = current?.kind else { preconditionFailure("no histogram has begun") }
    var count: UInt64 = 0
    for (index, limit) in Histogram.limits(scale).enumerated() {
      count &+= histogram.buckets[index]
      name("_bucket", labels + [("le", "\(limit)")])
      output.append(decimal: count)
      output.append("\n")
    }
    name("_sum", labels)
    switch scale {
    case .nanoseconds: append(seconds: histogram.sum)
    case .count: output.append(decimal: histogram.sum)
    }
    output.append("\n")
    name("_count", labels)
    output.append(decimal: count)
    output.append("\n")
  }

  private var isCounter: Bool { if case .counter = current?.kind { true } else { false } }

  private mutating func name(_ suffix: StaticString, _ labels: [Label]) {
    guard let metric = current else { preconditionFailure("no family has begun") }
    output.append(metric.name)
    if suffix.utf8CodeUnitCount > 0 { output.append(suffix) }
    for (index, label) in labels.enumerated() {
      output.append(index == 0 ? "{" : ",")
      output.append(label.name)
      output.append("=\"")
      for byte in label.value.utf8 {
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "\""):
          output.append(UInt8(ascii: "\\"))
          output.append(byte)
        case UInt8(ascii: "\n"): output.append("\\n")
        default: output.append(byte)
        }
      }
      output.append("\"")
    }
    output.append(labels.isEmpty ? " " : "} ")
  }

  private mutating func append(seconds nanoseconds: UInt64) {
    output.append(decimal: nanoseconds / 1_000_000_000)
    output.append(".")
    output.append(decimal: nanoseconds % 1_000_000_000, width: 9)
  }
}
