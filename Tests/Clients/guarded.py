"""An application that a proxy guards by asking userd first, and what must hold of it; clients.py runs it behind nginx and Caddy."""
import contextlib, http.server, json, threading
from pathlib import Path

import httpx, requests

class Application(http.server.BaseHTTPRequestHandler):
    """What a proxy guards: it answers what it was told of the client."""

    def do_GET(self):
        # Whoever answers and goes while a body is still coming resets the connection, and the proxy says 502.
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {k: self.headers.get_all(k) for k in ("X-Auth-User", "X-Auth-Role", "X-Auth-Session")}
        body = json.dumps({"path": self.path, "told": told}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def application():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def deployed(name, userd, port, application):
    """A file of docs/deploy with its addresses replaced."""
    text = (Path(__file__).parents[2] / "docs/deploy" / name).read_text()
    for old, new in (("127.0.0.1:8080", userd), ("127.0.0.1:3000", application), ("127.0.0.1:8000", port)):
        if old not in text:
            raise AssertionError(f"docs/deploy/{name} has no {old}")
        text = text.replace(old, f"127.0.0.1:{new}")
    return text


def holds(s, origin, expect):
    """Allowed, refused, asked for a role: what must hold behind any proxy that asks before it lets a request through."""
    def admin(method, path, body=None):
        transport = httpx.HTTPTransport(uds=s.data + "/admin.sock")
        with httpx.Client(transport=transport) as client:
            answer = client.request(method, "http://admin" + path, json=body)
            expect(answer.is_success, True, f"{path}: {answer.text}")
            return answer.json()

    def login(role):
        body = json.loads(s.registration())
        user = admin("POST", "/api/v1/users", body | {"role": role})
        answer = requests.post(origin + "/api/auth/login", json={"email": body["email"], "password": body["password"]}, timeout=10)
        expect(answer.status_code, 200, f"a login through the proxy: {answer.text}")
        return user["id"], answer.json()

    if not any(role["name"] == "support" for role in admin("GET", "/api/v1/roles")["data"]):
        admin("POST", "/api/v1/roles", {"name": "support", "permissions": ["users:read"]})

    def get(path, token=None, **headers):
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.get(origin + path, headers=headers, timeout=10)

    forged = {"X-Auth-User": "root", "X-Auth-Role": "admin", "X-Auth-Session": "s"}
    answer = get("/page")
    expect((answer.status_code, "userd" in answer.headers["WWW-Authenticate"]), (401, True), "nobody")
    expect([get("/page", token).status_code for token in ("x", "uk1_" + "A" * 64)], [401, 401], "what is no token")
    user, auth = login("user")
    answer = get("/page?x=1", auth["token"], **forged)
    told = {"X-Auth-User": [user], "X-Auth-Role": ["user"], "X-Auth-Session": [auth["session"]["id"]]}
    expect((answer.status_code, answer.json()), (200, {"path": "/page?x=1", "told": told}), "what the application is told")
    answer = requests.post(origin + "/page", data="x" * 50_000, headers={"Authorization": f"Bearer {auth['token']}"}, timeout=10)
    expect(answer.status_code, 200, "a request with a body")
    # The path of the question is the proxy's own.
    expect(get("/_verify", auth["token"]).status_code in (200, 404), True, "the question itself")
    expect(get("/reports/q1", auth["token"]).status_code, 403, "another role")
    user, support = login("support")
    answer = get("/reports/q1", support["token"])
    expect((answer.status_code, answer.json()["told"]["X-Auth-Role"]), (200, ["support"]), "one of the roles")
    # Of two administrators one may be disabled.
    login("admin")
    boss, _ = login("admin")
    whole = admin("GET", "/api/v1/permissions")["data"]
    key = admin("POST", "/api/v1/api-keys", {"name": "all", "permissions": whole, "createdBy": boss})["secret"]
    weak = admin("POST", "/api/v1/api-keys", {"name": "one", "permissions": ["users:read"], "createdBy": boss})["secret"]
    expect([get("/reports/q1", token).status_code for token in (key, weak)], [200, 403], "keys asked for a role")
    told = get("/page", weak, **forged).json()["told"]
    expect((told["X-Auth-User"], told["X-Auth-Role"] or [""], told["X-Auth-Session"] or [""]), ([boss], [""], [""]), "nothing of a client's for a key")
    # Felt by the very next request.
    expect(requests.post(origin + "/api/auth/logout", headers={"Authorization": f"Bearer {support['token']}"}, timeout=10).status_code, 204, "logout")
    expect(get("/reports/q1", support["token"]).status_code, 401, "after the logout")
    admin("POST", f"/api/v1/users/{boss}/disable")
    expect(get("/page", weak).status_code, 401, "a key of somebody who was disabled")
