// The routing table: every path of the product, in the order of docs/http-api.md §4.

package import HTTP

extension Services {
  /// What the server answers.
  package var routes: [Route] { Endpoint.all.map { $0.route(of: self) } }

  /// For routes that anybody may ask. Those that want a token count what comes without a valid one; health is not counted.
  var limited: Admission? {
    guard let limiter = anonymousLimiter else { return nil }
    return { request throws(Problem) in try limiter.admit(request) }
  }
}

extension Endpoint {
  package static let all = account + administration + authorization + operation + open

  private static let open = [
    Endpoint(
      .get, "/", "about", .anyone(Services.root), gives: .ok(.about), "name, version, and where the documents are"),
    Endpoint(.get, "/livez", "livez", .uncounted(Services.livez), gives: .ok(.health), "the server turns"),
    Endpoint(
      .get, "/readyz", "readyz", .uncounted(Services.readyz), gives: .ok(.health, otherwise: .serviceUnavailable),
      reads: [.verbose], "whether requests should come here; 503 if not"),
    Endpoint(
      .get, "/healthz", "healthz", .uncounted(Services.readyz), gives: .ok(.health, otherwise: .serviceUnavailable),
      reads: [.verbose], "the same as /readyz"),
    Endpoint(
      .get, "/metrics", "metrics", .observer(Services.metrics), on: .diskPool,
      gives: Success(status: .ok, text: "text/plain; version=0.0.4; charset=utf-8"), "figures for programs that watch"),
    Endpoint(
      .get, "/openapi.json", "openAPIDocument", .anyone(Services.openAPIDocument), gives: .document("application/json"),
      reads: [.ifNoneMatch], "this contract as an OpenAPI document"),
    Endpoint(
      .get, "/types.d.ts", "typeScriptDocument", .anyone(Services.typeScriptDocument),
      gives: .document("application/typescript; charset=utf-8"), reads: [.ifNoneMatch], "this contract as TypeScript declarations"
    ),
    Endpoint(
      .get, "/problems/{code}", "explainProblem", .anyone(Services.explainProblem), gives: .ok(.problemExplanation),
      reads: [.problemCode], "what a problem means"),
  ]
}
