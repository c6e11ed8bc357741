// The OpenAPI document (3.1), written from the routing table, the schemas and the catalogue of problems.

import Auth
import Codecs
import HTTP

/// Writes the document for a server of this version.
func openAPI(version: String) -> ByteBuffer {
  var json = JSONWriter(ByteBuffer(capacity: 192 * 1024))
  json.beginObject()
  json.member("openapi", "3.1.0")
  json.key("info")
  json.beginObject()
  json.member("title", "userd")
  json.key("version")
  json.string(version)
  json.member("summary", "Users, sessions and sign-in")
  json.member(
    "description",
    """
    Bodies are strict JSON. Errors are problem documents (RFC 9457), whose member code is the stable promise; GET /problems/{code} explains \
    each. HEAD works wherever GET does, and OPTIONS lists the methods of a path.
    """)
  json.endObject()
  json.key("servers")
  json.beginArray()
  json.beginObject()
  json.member("url", "/")
  json.endObject()
  json.endArray()
  json.writeTags()
  json.writePaths()
  json.writeComponents()
  json.endObject()
  return json.finish()
}

extension JSONWriter {
  mutating func member(_ name: StaticString, _ text: StaticString) {
    key(name)
    string(text)
  }

  private mutating func reference(_ text: String) {
    beginObject()
    key("$ref")
    string(text)
    endObject()
  }

  fileprivate mutating func writeTags() {
    key("tags")
    beginArray()
    for (name, description) in [
      ("account", "a person acting on their own account"), ("users", "accounts of others"),
      ("administration", "roles, keys, audit, and the server itself"), ("server", "health and documents"),
    ] as [(StaticString, StaticString)] {
      beginObject()
      member("name", name)
      member("description", description)
      endObject()
    }
    endArray()
  }

  // MARK: Paths

  fileprivate mutating func writePaths() {
    key("paths")
    beginObject()
    var written: Set<String> = []
    for endpoint in Endpoint.all where written.insert("\(endpoint.pattern)").inserted {
      key(endpoint.pattern)
      beginObject()
      for other in Endpoint.all where "\(other.pattern)" == "\(endpoint.pattern)" { writeOperation(other) }
      endObject()
    }
    endObject()
  }

  private mutating func writeOperation(_ endpoint: Endpoint) {
    key(utf8: "\(endpoint.method.name)".lowercased())
    beginObject()
    member("operationId", endpoint.name)
    member("summary", endpoint.summary)
    key("tags")
    beginArray()
    string(endpoint.tag)
    endArray()
    writeSecurity(endpoint)
    if !endpoint.parameters.isEmpty {
      key("parameters")
      beginArray()
      for parameter in endpoint.parameters { reference("#/components/parameters/\(parameter.key)") }
      endArray()
    }
    writeBody(endpoint.body)
    key("responses")
    beginObject()
    writeSuccess(endpoint)
    writeProblems(endpoint)
    endObject()
    endObject()
  }

  /// Endpoints of the owner need no token, but the Unix socket beside the data.
  private mutating func writeSecurity(_ endpoint: Endpoint) {
    key("security")
    beginArray()
    switch endpoint.access {
    case .anyone, .uncounted, .observer, .holder, .owner: break
    case .eitherToken:
      beginObject()
      endObject()
      writeBearer()
    case .bearer, .bearerEvenIfRestricted, .credential, .recentLogin, .permission: writeBearer()
    }
    endArray()
    key("description")
    if case .owner = endpoint.access {
      string("Who may call: the owner of the data folder, on the Unix socket admin.sock there. Elsewhere there is nothing.")
    } else {
      string("Who may call: \(endpoint.who).")
    }
  }

  private mutating func writeBearer() {
    beginObject()
    key("bearer")
    beginArray()
    endArray()
    endObject()
  }

  private mutating func writeBody(_ body: Endpoint.Body) {
    guard let schema = body.schema else { return }
    key("requestBody")
    beginObject()
    if case .optional = body {
    } else {
      key("required")
      boolean(true)
    }
    key("content")
    beginObject()
    writeContent("application/json", schema)
    if case .jsonOrForm = body { writeContent("application/x-www-form-urlencoded", schema, ignoresOthers: true) }
    if case .mergePatch = body { writeContent("application/merge-patch+json", schema) }
    endObject()
    endObject()
  }

  /// - Parameter ignoresOthers: parameters that nobody knows are ignored, as RFC 6749 section 3.2 wants of forms; such a schema has no name.
  private mutating func writeContent(_ type: StaticString, _ schema: Schema, ignoresOthers: Bool = false) {
    key(type)
    beginObject()
    key("schema")
    if ignoresOthers { write(schema, ignoresOthers: true) } else { reference("#/components/schemas/\(schema.name)") }
    key("examples")
    beginObject()
    key(schema.name)
    reference("#/components/examples/\(schema.name)")
    endObject()
    endObject()
  }

  private mutating func writeSuccess(_ endpoint: Endpoint) {
    let success = endpoint.success
    key(utf8: "\(success.status.code)")
    beginObject()
    member(
      "description", success.schema?.summary ?? (success.text.utf8CodeUnitCount > 0 ? "the document" : "done; there is no body"))
    key("headers")
    beginObject()
    writeHeader("X-Request-Id")
    for name in words(success.headers) { writeHeader(name) }
    if endpoint.parameters.contains(.idempotencyKey) { writeHeader("Idempotency-Replayed") }
    endObject()
    if let schema = success.schema {
      key("content")
      beginObject()
      writeContent("application/json", schema)
      endObject()
    } else if success.text.utf8CodeUnitCount > 0 {
      key("content")
      beginObject()
      key(success.text)
      beginObject()
      endObject()
      endObject()
    }
    endObject()
    if endpoint.parameters.contains(.ifNoneMatch) {
      key("304")
      beginObject()
      member("description", "the client has it already")
      endObject()
    }
  }

  private mutating func writeHeader(_ name: String) {
    key(utf8: name)
    reference("#/components/headers/\(name)")
  }

  /// One reference for each status; its name holds the codes, so that equal ones share a component.
  private mutating func writeProblems(_ endpoint: Endpoint) {
    for codes in endpoint.problemsByStatus {
      key(utf8: "\(codes[0].status.code)")
      if codes[0].status == endpoint.success.otherwise, let schema = endpoint.success.schema {
        writeResponse(codes, or: schema)
        continue
      }
      reference("#/components/responses/\(componentName(codes))")
    }
  }

  // MARK: Components

  fileprivate mutating func writeComponents() {
    key("components")
    beginObject()
    key("securitySchemes")
    beginObject()
    key("bearer")
    beginObject()
    member("type", "http")
    member("scheme", "bearer")
    member("description", "an access token, as a login hands it out, or an API key")
    endObject()
    endObject()
    writeSchemas()
    key("parameters")
    beginObject()
    for parameter in Parameter.allCases { write(parameter) }
    endObject()
    writeHeaders()
    key("examples")
    beginObject()
    for schema in Schema.all {
      key(schema.name)
      beginObject()
      key("value")
      writeExample(of: schema)
      endObject()
    }
    endObject()
    writeResponses()
    endObject()
  }

  private mutating func writeHeaders() {
    key("headers")
    beginObject()
    for (name, description) in [
      ("ETag", "the entity tag of this state"), ("Location", "where the new object is"),
      ("Idempotency-Replayed", "true if the answer is one that was given before"),
      ("Link", "the next page, if there is one (RFC 8288)"), ("Retry-After", "seconds until another try makes sense"),
      ("RateLimit", "how much is left of the limit that was met"), ("RateLimit-Policy", "the limit that was met"),
      ("WWW-Authenticate", "how to prove who asks"), ("X-Request-Id", "the name of the request in the log"),
      ("X-Auth-User", "whose request it is"), ("X-Auth-Role", "their role; empty for a key that lacks anything of it"),
      ("X-Auth-Session", "their session; empty for a key"),
    ] as [(StaticString, StaticString)] {
      key(name)
      beginObject()
      member("description", description)
      key("schema")
      beginObject()
      member("type", "string")
      endObject()
      endObject()
    }
    endObject()
  }

  private mutating func write(_ parameter: Parameter) {
    key(parameter.key)
    beginObject()
    member("name", parameter.name)
    member("in", parameter.place.name)
    member("description", parameter.note)
    if parameter.isRequired {
      key("required")
      boolean(true)
    }
    key("schema")
    write(parameter.shape)
    endObject()
  }

  private mutating func writeResponses() {
    key("responses")
    beginObject()
    var written: Set<String> = []
    for endpoint in Endpoint.all {
      for codes in endpoint.problemsByStatus {
        let name = componentName(codes)
        if written.insert(name).inserted {
          key(utf8: name)
          writeResponse(codes)
        }
      }
    }
    endObject()
  }

  /// - Parameter schema: an object that the same status can come with.
  private mutating func writeResponse(_ kinds: [ProblemKind], or schema: Schema? = nil) {
    beginObject()
    key("description")
    string(kinds.map { "\($0.code): \($0.title)" }.joined(separator: "; "))
    key("headers")
    beginObject()
    writeHeader("X-Request-Id")
    for name in kinds[0].status.headers { writeHeader(name) }
    endObject()
    key("content")
    beginObject()
    if let schema { writeContent("application/json", schema) }
    key("application/problem+json")
    beginObject()
    key("schema")
    beginObject()
    key("allOf")
    beginArray()
    reference("#/components/schemas/Problem")
    beginObject()
    key("properties")
    beginObject()
    key("code")
    beginObject()
    key("enum")
    beginArray()
    for kind in kinds { string(kind.code) }
    endArray()
    endObject()
    endObject()
    endObject()
    endArray()
    endObject()
    endObject()
    endObject()
    endObject()
  }
}

private func componentName(_ kinds: [ProblemKind]) -> String { kinds.map { "\($0.code)" }.joined(separator: ".") }

extension Endpoint {
  /// Its problems, those of one status together.
  fileprivate var problemsByStatus: [[ProblemKind]] {
    var statuses: [[ProblemKind]] = []
    for kind in problemKinds {
      if let index = statuses.firstIndex(where: { $0[0].status == kind.status }) {
        statuses[index].append(kind)
      } else {
        statuses.append([kind])
      }
    }
    return statuses
  }
}

extension Status {
  /// Header fields that explain a refusal with this status.
  fileprivate var headers: [String] {
    if self == .unauthorized { return ["WWW-Authenticate"] }
    if self == .tooManyRequests { return ["Retry-After", "RateLimit", "RateLimit-Policy"] }
    return self == .serviceUnavailable ? ["Retry-After"] : []
  }
}
