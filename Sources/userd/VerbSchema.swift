// `userd schema openapi` and `userd schema typescript`: the HTTP contract of this build, without a server.

import API

extension Verb {
  static let schemaOpenAPI = Verb(
    words: ["schema", "openapi"], summary: "the HTTP contract as an OpenAPI 3.1 document",
    details: ["What a server of this build answers to GET /openapi.json, byte for byte."], flags: [], settings: []
  ) { _, surroundings throws(CommandError) in
    try surroundings.answer(ContractDocuments(version: programVersion).openAPI)
    return .success
  }

  static let schemaTypeScript = Verb(
    words: ["schema", "typescript"], summary: "the HTTP contract as TypeScript declarations",
    details: ["What a server of this build answers to GET /types.d.ts, byte for byte."], flags: [], settings: []
  ) { _, surroundings throws(CommandError) in
    try surroundings.answer(ContractDocuments(version: programVersion).typeScript)
    return .success
  }
}

extension Surroundings {
  fileprivate func answer(_ document: ContractDocuments.Document) throws(CommandError) {
    try answer(String(decoding: document.bytes, as: UTF8.self))
  }
}
