// Schemas and their examples as the OpenAPI document has them (JSON Schema, draft 2020-12).

import Auth
import Codecs
import HTTP

extension JSONWriter {
  mutating func writeSchemas() {
    key("schemas")
    beginObject()
    for schema in Schema.all {
      key(schema.name)
      write(schema)
    }
    key("Permission")
    beginObject()
    member("type", "string")
    member("description", "something that may be allowed")
    key("enum")
    beginArray()
    for permission in Permission.allCases { string(permission.rawValue) }
    endArray()
    endObject()
    key("ProblemCode")
    beginObject()
    member("type", "string")
    member("description", "a kind of problem; codes are added, never renamed")
    key("enum")
    beginArray()
    for kind in ProblemKind.all { string(kind.code) }
    endArray()
    endObject()
    endObject()
  }

  mutating func write(_ schema: Schema, ignoresOthers: Bool = false) {
    beginObject()
    member("type", "object")
    member("description", schema.summary)
    if schema.members.contains(where: \.isRequired) {
      key("required")
      beginArray()
      for member in schema.members where member.isRequired { string(member.name) }
      endArray()
    }
    key("properties")
    beginObject()
    for member in schema.members {
      key(member.name)
      write(member.shape, member.note)
    }
    endObject()
    if schema.isRequest, !ignoresOthers {
      key("additionalProperties")
      boolean(false)
    }
    endObject()
  }

  /// A type where one is asked for, with the description that belongs there.
  mutating func write(_ shape: Shape, _ note: StaticString = "") {
    beginObject()
    if note.utf8CodeUnitCount > 0 { member("description", note) }
    var element = shape
    element.isList = false
    element.isMap = false
    if shape.isMap {
      member("type", "object")
      key("additionalProperties")
      write(element)
    } else if shape.isList {
      member("type", "array")
      key("items")
      write(element)
      if shape.listMax > 0 {
        key("maxItems")
        integer(shape.listMax)
      }
    } else {
      writeSingle(shape)
    }
    endObject()
  }

  private mutating func writeSingle(_ shape: Shape) {
    switch shape.kind {
    case .named where shape.isNullable:
      key("anyOf")
      beginArray()
      var present = shape
      present.isNullable = false
      write(present)
      beginObject()
      member("type", "null")
      endObject()
      endArray()
    case .named:
      key("$ref")
      string("#/components/schemas/\(shape.of)")
    case .text: writeText(shape)
    case .integer:
      writeType("integer", shape)
      key("minimum")
      integer(shape.min)
      if shape.max > 0 {
        key("maximum")
        integer(shape.max)
      }
    case .boolean: writeType("boolean", shape)
    case .free: writeType("object", shape)
    case .words:
      writeType("string", shape)
      key("enum")
      beginArray()
      for word in words(shape.of) { string(word) }
      if shape.isNullable { null() }
      endArray()
    }
  }

  private mutating func writeText(_ shape: Shape) {
    writeType("string", shape)
    if shape.format.utf8CodeUnitCount > 0 { member("format", shape.format) }
    if shape.pattern.utf8CodeUnitCount > 0 { member("pattern", shape.pattern) }
    if shape.min > 0 {
      key("minLength")
      integer(shape.min)
    }
    if shape.max > 0 {
      key("maxLength")
      integer(shape.max)
    }
  }

  private mutating func writeType(_ name: StaticString, _ shape: Shape) {
    key("type")
    guard shape.isNullable else { return string(name) }
    beginArray()
    string(name)
    string("null")
    endArray()
  }

  // MARK: Examples

  mutating func writeExample(of schema: Schema) {
    beginObject()
    for member in schema.members where member.isInExample {
      key(member.name)
      writeExample(of: member.shape)
    }
    endObject()
  }

  private mutating func writeExample(of shape: Shape) {
    var element = shape
    element.isList = false
    element.isMap = false
    if shape.isMap {
      beginObject()
      key("example")
      writeExample(of: element)
      endObject()
    } else if shape.isList {
      beginArray()
      writeExample(of: element)
      endArray()
    } else {
      switch shape.kind {
      case .text: string(shape.example)
      case .integer: raw("\(shape.example)".utf8.span)
      case .boolean: boolean(false)
      case .free:
        beginObject()
        endObject()
      case .words: string(words(shape.of)[0])
      case .named: writeExample(ofNamed: "\(shape.of)")
      }
    }
  }

  private mutating func writeExample(ofNamed name: String) {
    if let schema = Schema.all.first(where: { "\($0.name)" == name }) { return writeExample(of: schema) }
    // Permission and ProblemCode are sets of words.
    if name == "Permission" { return string(Permission.usersRead.rawValue) }
    string(ProblemKind.validationFailed.code)
  }
}
