// The declaration file for TypeScript: every object and request as an interface, and what each endpoint takes and gives.

import Auth
import Codecs
import HTTP

/// Writes the declarations for a server of this version. They hold under `strict`.
func typeScript(version: String) -> ByteBuffer {
  var text = ByteBuffer(capacity: 48 * 1024)
  text.append("// The HTTP contract of userd ")
  text.append(utf8: version)
  text.append(". Errors are answered with a Problem.\n\n")
  text.declare("Permission", Permission.allCases.map(\.rawValue))
  text.declare("ProblemCode", ProblemKind.all.map { "\($0.code)" })
  for schema in Schema.all { text.declare(schema) }
  text.append("export type AuthResponse = Auth;\n\n")
  text.declareEndpoints()
  text.append(
    """
    /** What a call of an endpoint needs: parts of the path, query, header fields, body. */
    export type Input<E extends keyof Endpoints> = Omit<Endpoints[E], "answer">;

    /** What an endpoint answers if all goes well. */
    export type Answer<E extends keyof Endpoints> = Endpoints[E]["answer"];

    /** A client of the contract, whatever it is made of. */
    export interface Client {
      call<E extends keyof Endpoints>(endpoint: E, input: Input<E>): Promise<Answer<E>>;
    }

    """)
  return text
}

extension ByteBuffer {
  fileprivate mutating func declare(_ name: StaticString, _ words: [String]) {
    append("export type ")
    append(name)
    append(" =")
    for word in words {
      append("\n  | \"")
      append(utf8: word)
      append("\"")
    }
    append(";\n\n")
  }

  fileprivate mutating func declare(_ schema: Schema) {
    comment(schema.summary, indent: "")
    append("export interface ")
    append(schema.name)
    append(" {\n")
    for member in schema.members {
      comment(member.note, indent: "  ")
      append("  ")
      append(member.name)
      append(member.isRequired ? ": " : "?: ")
      append(member.shape)
      append(";\n")
    }
    // Without it an interface without members would take every value.
    if schema.members.isEmpty { append("  [name: string]: never;\n") }
    append("}\n\n")
  }

  private mutating func comment(_ text: StaticString, indent: StaticString) {
    guard text.utf8CodeUnitCount > 0 else { return }
    append(indent)
    append("/** ")
    append(text)
    append(" */\n")
  }

  private mutating func append(_ shape: Shape) {
    var element = shape
    element.isList = false
    element.isMap = false
    element.isNullable = false
    if shape.isMap {
      append("Record<string, ")
      append(element)
      append(">")
    } else if shape.isList {
      append("Array<")
      append(element)
      append(">")
    } else {
      switch shape.kind {
      case .text: append("string")
      case .integer: append("number")
      case .boolean: append("boolean")
      case .free: append("Record<string, unknown>")
      case .named: append(shape.of)
      case .words: append(utf8: words(shape.of).map { "\"\($0)\"" }.joined(separator: " | "))
      }
    }
    if shape.isNullable { append(" | null") }
  }

  fileprivate mutating func declareEndpoints() {
    append("/** Every endpoint by its method and path: what it takes, and what it answers. */\nexport interface Endpoints {\n")
    for endpoint in Endpoint.all {
      comment(endpoint.summary, indent: "  ")
      append("  \"")
      append(endpoint.method.name)
      append(" ")
      append(endpoint.pattern)
      append("\": { ")
      declare("path", endpoint, .path)
      declare("query", endpoint, .query)
      declare("headers", endpoint, .header)
      if let schema = endpoint.body.schema {
        if case .optional = endpoint.body { append("body?: ") } else { append("body: ") }
        append(schema.name)
        append("; ")
      }
      append("answer: ")
      if let schema = endpoint.success.schema {
        append(schema.name)
      } else {
        append(endpoint.success.text.utf8CodeUnitCount > 0 ? "string" : "void")
      }
      append(" };\n")
    }
    append("}\n\n")
  }

  private mutating func declare(_ name: StaticString, _ endpoint: Endpoint, _ place: Parameter.Place) {
    let parameters = endpoint.parameters.filter { $0.place == place }
    guard !parameters.isEmpty else { return }
    append(name)
    append(parameters.contains(where: \.isRequired) ? ": { " : "?: { ")
    for parameter in parameters {
      append("\"")
      append(parameter.name)
      append(parameter.isRequired ? "\": " : "\"?: ")
      append(parameter.shape)
      append("; ")
    }
    append("}; ")
  }
}
