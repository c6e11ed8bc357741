"""What the checks of figures share: a server with a listener for programs that watch, and the table of its metrics."""
import http.client, json, os, signal, subprocess, tempfile, time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families as parse_text

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "docs/deploy/alerts.yml"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("USERD_")}
PASSWORD = "correct horse battery 7"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Failure(Exception):
    pass


def expect(what, good, *facts):
    if not good:
        raise Failure(f"{what}: {facts}")


class Server:
    """userd with a listener for clients and one for programs that watch."""

    def __init__(self, exe, data, *flags, cheap=True):
        self.log = Path(tempfile.mkstemp(prefix="userd-log")[1])
        cost = ["--hash-memory", "128K", "--hash-time", "1"] if cheap else []
        self.process = subprocess.Popen(
            [exe, "serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log-format", "json",
             "--throttle-ip-per-minute", "0", *cost, *flags],
            stdout=self.log.open("wb"), stderr=subprocess.STDOUT, env=ENVIRONMENT)
        self.exe, self.data = exe, data
        for _ in range(1200):
            for line in self.log.read_text(errors="replace").splitlines():
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("listen"):
                    self.address, self.watched = entry["listen"], entry["metrics"]
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise Failure(f"userd does not listen: {self.log.read_text()}")

    def ask(self, method, path, body=None, token=None, fields=None, address=None):
        """The status, the fields and the body of an answer, over a connection of its own."""
        connection = http.client.HTTPConnection(address or self.address, timeout=30)
        fields = dict(fields or {})
        if body is not None:
            fields["Content-Type"] = "application/json"
        if token:
            fields["Authorization"] = f"Bearer {token}"
        connection.request(method, path, None if body is None else json.dumps(body), fields)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, content

    def scrape(self, accept=None):
        status, headers, text = self.ask("GET", "/metrics", fields={"Accept": accept} if accept else {}, address=self.watched)
        expect("a scrape", status == 200, status, text)
        return headers["Content-Type"], text

    def samples(self):
        """Each series of a scrape with its value."""
        return {key(sample): sample.value for family in parse_text(self.scrape()[1]) for sample in family.samples}

    def check(self, name):
        return json.loads(self.ask("GET", "/readyz?verbose")[2])["checks"].get(name)

    def wait_for(self, what, condition, seconds=60):
        for _ in range(seconds * 10):
            if condition():
                return
            time.sleep(0.1)
        raise Failure(f"{what} did not come: {self.ask('GET', '/readyz?verbose')[2]}\n{self.log.read_text()[-2000:]}")

    def admin(self, *words, code=0, standard_input=None):
        done = subprocess.run([self.exe, "admin", *words, "--data", self.data], env=ENVIRONMENT, capture_output=True, text=True,
                              input=standard_input)
        expect(f"admin {' '.join(words)}", code is None or done.returncode == code, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def register(self, email):
        return self.ask("POST", "/api/auth/register", {"email": email, "password": PASSWORD, "name": "Somebody"})

    def stop(self, code=0):
        self.process.send_signal(signal.SIGTERM)
        expect("an orderly stop", self.process.wait(60) == code, self.process.returncode, self.log.read_text()[-2000:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.unlink()


def key(sample):
    """A series by its name, as Prometheus writes it."""
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
    return sample.name + (f"{{{labels}}}" if labels else "")


def documented():
    """The table of docs/operations.md: names with type, labels and meaning."""
    rows = {}
    for line in (ROOT / "docs/operations.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1] in ("counter", "gauge", "histogram"):
            rows[cells[0].strip("`")] = (cells[1], cells[2].replace("`", ""), cells[3])
    return rows


def backup(server):
    """Asks for a backup and returns how it ended."""
    login = subprocess.run(
        ["curl", "-s", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{}", "--unix-socket", f"{server.data}/admin.sock",
         "http://localhost/api/v1/admin/backup"], capture_output=True, text=True)
    for _ in range(600):
        state = json.loads(server.admin("stats", "--json"))["backup"]
        if state and state["outcome"] != "running":
            return state["outcome"]
        time.sleep(0.1)
    raise Failure(f"no backup: {login.stdout}")
