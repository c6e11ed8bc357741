// The OpenAPI document and the declarations for TypeScript: whole, consistent, and served as documents are.

import Auth
import Codecs
import HTTP
import Testing

@testable import API

@Suite struct ContractDocumentTests {
  static let openAPI = ContractDocuments(version: "0.0.0").openAPI.bytes
  static let typeScript = String(decoding: ContractDocuments(version: "0.0.0").typeScript.bytes, as: UTF8.self)

  @Test func `every reference of the OpenAPI document leads to a component, and every component is referred to`() throws {
    let root = try JSONDocument(Self.openAPI.span).root
    var referred: Set<String> = []
    func walk(_ value: JSONValue) {
      for member in value.members {
        if member.name == "$ref", let target = member.value.string { referred.insert(target) }
        walk(member.value)
      }
      for element in value.elements { walk(element) }
    }
    walk(root)
    var components: Set<String> = []
    for kind in try #require(root["components"]).members where kind.name != "securitySchemes" {
      for component in kind.value.members { components.insert("#/components/\(kind.name)/\(component.name)") }
    }
    #expect(referred.subtracting(components) == [])
    // Examples of objects within others stand beside them for readers, and so do the permissions.
    let unused = components.subtracting(referred).filter {
      !$0.hasPrefix("#/components/examples/") && $0 != "#/components/schemas/Permission"
    }
    #expect(unused == [])
  }

  @Test func `the OpenAPI document has each row with its parameters, body, answer and every problem`() throws {
    let root = try JSONDocument(Self.openAPI.span).root
    #expect(root["openapi"]?.string == "3.1.0" && root["info"]?["version"]?.string == "0.0.0")
    var names: Set<String> = []
    for endpoint in Endpoint.all {
      let path = root["paths"]?.members.first { $0.name == "\(endpoint.pattern)" }?.value
      let found = path?.members.first { $0.name == "\(endpoint.method.name)".lowercased() }?.value
      let operation = try #require(found, "\(endpoint.method.name) \(endpoint.pattern)")
      #expect(operation["operationId"]?.string == "\(endpoint.name)")
      let isNew = names.insert("\(endpoint.name)").inserted
      #expect(isNew, "\(endpoint.name) twice")
      #expect(operation["parameters"]?.count ?? 0 == endpoint.parameters.count)
      #expect((operation["requestBody"] == nil) == (endpoint.body.schema == nil))
      #expect((operation["security"]?.count ?? 0 > 0) == (endpoint.wantsToken || endpoint.who == "access or refresh token"))
      let statuses = operation["responses"]?.members.map(\.name) ?? []
      #expect(statuses.contains("\(endpoint.success.status.code)"))
      for kind in endpoint.problemKinds { #expect(statuses.contains("\(kind.status.code)"), "\(endpoint.name) \(kind.code)") }
    }
    #expect(root["paths"]?.count == Set(Endpoint.all.map { "\($0.pattern)" }).count)
  }

  @Test func `each word that a row says about itself is known`() {
    let codes = Set(ProblemKind.all.map { "\($0.code)" })
    for endpoint in Endpoint.all {
      for code in words(endpoint.problems) { #expect(codes.contains(code), "\(endpoint.name): \(code)") }
      let inPath = "\(endpoint.pattern)".split(separator: "/").filter { $0.hasPrefix("{") }.map {
        String($0.dropFirst().dropLast())
      }
      #expect(endpoint.parameters.filter { $0.place == .path }.map { "\($0.name)" } == inPath, "\(endpoint.name)")
      if let schema = endpoint.body.schema { #expect(schema.isRequest, "\(schema.name)") }
      if let schema = endpoint.success.schema { #expect(!schema.isRequest, "\(schema.name)") }
      if case .optional(let schema) = endpoint.body { #expect(!schema.members.contains { $0.isRequired }, "\(schema.name)") }
      #expect(!"\(endpoint.summary)".hasSuffix("."))
    }
    for parameter in Parameter.allCases {
      for code in words(parameter.problems) { #expect(codes.contains(code), "\(parameter.name): \(code)") }
      #expect(Endpoint.all.contains { $0.parameters.contains(parameter) }, "nobody reads \(parameter.name)")
    }
    #expect(Set(Parameter.allCases.map { "\($0.key)" }).count == Parameter.allCases.count)
  }

  @Test func `every schema has one name, is used, and names only others that are there`() {
    let names = Schema.all.map { "\($0.name)" }
    #expect(Set(names).count == names.count)
    var used: Set<String> = []
    for endpoint in Endpoint.all {
      for schema in [endpoint.body.schema, endpoint.success.schema] { if let schema { used.insert("\(schema.name)") } }
    }
    used.formUnion(["Problem"])
    for schema in Schema.all {
      for member in schema.members where member.shape.kind == .named {
        let name = "\(member.shape.of)"
        #expect(names.contains(name) || ["Permission", "ProblemCode"].contains(name), "\(schema.name).\(member.name)")
        used.insert(name)
      }
      #expect(Set(schema.members.map { "\($0.name)" }).count == schema.members.count, "\(schema.name)")
      for text in ["\(schema.summary)"] + schema.members.map({ "\($0.note)" }) {
        #expect(!text.contains("*/") && !text.contains("\"") && !text.contains("\\"), "\(text)")
      }
    }
    #expect(Set(names).subtracting(used) == [])
  }

  @Test func `the declarations have every object, every request and every endpoint`() {
    let text = Self.typeScript
    for schema in Schema.all {
      #expect(text.contains("\nexport interface \(schema.name) {\n"), "\(schema.name)")
      for member in schema.members { #expect(text.contains("\n  \(member.name)\(member.isRequired ? "" : "?"): ")) }
    }
    for endpoint in Endpoint.all { #expect(text.contains("\n  \"\(endpoint.method.name) \(endpoint.pattern)\": { ")) }
    #expect(text.contains("\nexport type AuthResponse = Auth;\n"))
  }

  @Test(arguments: ["/openapi.json", "/types.d.ts"])
  func `a document is served with its type and a tag, and not sent again to whoever has it`(_ path: String) throws {
    let server = try APIServer()
    let answer = try server.ask("GET", path)
    #expect(answer.status == 200)
    let document = path == "/openapi.json" ? server.services.documents.openAPI : server.services.documents.typeScript
    #expect(Array(answer.text.utf8) == document.bytes)
    #expect(
      answer.header("Content-Type") == (path == "/openapi.json" ? "application/json" : "application/typescript; charset=utf-8"))
    #expect(answer.header("Cache-Control") == "public, no-cache")
    let tag = try #require(answer.header("ETag"))
    for value in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
      let again = try server.ask("GET", path, fields: ["If-None-Match: \(value)"])
      #expect(again.status == 304 && again.text.isEmpty && again.header("ETag") == tag, "\(value)")
    }
    #expect(try server.ask("GET", path, fields: ["If-None-Match: \"other\""]).status == 200)
    #expect(try server.ask("HEAD", path).header("Content-Length") == "\(document.bytes.count)")
    #expect(try server.ask("POST", path, "{}").code == "method_not_allowed")
  }
}
