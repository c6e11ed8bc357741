"""The servers that generated requests are sent to, and what each made of them."""
import contextlib, os, re, shutil, socket, subprocess, sys, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from checks import ENVIRONMENT, Server, free_port

NGINX = """
@USER@
worker_processes 1;
daemon off;
pid @FOLDER@/nginx.pid;
error_log /dev/null crit;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path @FOLDER@/body;
  proxy_temp_path @FOLDER@/proxy; fastcgi_temp_path @FOLDER@/fastcgi; uwsgi_temp_path @FOLDER@/uwsgi; scgi_temp_path @FOLDER@/scgi;
  client_max_body_size 64k;
  keepalive_requests 1000;
  lingering_close off;
  server {
    listen 127.0.0.1:@PORT@;
    add_header X-Request-Id $http_x_request_id always;
    location / { return 200 "read"; }
  }
}
"""


def listens(port, process):
    for _ in range(500):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"a peer did not start: {process.args}")


@contextlib.contextmanager
def ending(words):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def userd(exe, folder):
    with Server(exe, Path(folder, "db"), "--log-level=error") as server:
        yield server.port


@contextlib.contextmanager
def nginx(folder):
    port, place = free_port(), Path(folder, "nginx")
    place.mkdir()
    text = NGINX.replace("@FOLDER@", str(place)).replace("@PORT@", str(port)).replace("@USER@", "user root;" if os.getuid() == 0 else "")
    (place / "nginx.conf").write_text(text)
    exe = shutil.which("nginx") or "/usr/sbin/nginx"
    with ending([exe, "-e", "/dev/null", "-p", str(place), "-c", str(place / "nginx.conf")]) as process:
        listens(port, process)
        yield port


def go_tool():
    return next((tool for tool in (os.environ.get("GO"), shutil.which("go"), "/usr/local/go/bin/go") if tool and Path(tool).exists()), None)


@contextlib.contextmanager
def go(folder):
    port, built = free_port(), Path(folder, "echo")
    home = {**ENVIRONMENT, "GOCACHE": str(Path(folder, "cache")), "GO111MODULE": "off", "HOME": str(folder)}
    subprocess.run([go_tool(), "build", "-o", str(built), str(Path(__file__).with_name("echo.go"))], check=True, env=home, cwd=folder)
    with ending([str(built), f"127.0.0.1:{port}"]) as process:
        listens(port, process)
        yield port


def answers(data, is_head):
    """The responses of a connection as (identifier, status); bytes that are none end the list as ("?", 0)."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.[01] (\d{3})[ \r]", head + b"\r")
        if not end or not match:
            return found + [("?", 0)]
        status = int(match[1])
        fields = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        name = fields.get(b"x-request-id", b"")
        name = name.decode("latin-1") if name in (b"case", b"marker", b"hidden", b"trailer") else ""
        if status < 200:
            data = rest
            continue
        found.append((name, status))
        if status in (204, 304) or is_head and len(found) == 1 and (not rest or rest.startswith(b"HTTP/1.")):
            data = rest
        elif fields.get(b"transfer-encoding") == b"chunked":
            while rest:
                size, _, rest = rest.partition(b"\r\n")
                count = int(size, 16)
                rest = rest[count + 2:]
                if count == 0:
                    break
            data = rest
        elif b"content-length" in fields:
            data = rest[int(fields[b"content-length"]):]
        else:
            data = b""
    return found


# What userd says of a request that it has read, and that concerns its resource and not its framing.
READ = {200, 204, 404, 405}


def verdict(port, data, is_head, is_userd):
    """What a server made of bytes on a fresh connection: "read kept", "refused 4 closed", "nothing" ..., and the statuses."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.settimeout(20)
        got = b""
        # Whoever refuses early may be gone by then.
        with contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while chunk := s.recv(65536):
                got += chunk
    found = answers(got, is_head)
    words, kept = [], False
    for name, status in found:
        good = status in READ if is_userd else 200 <= status < 400
        if name == "marker" and good:
            kept = True
        elif good and name in ("case", "hidden", "trailer", ""):
            words.append("read" if name == "case" else "read " + (name or "nameless"))
        elif status:
            words.append(f"refused {status // 100}xx")
        else:
            words.append("bare")
    return " ".join(words + ["kept" if kept else "closed"]) if found else "nothing", [status for _, status in found]
