// Where the parameters of a matched pattern lie in the path.

struct RouteParameters: Sendable {
  static let maxCount = 4

  var places = InlineArray<4, BytePlace>(repeating: .nowhere)
  var count = 0

  mutating func append(_ place: BytePlace) {
    places[count] = place
    count += 1
  }
}
