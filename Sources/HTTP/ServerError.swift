// Why a server could not start.

package import Platform

package enum ServerError: Error, Equatable, Sendable {
  /// Another program listens there.
  case addressInUse(ListenAddress)
  /// The address cannot be bound: not of this machine, not allowed, not there.
  case cannotListen(ListenAddress, Errno)
  /// Two routes would match the same requests.
  case routeConflict(method: Method, pattern: String)
  /// The system gives no thread or descriptor for it.
  case resources(Errno)
}

extension ListenAddress: CustomStringConvertible {
  package var description: String {
    switch self {
    case .internet(let address): address.description
    case .unix(let path, _): "unix:\(path)"
    case .inherited(let socket): "inherited socket \(socket.rawValue) (\(socket.name))"
    }
  }
}

extension ServerError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .addressInUse(let address): "cannot listen on \(address): another program does"
    case .cannotListen(let address, let error): "cannot listen on \(address): \(error)"
    case .routeConflict(let method, let pattern): "two routes for \(method.name) \(pattern)"
    case .resources(let error): "cannot start the server: \(error)"
    }
  }
}
