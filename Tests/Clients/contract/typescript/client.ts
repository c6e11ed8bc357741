// A client over fetch, typed by the declarations: what an application of userd begins with.
import type { Answer, Auth, AuthResponse, Client, Endpoints, Input, LoginRequest, Problem, User } from "./types";

/** A problem document as an error. */
class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.title}`);
  }
}

interface AnyInput {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: unknown;
}

class FetchClient implements Client {
  constructor(private readonly origin: string, public token?: string) {}

  async call<E extends keyof Endpoints>(endpoint: E, input: Input<E>): Promise<Answer<E>> {
    const { path, query, headers, body } = input as AnyInput;
    const [method, pattern] = endpoint.split(" ") as [string, string];
    const url = new URL(pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path?.[name] ?? "")), this.origin);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const fields = new Headers();
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (value !== undefined) fields.set(name, value);
    }
    if (this.token !== undefined) fields.set("Authorization", `Bearer ${this.token}`);
    if (body !== undefined) fields.set("Content-Type", "application/json");
    const answer = await fetch(url.href, { method, headers: fields, body: body === undefined ? null : JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new ProblemError(JSON.parse(text) as Problem);
    const isJSON = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
    return (isJSON ? JSON.parse(text) : text === "" ? undefined : text) as Answer<E>;
  }
}

/** Logs in, reads the own account, and walks through all others. */
export async function tour(origin: string, who: LoginRequest): Promise<User[]> {
  const client = new FetchClient(origin);
  const login: AuthResponse = await client.call("POST /api/auth/login", { body: who });
  const auth: Auth = login;
  client.token = auth.token;
  const me = await client.call("GET /api/auth/me", {});
  const methods: Array<"pwd" | "otp" | "recovery_code"> = auth.session.methods;
  if (me.status !== "active" || methods.length === 0) return [];
  const users: User[] = [];
  let cursor: string | null = null;
  do {
    const page: Answer<"GET /api/v1/users"> = await client.call("GET /api/v1/users", {
      query: cursor === null ? { limit: 100 } : { limit: 100, cursor },
    });
    users.push(...page.data);
    cursor = page.page.nextCursor;
  } while (cursor !== null);
  await client.call("PATCH /api/v1/users/{id}", { path: { id: me.id }, headers: { "If-Match": `"r${me.revision}"` }, body: { name: "Ann" } });
  const nothing: void = await client.call("POST /api/auth/logout", { body: { scope: "others" } });
  return nothing === undefined ? users : [];
}

/** Whether somebody has to wait. */
export function isThrottled(error: unknown): boolean {
  return error instanceof ProblemError && (error.problem.code === "rate_limited" || error.problem.code === "login_throttled");
}
