"""Print what the app's container knows about its login, as JSON without any secret.

Arguments: the provider's issuer, the login mode, and the hosts at which the app's code fetches a front door's keys. It
runs with the Python of the app, whatever its version.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

issuer, mode, *doors = sys.argv[1:]
TIMEOUT = 5  # seconds


def fetch(url, data=None, headers=None):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        return json.load(response)


def app_processes():
    """Return the Python processes that run Streamlit: one, or also the one that started it.

    Without a container engine, the machine may run other apps. SDEV_CONTAINER then names the container of each process.
    """
    found, mine = [], os.environ.get("SDEV_CONTAINER")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "streamlit" in (os.path.basename(w) for w in words) and "run" in words and os.path.basename(words[0]).startswith(("python", "pypy")):
            if not mine or container_of(pid) == mine:
                found.append(pid)
    return found


def container_of(pid):
    try:
        return environment_of(pid).get("SDEV_CONTAINER")
    except OSError:
        return None


def environment_of(pid):
    """Return the variables that a process was started with, including those of a start script."""
    with open(f"/proc/{pid}/environ", "rb") as f:
        pairs = f.read().decode(errors="replace").split("\0")
    return dict(p.split("=", 1) for p in pairs if "=" in p)


def guard_of(pid):
    """Return where a process tried to set the bypass, as its start-up shim records it; None without a shim."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        file = f"/proc/{pid}/fd/{name}"
        try:
            if os.readlink(file).startswith("/memfd:sdev-login"):
                with open(file, encoding="utf-8", errors="replace") as f:
                    f.seek(0)
                    return f.read().splitlines()
        except OSError:
            continue
    return None


def bypass():
    """Return whether the login can be bypassed in the processes that run the app."""
    found = {"guarded": bool(processes), "kept_off": [], "bypass": ""}
    for pid in processes:
        tried_by = guard_of(pid)
        if tried_by is None:
            found["guarded"] = False
            env = environment_of(pid)
            found["bypass"] = next((v for k, v in env.items() if k.upper() == "LOCAL_STREAMLIT" and v), found["bypass"])
        else:
            found["kept_off"] += [who for who in tried_by if who not in found["kept_off"]]
    return found


def redirects(env):
    if mode == "app":
        body = json.dumps({"Name": "/streamlit/oauth", "WithDecryption": True}).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonSSM.GetParameter",
            "Authorization": "AWS4-HMAC-SHA256 Credential=check/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0",
        }
        answer = fetch(env["AWS_ENDPOINT_URL_SSM"], body, headers)
        return json.loads(answer["Parameter"]["Value"])["web"]["redirect_uris"]
    with open(env["STREAMLIT_SECRETS_FILES"], encoding="utf-8") as f:
        text = f.read()
    try:
        import tomllib

        secrets = tomllib.loads(text)
    except ImportError:  # before Python 3.11, where Streamlit depends on toml
        import toml

        secrets = toml.loads(text)
    return [secrets["auth"]["redirect_uri"]]


def door_errors():
    """Return why hosts of the front door cannot be reached, by host, with the certificates that the app trusts."""
    failed = {}
    if "SSL_CERT_FILE" in environment:
        os.environ["SSL_CERT_FILE"] = environment["SSL_CERT_FILE"]
    for host in doors:
        try:
            urllib.request.urlopen(f"https://{host}/", timeout=TIMEOUT).close()
        except urllib.error.HTTPError:
            pass  # it answers: that there is no such page is right
        except OSError as error:
            failed[host] = str(error)
    return failed


def versions():
    from importlib import metadata

    found = {}
    for name in ("streamlit", "boto3", "botocore", "Authlib", "httpx"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def tried(call):
    try:
        return call(), ""
    except Exception as error:  # any error is evidence
        said = error.read(500).decode(errors="replace") if hasattr(error, "read") else ""
        return None, f"{type(error).__name__}: {error} {said}".strip()


processes = app_processes()
environment, _ = tried(lambda: environment_of(processes[0]))
environment = environment or dict(os.environ)
out = {"time": time.time()}
seen, out["bypass_error"] = tried(bypass)
out.update(seen or {})
discovery, out["discovery_error"] = tried(lambda: fetch(issuer + "/.well-known/openid-configuration"))
out["issuer"] = (discovery or {}).get("issuer", "")
if discovery:
    keys, out["discovery_error"] = tried(lambda: fetch(discovery["jwks_uri"])["keys"])
    out["keys"] = sorted(k.get("kid", "") for k in keys or [])
if doors:
    out["doors"], _ = tried(door_errors)
else:
    out["redirects"], out["redirects_error"] = tried(lambda: redirects(environment))
out["versions"], _ = tried(versions)
print(json.dumps(out))
