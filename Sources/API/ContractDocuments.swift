// GET /openapi.json and /types.d.ts: the contract in the languages of other programs.

import Codecs
import HTTP
import Synchronization

/// The documents that are written from the routing table, each made when somebody first asks for it: that takes some milliseconds and some
/// hundred kilobytes, which most servers never need. Any thread may ask; whoever asks meanwhile waits.
package final class ContractDocuments: Sendable {
  private let version: String
  private let madeOpenAPI = Mutex<Document?>(nil)
  private let madeTypeScript = Mutex<Document?>(nil)

  package init(version: String) { self.version = version }

  package var openAPI: Document { Self.document(madeOpenAPI) { API.openAPI(version: version) } }
  package var typeScript: Document { Self.document(madeTypeScript) { API.typeScript(version: version) } }

  private static func document(_ made: borrowing Mutex<Document?>, _ write: () -> ByteBuffer) -> Document {
    made.withLock { made in
      if let made { return made }
      let document = Document(write())
      made = document
      return document
    }
  }

  /// A document as it is sent, with a tag of its content.
  package struct Document: Sendable {
    package let bytes: [UInt8]
    let tag: String

    fileprivate init(_ text: borrowing ByteBuffer) {
      bytes = text.bytes()
      // FNV-1a: equal tags are for equal documents of one program, not for what an enemy makes.
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      tag = "\"d\(String(hash, radix: 16))\""
    }
  }
}

extension Services {
  @Sendable func openAPIDocument(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    response.contentType = .json
    response.write(documents.openAPI, unless: request)
  }

  @Sendable func typeScriptDocument(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    response.contentType = .other("application/typescript; charset=utf-8")
    response.write(documents.typeScript, unless: request)
  }
}

extension Response {
  /// The document, or 304 if the client has it already.
  fileprivate mutating func write(_ document: ContractDocuments.Document, unless request: borrowing Request) {
    header("ETag", document.tag)
    caching = .shared
    if request.withHeader(.ifNoneMatch, { EntityTag.lists(document.tag.utf8.span, in: $0) }) == true {
      status = .notModified
      return
    }
    body.append(document.bytes.span)
  }
}
