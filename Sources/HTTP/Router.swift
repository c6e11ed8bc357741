// From a path to what answers it, without allocating.

import Codecs

/// The routing table as a tree of path segments. It never changes once it is built.
///
/// A path is matched byte for byte: other case, an escape in a literal segment, an empty or trailing segment are another path. A literal
/// segment is tried before a parameter, and the choice is not taken back further down.
struct Router: Sendable {
  private var nodes = [Node()]
  private var endpoints: [Endpoint] = []
  /// For each endpoint the value of Allow, HEAD and OPTIONS included.
  private var allowed: [String] = []

  /// What is known about one pattern, whatever the method. A plain value, so that looking at it counts no references.
  struct Endpoint: Sendable {
    let pattern: StaticString
    /// For each method the index of its route, or -1.
    fileprivate(set) var routes = InlineArray<7, Int16>(repeating: -1)
    /// Whether no shared cache may keep what is here.
    fileprivate(set) var isPrivate = false
    /// For whom it is there.
    fileprivate(set) var audience = Audience.clients

    /// The index of the route for a method, HEAD standing for GET.
    func route(for method: Method) -> Int? {
      let index = routes[Int((method == .head ? Method.get : method).rawValue)]
      return index < 0 ? nil : Int(index)
    }
  }

  subscript(endpoint index: Int) -> Endpoint { endpoints[index] }

  var endpointCount: Int { endpoints.count }

  /// The value of Allow for an endpoint, HEAD and OPTIONS included.
  func allowed(at endpoint: Int) -> String { allowed[endpoint] }

  private struct Node: Sendable {
    var children: [Child] = []
    /// The node behind a parameter, or -1.
    var parameter = -1
    /// The endpoint of a path that ends here, or -1.
    var endpoint = -1
  }

  private struct Child: Sendable {
    let label: [UInt8]
    let node: Int
  }

  /// - Throws: `.routeConflict` if two routes have the same method and shape.
  init(_ routes: [Route], privatePrefixes: [StaticString]) throws(ServerError) {
    for (index, route) in routes.enumerated() {
      let endpoint = endpointIndex(for: route.pattern)
      let slot = Int(route.method.rawValue)
      if endpoints[endpoint].routes[slot] >= 0 {
        throw .routeConflict(method: route.method, pattern: "\(route.pattern)")
      }
      let isFirst = endpoints[endpoint].routes.indices.allSatisfy { endpoints[endpoint].routes[$0] < 0 }
      precondition(isFirst || endpoints[endpoint].audience == route.audience, "\(route.pattern) is for several audiences")
      endpoints[endpoint].audience = route.audience
      endpoints[endpoint].routes[slot] = Int16(index)
    }
    for index in endpoints.indices {
      allowed.append(Self.allowed(by: endpoints[index]))
      endpoints[index].isPrivate = "\(endpoints[index].pattern)".utf8.span.isUnder(privatePrefixes)
    }
  }

  private static func allowed(by endpoint: Endpoint) -> String {
    Method.allCases.filter { $0 == .options || endpoint.route(for: $0) != nil }.map { "\($0.name)" }.joined(separator: ", ")
  }

  private mutating func endpointIndex(for pattern: StaticString) -> Int {
    let text = "\(pattern)"
    precondition(text.hasPrefix("/"), "pattern \(text) does not begin with a slash")
    var node = 0
    var parameterCount = 0
    if text != "/" {
      for segment in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
        precondition(!segment.isEmpty, "pattern \(text) has an empty segment")
        if segment.hasPrefix("{") && segment.hasSuffix("}") {
          parameterCount += 1
          precondition(parameterCount <= RouteParameters.maxCount, "pattern \(text) has too many parameters")
          if nodes[node].parameter < 0 { nodes[node].parameter = addNode() }
          node = nodes[node].parameter
        } else {
          let label = Array(segment.utf8)
          precondition(label.allSatisfy(CharacterClass.path.contains), "pattern \(text) has a segment that no path can have")
          if let child = nodes[node].children.first(where: { $0.label == label }) {
            node = child.node
          } else {
            let new = addNode()
            nodes[node].children.append(Child(label: label, node: new))
            node = new
          }
        }
      }
    }
    if nodes[node].endpoint < 0 {
      nodes[node].endpoint = endpoints.count
      endpoints.append(Endpoint(pattern: pattern))
    }
    return nodes[node].endpoint
  }

  private mutating func addNode() -> Int {
    nodes.append(Node())
    return nodes.count - 1
  }

  /// The endpoint of a path; nil if there is none.
  ///
  /// - Parameters:
  ///   - bytes: a request.
  ///   - path: where in it the path lies; empty stands for `/`.
  ///   - parameters: filled with the places of the pattern's parameters.
  func match(_ bytes: Span<UInt8>, path: BytePlace, _ parameters: inout RouteParameters) -> Int? {
    parameters.count = 0
    var node = 0
    let range = path.range(from: 0)
    // After the leading slash.
    var start = range.lowerBound &+ 1
    if range.count > 1 {
      while true {
        let end = min(bytes.firstIndex(of: UInt8(ascii: "/"), from: start) ?? range.upperBound, range.upperBound)
        if let child = child(of: node, bytes.extracting(start..<end)) {
          node = child
        } else {
          let parameter = nodes[node].parameter
          guard parameter >= 0, Self.isParameter(bytes.extracting(start..<end)) else { return nil }
          parameters.append(BytePlace(start, end))
          node = parameter
        }
        if end == range.upperBound { break }
        start = end &+ 1
      }
    }
    let endpoint = nodes[node].endpoint
    return endpoint < 0 ? nil : endpoint
  }

  private func child(of node: Int, _ segment: Span<UInt8>) -> Int? {
    let count = nodes[node].children.count
    for index in 0..<count where segment.equals(nodes[node].children[index].label) {
      return nodes[node].children[index].node
    }
    return nil
  }

  /// Whether a segment may be a parameter's value: not empty, no dot segment, and nothing in it that another reader would take for structure.
  private static func isParameter(_ segment: Span<UInt8>) -> Bool {
    guard segment.count > 0, !segment.contains(UInt8(ascii: ";")) else { return false }
    guard segment.contains(UInt8(ascii: "%")) else { return !isDots(segment) }
    guard let decoded = PercentEncoding.decode(segment) else { return false }
    return !decoded.contains(UInt8(ascii: "/")) && !decoded.contains(0) && !isDots(decoded.span)
  }

  private static func isDots(_ segment: Span<UInt8>) -> Bool { segment.equals(".") || segment.equals("..") }
}

extension Span<UInt8> {
  /// Whether the bytes are the same as those of an array.
  func equals(_ other: [UInt8]) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count where self[index] != other[index] { return false }
    return true
  }

  /// Whether the path is one of the folders or lies in it.
  func isUnder(_ folders: [StaticString]) -> Bool {
    for index in folders.indices where has(folders[index], at: 0) {
      let size = folders[index].utf8CodeUnitCount
      if count == size || self[size] == UInt8(ascii: "/") || self[size] == UInt8(ascii: "?") { return true }
    }
    return false
  }
}
