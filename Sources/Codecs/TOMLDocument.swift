// Configuration files: a subset of TOML 1.0, read whole, with the line of every value.

/// The values of a file in the order in which they stand there.
///
/// What is accepted is TOML 1.0 and means the same there: tables, bare and dotted keys, strings on one line, decimal integers and fractions,
/// booleans, arrays of strings. Everything else is refused with its line: other kinds of values, quoted keys, inline tables, arrays of tables,
/// keys and tables that come twice, control characters, a byte order mark.
package struct TOMLDocument: Sendable {
  package struct Entry: Sendable, Equatable {
    /// With the table it stands in, and dots between.
    package let key: String
    package let value: TOMLValue
    /// Counted from 1; of the key.
    package let line: Int
  }

  package let entries: [Entry]

  package static let maxByteCount = 256 << 10
  package static let maxEntryCount = 1000
  package static let maxElementCount = 1000
  /// Names in a dotted key, with those of its table.
  package static let maxDepth = 4

  /// Reads a whole file. Takes time in the square of the number of entries, which is bounded.
  package init(_ bytes: Span<UInt8>) throws(TOMLError) {
    var reader = TOMLReader()
    try reader.read(bytes)
    entries = reader.entries
  }
}

package enum TOMLValue: Sendable, Equatable {
  case string(String)
  case integer(Int)
  /// Digits, a point and digits, as they stand there but for underscores.
  case fraction(String)
  case boolean(Bool)
  case strings([String])
}

/// Why a file is refused, and in which line.
package struct TOMLError: Error, Sendable, Equatable {
  package let line: Int
  package let problem: String
}

extension TOMLError: CustomStringConvertible {
  package var description: String { "line \(line): \(problem)" }
}
