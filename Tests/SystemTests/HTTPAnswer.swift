// What a server answered, taken apart strictly.

import Codecs

/// One response.
struct HTTPAnswer: Sendable {
  let status: Int
  /// Names in lower case, in the order in which they came.
  let headers: [(name: String, value: String)]
  let body: [UInt8]

  /// The value of a header that comes once; nil if it is missing, or comes again.
  subscript(_ name: String) -> String? {
    let values = headers.filter { $0.name == name }
    return values.count == 1 ? values[0].value : nil
  }

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON; `null` if it is none.
  var json: JSONValue {
    do throws(JSONError) { return try JSONDocument(body.span).root } catch { return JSONValue.nothing }
  }

  /// The stable name of the problem that a refusal carries.
  var code: String? { json["code"]?.string }

  /// The pointers and codes of the fields that a 422 names, such as `#/email invalid_email`.
  var fieldCodes: [String] {
    (json["errors"]?.elements).map { errors in
      errors.map { "\($0["pointer"]?.string ?? "?") \($0["code"]?.string ?? "?")" }
    } ?? []
  }
}

extension JSONValue {
  /// A JSON `null` that stands for what is not there.
  static let nothing: JSONValue = {
    do throws(JSONError) { return try JSONDocument(Array("null".utf8).span).root } catch { fatalError("\(error)") }
  }()
}
