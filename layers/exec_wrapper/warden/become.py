"""Puts the values of a secret into the environment of a runtime, and becomes that runtime. Python 3.8 and later.

`exec_wrapper` runs it as: become.py PROCESS PIPE ENDPOINT REGION COMMAND…
PROCESS has in /proc the environment that Lambda gave, and ends when PIPE is closed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import ssl
import sys
import time
from typing import Any, Callable, NoReturn
from urllib.parse import SplitResult, urlsplit

MARKER = b"{{warden}}"
DEADLINE = time.monotonic() + 8.0  # Lambda gives 10 s for the whole start
TRY_SECONDS = 3.0
TRANSIENT = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")


class NotReadable(Exception):
    """The secret cannot be read; the text says why."""


def main(process: str, pipe: str, endpoint: str, region: str, *command: str) -> None:
    """Become the command, with the process's environment and the secret's values."""
    with open(f"/proc/{process}/environ", "rb") as file:  # noqa: PTH123 # pathlib takes milliseconds to import
        variables = dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)
    os.close(int(pipe))
    os.waitpid(int(process), 0)
    arn = variables.pop(b"WARDEN_SECRET", b"").decode()
    following = variables.pop(b"WARDEN_NEXT_WRAPPER", b"")
    variables.pop(b"AWS_LAMBDA_EXEC_WRAPPER", None)
    if following:
        variables[b"AWS_LAMBDA_EXEC_WRAPPER"] = following
    moved = [name.decode() for name, value in variables.items() if value == MARKER]
    if moved:
        variables.update(values(moved, arn, variables, endpoint, region))
    # Python ignores these two, and what is ignored would stay so in what follows.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execve(command[0], command, variables)  # noqa: S606 # what it is for
    except OSError as error:
        fail(f"{command[0]} cannot be started: {error.strerror}")


def values(moved: list[str], arn: str, variables: dict[bytes, bytes], endpoint: str, region: str) -> dict[bytes, bytes]:
    """Return the moved variables with their values."""
    if not arn:
        fail(f"{', '.join(moved)} cannot be set: there is no WARDEN_SECRET")
    try:
        secret = read_secret(arn, endpoint, region, variables)
    except NotReadable as cause:
        fail(f"{arn} cannot be read: {cause}")
    missing = [name for name in moved if name not in secret]
    unfit = [name for name in moved if name in secret and not fits(secret[name])]
    for names, why in ((missing, "no value of this name"), (unfit, "no text that fits a variable")):
        if names:
            fail(f"{', '.join(sorted(names))} cannot be set: {arn} has {why}")
    return {name.encode(): secret[name].encode() for name in moved}


def fits(value: object) -> bool:
    """Return whether a variable can have this value. Half of a surrogate pair is a text in JSON, but no UTF-8."""
    return isinstance(value, str) and not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)


def read_secret(arn: str, endpoint: str, region: str, variables: dict[bytes, bytes]) -> dict[str, Any]:
    """Return the secret's JSON object (AWS Secrets Manager API reference, GetSecretValue)."""
    keys = credentials(variables)
    body = json.dumps({"SecretId": arn}).encode()
    bundle = variables.get(b"AWS_CA_BUNDLE", b"").decode() or None
    answer = insist("POST", endpoint, lambda: signed(urlsplit(endpoint), body, region, keys), body, bundle)
    secret = document(answer.get("SecretString"))
    if secret is None:
        raise NotReadable("its value is not a JSON object")
    return secret


def credentials(variables: dict[bytes, bytes]) -> list[str]:
    """Return the access key, the secret key and the session token, '' for one that is not there."""
    uri = variables.get(b"AWS_CONTAINER_CREDENTIALS_FULL_URI", b"").decode()
    if uri and b"AWS_ACCESS_KEY_ID" not in variables:  # with SnapStart
        token = variables.get(b"AWS_CONTAINER_AUTHORIZATION_TOKEN", b"").decode()
        found = insist("GET", uri, lambda: {"Authorization": token})
        keys = [found.get(name, "") for name in ("AccessKeyId", "SecretAccessKey", "Token")]
    else:
        names = (b"AWS_ACCESS_KEY_ID", b"AWS_SECRET_ACCESS_KEY", b"AWS_SESSION_TOKEN")
        keys = [variables.get(name, b"").decode() for name in names]
    if not (keys[0] and keys[1]):
        raise NotReadable("the function has no credentials")
    return keys


def signed(url: SplitResult, body: bytes, region: str, keys: list[str]) -> dict[str, str]:
    """Return the headers of a request signed with Signature Version 4 (IAM user guide, "Create a signed request")."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"content-type": "application/x-amz-json-1.1", "host": url.netloc, "x-amz-date": date}
    if keys[2]:
        headers["x-amz-security-token"] = keys[2]
    headers["x-amz-target"] = "secretsmanager.GetSecretValue"
    names = ";".join(headers)
    lines = ["POST", url.path or "/", "", *map(":".join, headers.items()), "", names, sha256(body)]
    scope = [date[:8], region, "secretsmanager", "aws4_request"]
    key = ("AWS4" + keys[1]).encode()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, "/".join(scope), sha256("\n".join(lines).encode())])
    for part in (*scope, to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = f"Credential={'/'.join([keys[0], *scope])}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {proof}"}


def sha256(data: bytes) -> str:
    """Return a digest as SigV4 writes it."""
    return hashlib.sha256(data).hexdigest()


def insist(
    method: str, url: str, headers: Callable[[], dict[str, str]], body: bytes | None = None, bundle: str | None = None
) -> dict[str, Any]:
    """Return the JSON object that is answered with status 200; try again what may go better a moment later."""
    pause = 0.1
    while True:
        try:
            status, answer = exchange(method, url, headers(), body, bundle)
            found = document(answer) or {}
            if status == 200:
                return found
            code, cause = said(status, found)
            if status < 500 and status != 429 and code not in TRANSIENT:
                raise NotReadable(cause)
        except (OSError, http.client.HTTPException) as error:
            cause = f"no answer from {url}: {getattr(error, 'strerror', None) or error}"
            if isinstance(error, (ssl.SSLCertVerificationError, FileNotFoundError, PermissionError)):
                # What is wrong with a certificate, or with the file of those to trust, stays wrong.
                raise NotReadable(cause) from None
        wait = pause * (0.5 + os.urandom(1)[0] / 510)  # not every execution environment at the same moment
        if time.monotonic() + wait > DEADLINE:
            raise NotReadable(f"{cause} (tried for 8 s)")
        time.sleep(wait)
        pause = min(pause * 2, 1.6)


def exchange(
    method: str, text: str, headers: dict[str, str], body: bytes | None, bundle: str | None
) -> tuple[int, bytes]:
    """Return the status and the body of one request; `TimeoutError` when it takes too long as a whole."""
    url = urlsplit(text)
    connection: http.client.HTTPConnection
    if url.scheme not in ("http", "https") or not url.hostname:
        raise NotReadable(f"its endpoint {text} is no URL with http or https")
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=bundle)
        connection = http.client.HTTPSConnection(url.netloc, context=context)
    else:
        connection = http.client.HTTPConnection(url.netloc)
    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, max(min(TRY_SECONDS, DEADLINE - time.monotonic()), 0.01))
    try:
        connection.request(method, url.path or "/", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.close()


def too_late(*_: object) -> None:
    """Interrupt a request."""
    raise TimeoutError("it took too long")


def document(text: Any) -> dict[str, Any] | None:
    """Return a JSON object, None for anything else. What is wrong with it is not told: that could show a value."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def said(status: int, error: dict[str, Any]) -> tuple[str, str]:
    """Return the code of an error, and what a person should know of it."""
    code = str(error.get("__type", f"HTTP status {status}")).rpartition("#")[2]
    message = error.get("message", error.get("Message"))
    return code, f"{code}: {message}" if message else code


def fail(sentence: str) -> NoReturn:
    """End with one line in the function's log."""
    line = "".join(letter if letter.isprintable() else " " for letter in "lambda-warden: " + sentence)
    sys.exit(line[:300])


try:
    main(*sys.argv[1:])
except Exception as error:  # noqa: BLE001 # whatever it is, its text could hold a value
    fail(f"the runtime cannot be started: {type(error).__name__}")
