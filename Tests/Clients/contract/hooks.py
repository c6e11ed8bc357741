"""What schemathesis needs to know of userd: a live token for each request, whatever became of the one before."""
import os

import requests
import schemathesis

ORIGIN, EMAIL, PASSWORD = (os.environ[name] for name in ("CONTRACT_ORIGIN", "CONTRACT_EMAIL", "CONTRACT_PASSWORD"))


@schemathesis.auth(refresh_interval=None)
class LiveToken:
    """Logs in again once a session has ended: logging out and ending sessions are among the requests."""

    token = None

    def get(self, case, context):
        if self.token is None or requests.get(f"{ORIGIN}/api/auth/me", headers=self.header(), timeout=10).status_code != 200:
            answer = requests.post(f"{ORIGIN}/api/auth/login", json={"email": EMAIL, "password": PASSWORD}, timeout=10)
            answer.raise_for_status()
            LiveToken.token = answer.json()["token"]
        return self.token

    def header(self):
        return {"Authorization": f"Bearer {self.token}"}

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"
