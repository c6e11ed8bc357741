// The rows of the routing table about power: roles, what they give, and keys for programs.

import Auth
import HTTP

extension Endpoint {
  static let authorization = [
    Endpoint(
      .get, "/api/v1/roles", "listRoles", .permission(.rolesRead, Services.listRoles), gives: .ok(.roleList),
      refuses: "invalid_request", "all roles, by name"),
    Endpoint(
      .post, "/api/v1/roles", "createRole", .permission(.rolesWrite, Services.createRole), takes: .json(.newRole),
      gives: .created(.role, "Location ETag"), reads: [.idempotencyKey], refuses: "role_exists", "define a role"),
    Endpoint(
      .get, "/api/v1/roles/{name}", "getRole", .permission(.rolesRead, Services.getRole), gives: .ok(.role, "ETag"),
      reads: [.roleName, .ifNoneMatch], "a role"),
    Endpoint(
      .put, "/api/v1/roles/{name}", "replaceRole", .permission(.rolesWrite, Services.replaceRole), takes: .json(.roleReplacement),
      gives: .ok(.role, "ETag"), reads: [.roleName, .ifMatchRequired], "give a role other permissions"),
    Endpoint(
      .delete, "/api/v1/roles/{name}", "deleteRole", .permission(.rolesWrite, Services.deleteRole), takes: .optional(.empty),
      gives: .noContent, reads: [.roleName, .ifMatch], refuses: "role_in_use", "remove a role that nobody has"),
    Endpoint(
      .get, "/api/v1/permissions", "listPermissions", .permission(.rolesRead, Services.listPermissions),
      gives: .ok(.permissionList), refuses: "invalid_request", "everything that can be allowed"),
    Endpoint(
      .get, "/api/v1/api-keys", "listApiKeys", .permission(.keysRead, Services.listAPIKeys), gives: .ok(.apiKeyList, "Link"),
      reads: [.limit, .cursor], "all API keys, oldest first"),
    Endpoint(
      .post, "/api/v1/api-keys", "createApiKey", .permission(.keysWrite, Services.createAPIKey), takes: .json(.apiKeyRequest),
      gives: .created(.newAPIKey, "ETag"), reads: [.idempotencyKey], "make an API key"),
    Endpoint(
      .delete, "/api/v1/api-keys/{id}", "deleteApiKey", .permission(.keysWrite, Services.deleteAPIKey), takes: .optional(.empty),
      gives: .noContent, reads: [.apiKeyID, .ifMatch], "end an API key"),
  ]
}
