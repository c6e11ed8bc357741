// What the parser of the server says of a head, in the words of the plain reader.

package import HTTP

/// What the parser says about some bytes.
package enum HeadReading: Equatable {
  case more
  case refused(Refusal)
  case head(PlainHead, end: Int)

  package init(_ parser: RequestParser, _ bytes: ArraySlice<UInt8>) {
    var head = RequestHead()
    do throws(Refusal) {
      guard try parser.parse(bytes.span, into: &head) else {
        self = .more
        return
      }
    } catch {
      self = .refused(error)
      return
    }
    let all = Array(bytes)
    func text(_ place: BytePlace) -> [UInt8] { Array(all[Int(place.start)..<Int(place.start + place.count)]) }
    let fields = head.fields.indices.map { PlainField(name: head.fields[$0].name, value: text(head.fields[$0].value)) }
    self = .head(
      PlainHead(
        method: head.method, minorVersion: Int(head.minorVersion), path: text(head.path), query: text(head.query),
        isAsterisk: head.isAsterisk,
        authority: text(head.authority), framing: head.framing, isPersistent: head.isPersistent,
        expectsContinue: head.expectsContinue, fields: fields),
      end: head.byteCount)
  }
}
