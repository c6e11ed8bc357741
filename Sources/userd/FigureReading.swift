// Figures as a running server tells them, read back from their text: two readings make rates.

/// The samples of one scrape of our own server.
struct FigureReading {
  private struct Sample {
    let name: String
    let labels: String
    let value: Double
  }

  private var samples: [Sample] = []

  /// - Parameter text: in the Prometheus text format. Lines that are none of it are passed over.
  init(_ text: String) {
    for line in text.split(separator: "\n") where line.first != "#" {
      // A value has no space in it, and labels of ours have none behind their brace.
      guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
      let series = line[..<space]
      let brace = series.firstIndex(of: "{") ?? series.endIndex
      samples.append(Sample(name: String(series[..<brace]), labels: String(series[brace...]), value: value))
    }
  }

  /// All series of a name together, or those with a label.
  func sum(_ name: String, _ label: String = "") -> Double {
    samples.reduce(0) { $1.name == name && Self.has($1.labels, label) ? $0 + $1.value : $0 }
  }

  /// The values of one label among the series of a name, with what they have.
  func values(of label: String, in name: String) -> [(label: String, value: Double)] {
    samples.compactMap { sample in
      guard sample.name == name else { return nil }
      return (Self.value(of: label, in: sample.labels) ?? "", sample.value)
    }
  }

  /// The limit below which lies a share of what a histogram counted since an earlier reading; nil if that is nothing.
  func quantile(_ share: Double, of name: String, since earlier: FigureReading) -> String? {
    var limits: [(text: String, count: Double)] = []
    for (reading, sign) in [(self, 1.0), (earlier, -1.0)] {
      for (limit, count) in reading.values(of: "le", in: name + "_bucket") {
        if let index = limits.firstIndex(where: { $0.text == limit }) {
          limits[index].count += sign * count
        } else {
          limits.append((limit, sign * count))
        }
      }
    }
    guard let total = limits.last?.count, total > 0 else { return nil }
    return limits.first { $0.count >= share * total }?.text
  }

  private static func has(_ labels: String, _ label: String) -> Bool {
    if label.isEmpty { return true }
    return labels.dropFirst().split(separator: ",").contains { $0.hasPrefix(label) }
  }

  private static func value(of label: String, in labels: String) -> String? {
    for part in labels.dropFirst().split(separator: ",") where part.hasPrefix(label + "=\"") {
      return String(part.dropFirst(label.utf8.count + 2).prefix { $0 != "\"" })
    }
    return nil
  }
}
