// Problem documents (RFC 9457) as the contract describes them.

extension Schema {
  static let problem = object(
    "Problem", "what went wrong (RFC 9457)",
    [
      Member("type", .text("/problems/validation_failed"), "explains the code"),
      Member("title", .text("The request is not valid")),
      Member("status", Shape(kind: .integer, min: 400, max: 599, example: "422")), Member("code", .named("ProblemCode")),
      .optional("detail", .text("1 field is invalid")), .optional("instance", .text("/api/auth/register")),
      Member("requestId", .text("0198f3c0-5d2e-7a41-9c35-6f0a1b2c3d4e")),
      .optional("errors", .named("FieldProblem").list(), "each field that was judged wrong"),
      .either("mfaToken", .text("umf1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"), "with mfa_required"),
      .either("methods", .words("totp recovery_code").list(), "with mfa_required"),
      .either("expiresIn", .seconds, "with mfa_required"),
    ])

  static let fieldProblem = object(
    "FieldProblem", "what is wrong with one field",
    [
      Member("pointer", .text("#/password"), "a JSON pointer; # is the whole body"), Member("code", .named("ProblemCode")),
      Member("detail", .text("use at least 8 characters")), .optional("min", .count), .optional("max", .count),
    ])

  static let problemExplanation = object(
    "ProblemExplanation", "what a code means",
    [
      Member("type", .text("/problems/not_found")), Member("code", .named("ProblemCode")),
      Member("status", Shape(kind: .integer, min: 400, max: 599, example: "404")),
      Member("title", .text("There is nothing here")),
      Member("explanation", .text("The path names no endpoint, or the object does not exist.")),
    ])
}
