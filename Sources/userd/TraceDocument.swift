// Traced requests as the collector reads them: OTLP in its JSON encoding.

import Codecs
import HTTP
import Platform

/// Writes batches of spans (opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest).
///
/// The encoding is that of protobuf's JSON mapping with two exceptions of OTLP: trace and span ids are hexadecimal, and enumerations are
/// numbers. Numbers of 64 bits are texts. There is no path, address, account or header in it: what a span says of a request is what its line
/// in the log says, less who asked.
struct TraceDocument: Sendable {
  let version: String
  /// Tells this process from others of the same service.
  let instance: UUID
  /// Names the spans within a request.
  let random: RandomSource

  /// One document.
  ///
  /// - Parameter wallOffset: what is added to the monotonic clock to have the nanoseconds since 1970.
  func encode(_ requests: [TracedRequest], wallOffset: UInt64) -> ByteBuffer {
    var json = JSONWriter(ByteBuffer(capacity: 64 << 10))
    json.beginObject()
    json.key("resourceSpans")
    json.beginArray()
    json.beginObject()
    json.key("resource")
    json.beginObject()
    json.key("attributes")
    json.beginArray()
    attribute("service.name", "userd", &json)
    attribute("service.version", version, &json)
    attribute("service.instance.id", instance.description, &json)
    json.endArray()
    json.endObject()
    json.key("scopeSpans")
    json.beginArray()
    json.beginObject()
    json.key("scope")
    json.beginObject()
    json.key("name")
    json.string("userd" as StaticString)
    json.endObject()
    json.key("spans")
    json.beginArray()
    for request in requests { write(request, wallOffset, &json) }
    json.endArray()
    json.endObject()
    json.endArray()
    json.endObject()
    json.endArray()
    json.endObject()
    return json.finish()
  }

  /// The span of the request, and those within it.
  private func write(_ request: TracedRequest, _ wallOffset: UInt64, _ json: inout JSONWriter) {
    let context = request.context
    let method = request.method?.name ?? "HTTP"
    begin(context, context.spanID, parent: context.parentID, kind: 2, isRemote: context.parentID != 0, &json)
    json.key("name")
    if let route = request.route { json.string("\(method) \(route)") } else { json.string(method) }
    time(request.startNanoseconds, request.endNanoseconds, wallOffset, &json)
    if !request.state.isEmpty {
      json.key("traceState")
      json.string(request.state.span)
    }
    json.key("attributes")
    json.beginArray()
    attribute("http.request.method", request.method.map { "\($0.name)" } ?? "_OTHER", &json)
    if let route = request.route { attribute("http.route", "\(route)", &json) }
    attribute("http.response.status_code", request.status.code, &json)
    attribute("userd.request_id", request.requestID.description, &json)
    attribute("userd.answer_bytes", request.byteCount, &json)
    if let code = request.code { attribute("error.type", "\(code)", &json) }
    if request.isCut { attribute("userd.end", "cut", &json) }
    if request.sheet.lostCount > 0 { attribute("userd.spans_left_out", request.sheet.lostCount, &json) }
    json.endArray()
    // STATUS_CODE_ERROR is for what the server did wrong.
    if request.status.code >= 500 || request.isCut { status(2, &json) }
    json.endObject()
    writeWithin(request, wallOffset, &json)
  }

  /// What took time within a request: below the handler in whose time it lies, else below the request itself.
  private func writeWithin(_ request: TracedRequest, _ wallOffset: UInt64, _ json: inout JSONWriter) {
    let (context, sheet) = (request.context, request.sheet)
    let names = (0..<sheet.count).map { _ in newSpanID() }
    for index in 0..<sheet.count {
      let span = sheet[index]
      var parent = context.spanID
      if span.kind != .handler {
        for other in 0..<sheet.count
        where sheet[other].kind == .handler && sheet[other].start <= span.start && span.end <= sheet[other].end {
          parent = names[other]
        }
      }
      begin(context, names[index], parent: parent, kind: 1, isRemote: false, &json)
      json.key("name")
      json.string(Self.name(span.kind))
      time(span.start, span.end, wallOffset, &json)
      json.endObject()
    }
  }

  private static func name(_ kind: SpanTime.Kind) -> StaticString {
    switch kind {
    case .queue: "queue"
    case .handler: "handler"
    case .transaction: "transaction"
    case .syncWait: "sync wait"
    case .hash: "password hash"
    }
  }

  private func begin(
    _ context: TraceContext, _ spanID: UInt64, parent: UInt64, kind: Int, isRemote: Bool, _ json: inout JSONWriter
  ) {
    json.beginObject()
    var digits = ByteBuffer(capacity: 32)
    context.appendTraceID(to: &digits)
    json.key("traceId")
    digits.withSpan { json.string($0) }
    digits.removeAll()
    Hex.append(spanID, to: &digits)
    json.key("spanId")
    digits.withSpan { json.string($0) }
    if parent != 0 {
      digits.removeAll()
      Hex.append(parent, to: &digits)
      json.key("parentSpanId")
      digits.withSpan { json.string($0) }
    }
    // The sampled flag, SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE and SPAN_FLAGS_CONTEXT_IS_REMOTE.
    json.key("flags")
    json.integer(isRemote ? 0x301 : 0x101)
    json.key("kind")
    json.integer(kind)
  }

  private func time(_ start: UInt64, _ end: UInt64, _ wallOffset: UInt64, _ json: inout JSONWriter) {
    json.key("startTimeUnixNano")
    json.string("\(start &+ wallOffset)")
    json.key("endTimeUnixNano")
    json.string("\(end &+ wallOffset)")
  }

  private func status(_ code: Int, _ json: inout JSONWriter) {
    json.key("status")
    json.beginObject()
    json.key("code")
    json.integer(code)
    json.endObject()
  }

  private func attribute(_ key: StaticString, _ value: String, _ json: inout JSONWriter) {
    beginAttribute(key, &json)
    json.key("stringValue")
    json.string(value)
    json.endObject()
    json.endObject()
  }

  private func attribute(_ key: StaticString, _ value: Int, _ json: inout JSONWriter) {
    beginAttribute(key, &json)
    json.key("intValue")
    json.string("\(value)")
    json.endObject()
    json.endObject()
  }

  private func beginAttribute(_ key: StaticString, _ json: inout JSONWriter) {
    json.beginObject()
    json.key("key")
    json.string(key)
    json.key("value")
    json.beginObject()
  }

  private func newSpanID() -> UInt64 { max(1, random.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }) }
}
