// The query of a list: what every list takes, and what only some do.

import Auth
import Codecs
import HTTP

/// The parameters of a request for a list, each known to it and there once.
struct ListParameters {
  let limit: Int
  let cursor: String?
  /// All but `limit` and `cursor`, in the order of the request.
  let filters: [(name: String, value: String)]

  /// - Parameter names: what the list takes beside `limit` and `cursor`.
  /// - Throws: 400 `invalid_request` for a parameter that is unknown or comes twice, and for a limit that is none.
  init(_ request: borrowing Request, knows names: [StaticString]) throws(Problem) {
    guard let items = request.queryItems() else {
      throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8")
    }
    var limit = ListLimits.defaultCount
    var cursor: String?
    var filters: [(name: String, value: String)] = []
    var seen: Set<String> = []
    for (name, value) in items {
      let isKnown = name == "limit" || name == "cursor" || names.contains { name.utf8.span.equals($0) }
      guard isKnown else {
        let known = (names.map { "\($0)" } + ["limit"]).joined(separator: ", ")
        throw ProblemKind.invalidRequest.problem("there is no parameter of this name; \(known) and cursor are known")
      }
      guard seen.insert(name).inserted else { throw ProblemKind.invalidRequest.problem("the parameter \(name) comes twice") }
      switch name {
      case "limit":
        guard value.utf8.count <= 4, let number = UInt16(value), ListLimits.counts.contains(Int(number)) else {
          let limits = ListLimits.counts
          throw ProblemKind.invalidRequest.problem("limit is a number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        limit = Int(number)
      case "cursor": cursor = value
      default: filters.append((name, value))
      }
    }
    self.limit = limit
    self.cursor = cursor
    self.filters = filters
  }
}

extension Response {
  /// Answers with one page of a list, and the link to the next one (RFC 8288): the same question with another cursor.
  ///
  /// - Parameter path: where the list is; it needs no escapes.
  mutating func write<Item>(
    _ page: ListPage<Item>, _ parameters: ListParameters, at path: String, _ write: (inout JSONWriter, Item) -> Void
  ) {
    if let cursor = page.nextCursor {
      var target = "\(path)?limit=\(parameters.limit)"
      for (name, value) in parameters.filters { target += "&\(name)=\(PercentEncoding.encodedString(value.utf8.span))" }
      header("Link", "<\(target)&cursor=\(cursor)>; rel=\"next\"")
    }
    json { json in
      json.beginObject()
      json.key("data")
      json.beginArray()
      for item in page.items { write(&json, item) }
      json.endArray()
      json.page(nextCursor: page.nextCursor)
      if let total = page.total {
        json.key("total")
        json.integer(total)
      }
      json.endObject()
    }
  }
}

extension JSONWriter {
  /// The end of a list: where it goes on, if it does.
  mutating func page(nextCursor: String?) {
    key("page")
    beginObject()
    key("nextCursor")
    optional(nextCursor)
    key("hasMore")
    boolean(nextCursor != nil)
    endObject()
  }
}
