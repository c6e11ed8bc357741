// Writes problem documents, and holds the problems that HTTP itself finds.

package import Codecs

extension Response {
  /// Turns what was made so far into the answer to `request` that `problem` asks for.
  mutating func become(_ problem: Problem, _ request: borrowing Request) {
    let range = request.head.path.range(from: request.base)
    request.bytes.withSpan { become(problem, instance: $0.extracting(range), requestID: request.exchange.requestID) }
  }

  /// Turns what was made so far into the answer that `problem` asks for; what it must wait for stays.
  ///
  /// - Parameter instance: the path of the request, or empty if it was not understood.
  mutating func become(_ problem: Problem, instance: Span<UInt8>, requestID: RequestID) {
    resetContent()
    status = problem.status
    contentType = .problem
    code = problem.code
    if let seconds = problem.retryAfter { header("Retry-After", String(seconds)) }
    for field in problem.headers { header(field.name, field.value) }
    writeJSON { json in problem.write(to: &json, instance: instance, requestID: requestID) }
  }
}

extension Problem {
  /// The document.
  ///
  /// - Parameter instance: the path of the request, or empty if it was not understood.
  package func write(to json: inout JSONWriter, instance: Span<UInt8>, requestID: RequestID) {
    json.beginObject()
    json.key("type")
    json.string("/problems/\(code)")
    json.key("title")
    json.string(title)
    json.key("status")
    json.integer(status.code)
    json.key("code")
    json.string(code)
    if !detail.isEmpty {
      json.key("detail")
      json.string(detail)
    }
    if !instance.isEmpty {
      json.key("instance")
      json.string(instance)
    }
    json.key("requestId")
    requestID.withSpan { json.string($0) }
    writeMembers(&json)
    json.endObject()
  }

  fileprivate func writeMembers(_ json: inout JSONWriter) {
    if !fieldErrors.isEmpty {
      json.key("errors")
      json.beginArray()
      for error in fieldErrors { error.write(&json) }
      json.endArray()
    }
    for member in members {
      json.key(member.name)
      switch member.value {
      case .string(let text): json.string(text)
      case .integer(let number): json.integer(number)
      case .strings(let texts):
        json.beginArray()
        for text in texts { json.string(text) }
        json.endArray()
      }
    }
  }
}

extension FieldError {
  fileprivate func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("pointer")
    json.string(pointer)
    json.key("code")
    json.string(code)
    json.key("detail")
    json.string(detail)
    for bound in bounds {
      json.key(bound.name)
      json.integer(bound.value)
    }
    json.endObject()
  }
}

extension Problem {
  static var notFound: Problem {
    Problem(.notFound, code: "not_found", title: "There is nothing here", detail: "no resource has this path")
  }

  static func methodNotAllowed(allowed: String) -> Problem {
    var problem = Problem(
      .methodNotAllowed, code: "method_not_allowed", title: "The method is not allowed", detail: "this path allows \(allowed)")
    problem.headers = [("Allow", allowed)]
    return problem
  }

  static var methodNotImplemented: Problem {
    Problem(
      .notImplemented, code: "not_implemented", title: "The server does not do this", detail: "the method is not known")
  }

  static func bodyTooLarge(limit: Int) -> Problem {
    Problem(
      .contentTooLarge, code: "body_too_large", title: "The body is too large", detail: "the body exceeds \(limit) bytes")
  }

  static func unsupportedMediaType(_ detail: String) -> Problem {
    Problem(
      .unsupportedMediaType, code: "unsupported_media_type", title: "The media type is not supported", detail: detail)
  }

  static var endedEarly: Problem {
    Problem(
      .badRequest, code: "malformed_request", title: "The request is malformed", detail: "the input ended inside the request")
  }

  static func requestTimeout(_ detail: String) -> Problem {
    Problem(.requestTimeout, code: "request_timeout", title: "The request took too long to arrive", detail: detail)
  }

  static var handlerTimeout: Problem {
    Problem(.serviceUnavailable, code: "timeout", title: "The answer took too long", detail: "try again later")
  }

  static var overloaded: Problem {
    var problem = Problem(
      .serviceUnavailable, code: "overloaded", title: "The server is busy", detail: "too many requests wait; try again later")
    problem.retryAfter = 1
    return problem
  }

  static var tooManyConnections: Problem {
    var problem = overloaded
    problem.detail = "too many connections are open from this address"
    return problem
  }

  static var commitOutcomeUnknown: Problem {
    Problem(
      .serviceUnavailable, code: "commit_outcome_unknown", title: "The outcome is not known",
      detail: "the disk failed while the change was written; it may or may not be kept")
  }
}
