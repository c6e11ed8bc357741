// Judges Content-Type and Content-Encoding against what a route takes (RFC 9110 §8.3, §8.4).

import Codecs

extension Route.Body {
  /// Why the body of a request is not of a kind that this route takes; nil if it is.
  ///
  /// A request without a body and without a Content-Type passes: whether a body is required is the handler's business.
  func judge(_ request: borrowing Request, bodyByteCount: Int) -> Problem? {
    guard allowsJSON || allowsForm || allowsMergePatch else { return nil }
    if let isPlain = request.withHeader(.contentEncoding, { $0.equalsIgnoringCase("identity") }) {
      guard isPlain, request.lineCount(of: .contentEncoding) == 1 else {
        return .unsupportedMediaType("the body may not be encoded")
      }
    }
    guard let isAccepted = request.withHeader(.contentType, { accepts($0) }) else {
      return bodyByteCount == 0 ? nil : .unsupportedMediaType("there is no Content-Type; \(accepted)")
    }
    return isAccepted && request.lineCount(of: .contentType) == 1 ? nil : .unsupportedMediaType(accepted)
  }

  private var accepted: String {
    var types: [String] = []
    if allowsJSON { types.append("application/json") }
    if allowsMergePatch { types.append("application/merge-patch+json") }
    if allowsForm { types.append("application/x-www-form-urlencoded") }
    return "this path takes " + types.joined(separator: " or ")
  }

  // media-type = type "/" subtype *( OWS ";" OWS parameter ); charset=utf-8 is the only parameter, at most once
  private func accepts(_ value: Span<UInt8>) -> Bool {
    let semicolon = value.firstIndex(of: UInt8(ascii: ";"))
    let type = value.extracting(value.trimmedRange(0, semicolon ?? value.count))
    guard
      allowsJSON && type.equalsIgnoringCase("application/json")
        || allowsMergePatch && type.equalsIgnoringCase("application/merge-patch+json")
        || allowsForm && type.equalsIgnoringCase("application/x-www-form-urlencoded")
    else { return false }
    guard let semicolon else { return true }
    let parameter = value.extracting(value.trimmedRange(semicolon + 1, value.count))
    return parameter.equalsIgnoringCase("charset=utf-8") || parameter.equalsIgnoringCase("charset=\"utf-8\"")
  }
}
