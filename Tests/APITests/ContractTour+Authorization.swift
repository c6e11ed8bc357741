// The part of the tour about power: roles, keys, and what others are told of them.

import Codecs
import Testing

@testable import API

extension ContractTour {
  /// Needs the administrator that the setup has made.
  mutating func authorization() throws {
    let boss = try server.administrator("boss@example.org").access
    let role = #"{"name":"support","permissions":["users:read"]}"#
    try ledger.ask(server, "POST", "/api/v1/roles", role, token: boss, expects: 201)
    try ledger.ask(server, "POST", "/api/v1/roles", role, token: boss, expects: 409)
    try ledger.ask(server, "GET", "/api/v1/roles", token: boss, expects: 200)
    try ledger.ask(server, "GET", "/api/v1/permissions", token: boss, expects: 200)
    let path = "/api/v1/roles/support"
    try ledger.ask(server, "GET", path, token: boss, expects: 200)
    try ledger.ask(server, "PUT", path, #"{"permissions":[]}"#, token: boss, fields: ["If-Match: *"], expects: 200)
    let made = try ledger.ask(
      server, "POST", "/api/v1/users", #"{"email":"sue@example.org","name":"Sue","role":"support"}"#, token: boss, expects: 201)
    let sue = try #require(made["id"]?.string)
    try ledger.ask(server, "DELETE", path, token: boss, expects: 409)
    try ledger.ask(server, "DELETE", "/api/v1/users/\(sue)?erase=true", token: boss, expects: 204)
    try ledger.ask(server, "DELETE", path, token: boss, expects: 204)

    let key = try ledger.ask(
      server, "POST", "/api/v1/api-keys", #"{"name":"svc","permissions":["tokens:introspect"]}"#, token: boss, expects: 201)
    let secret = try #require(key["secret"]?.string), id = try #require(key["id"]?.string)
    try ledger.ask(server, "GET", "/api/v1/api-keys?limit=1", token: boss, expects: 200)
    try ledger.ask(server, "GET", "/api/auth/verify?permission=users:read", token: boss, expects: 204)
    try ledger.ask(server, "GET", "/api/auth/verify?role=admin", token: secret, expects: 403)
    try ledger.ask(server, "GET", "/api/auth/verify?rol=admin", token: boss, expects: 400)
    try ledger.ask(server, "POST", "/api/auth/introspect", #"{"token":"\#(boss)"}"#, token: secret, expects: 200)
    try ledger.ask(server, "GET", "/api/auth/me", token: secret, expects: 403)
    try ledger.ask(server, "DELETE", "/api/v1/api-keys/\(id)", token: boss, expects: 204)
  }
}
