// The routing table: every path of the product on one screen.

package import HTTP

extension Services {
  /// What the server answers, in the order of docs/http-api.md.
  package var routes: [Route] {
    [
      Route(.post, "/api/auth/register", on: .hashPool, body: .json, handler: register),
      Route(.post, "/api/auth/login", on: .hashPool, body: .json, handler: login),
      Route(.post, "/api/auth/refresh", body: .json, handler: refresh),
      Route(.post, "/api/auth/logout", body: .json, handler: logout),
      Route(.get, "/api/auth/me", handler: authenticated(me)),

      Route(.get, "/api/v1/users", handler: authorized(listUsers)),
      Route(.post, "/api/v1/users", on: .hashPool, body: .json, handler: authorized(createUser)),
      Route(.get, "/api/v1/users/{id}", handler: authorized(getUser)),

      Route(.get, "/", handler: root),
      Route(.get, "/livez", handler: livez),
      Route(.get, "/readyz", handler: readyz),
      Route(.get, "/healthz", handler: readyz),
      Route(.get, "/problems/{code}", handler: explainProblem),
    ]
  }
}
