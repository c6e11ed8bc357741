// Mistakes that the declarations must not let through; each is one line.
import type { Client, LoginRequest, ProblemCode, RegisterRequest, User } from "./types";

declare const client: Client;

export const withoutPassword: LoginRequest = { email: "ann@example.org" }; // mistake
export const withRole: RegisterRequest = { email: "a", password: "b", name: "c", role: "admin" }; // mistake
export const code: ProblemCode = "no_such_code"; // mistake
export const status = (user: User): boolean => user.status === "gone"; // mistake
export const nothing = (user: User): string => user.lastLoginAt; // mistake
export const unknown = client.call("GET /api/v1/nothing", {}); // mistake
export const withoutId = client.call("GET /api/v1/users/{id}", {}); // mistake
export const withoutBody = client.call("POST /api/auth/login", {}); // mistake
export const sorted = client.call("GET /api/v1/users", { query: { sort: "shoeSize" } }); // mistake
export const unconditional = client.call("PUT /api/v1/users/{id}", { path: { id: "x" }, body: { email: "a", name: "b", role: "user" } }); // mistake
