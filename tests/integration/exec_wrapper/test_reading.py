"""Reading the secret: how it is signed, what is tried again, and what is said when it cannot be read."""

import datetime
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from warden.local.emulator import Emulator

from .answers import ARN, Answer, Answers, error, told, value
from .starting import ACCOUNT, REGION, Runtime, Secret, Started, expected, start

KEY = value(API_KEY="key")
BODIES: list[object] = [None, [], "text", {}, {"SecretString": None}, {"SecretBinary": "a2V5"}]
SECRET_STRINGS = ["top secret", "[]", '"top secret"', "null", '{"API_KEY": top secret}']


def read(runtime: Runtime, environment: dict[str, str]) -> Started:
    return start(runtime.program(runtime.environ), environment)


def test_the_request_is_signed_as_botocore_signs_it(
    runtime: Runtime, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.script = [KEY]
    for token in ("a/session+token=", ""):
        environment = answers.environment("API_KEY", AWS_SESSION_TOKEN=token)
        assert read(runtime, environment).code == 0
        sent = answers.requests[-1]
        assert (sent.method, sent.path, json.loads(sent.body)) == ("POST", "/", {"SecretId": ARN})
        names = {"content-type", "host", "x-amz-date", "x-amz-target"}
        request = AWSRequest("POST", answers.url, {n: sent.headers[n] for n in names - {"x-amz-date"}}, sent.body)
        when = datetime.datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 # botocore's form
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda when=when: when)
        keys = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], token or None)
        botocore.auth.SigV4Auth(keys, "secretsmanager", REGION).add_auth(request)
        assert sent.headers["authorization"] == request.headers["Authorization"]
        assert sent.headers.get("x-amz-security-token", "") == token


def test_a_path_of_the_endpoint_is_signed_too(
    runtime: Runtime, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.script = [KEY]
    url = f"{answers.url}/some/path"
    assert read(runtime, answers.environment("API_KEY", AWS_ENDPOINT_URL=url)).code == 0
    sent = answers.requests[-1]
    assert sent.path == "/some/path"
    names = ("content-type", "host", "x-amz-target")
    request = AWSRequest("POST", url, {name: sent.headers[name] for name in names}, sent.body)
    when = datetime.datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 # botocore's form
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: when)
    environment = answers.environment()
    keys = Credentials(*(environment[f"AWS_{n}"] for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")))
    botocore.auth.SigV4Auth(keys, "secretsmanager", REGION).add_auth(request)
    assert sent.headers["authorization"] == request.headers["Authorization"]


def test_it_is_read_once(runtime: Runtime, emulator: Emulator, secret: Secret) -> None:
    assert read(runtime, secret.moved("DB_PASSWORD", "API_KEY")).code == 0
    assert len(emulator.calls(operation="GetSecretValue")) == 1


@pytest.mark.parametrize(
    "first",
    [
        error("ThrottlingException"),
        error("Unknown", status=429),
        error("InternalServiceError", status=500),
        Answer(503),
        Answer(body={"SecretString": "{}"}, close=True),
        Answer(hang=3.5),
        Answer(body={"SecretString": "{}"}, trickle=0.3),
    ],
    ids=["throttled", "429", "500", "503", "closed", "hangs", "trickles"],
)
def test_what_may_pass_is_tried_again(first: Answer, runtime: Runtime, answers: Answers) -> None:
    answers.script = [first, first, KEY] if first.hang + first.trickle == 0 else [first, KEY]
    environment = answers.environment("API_KEY")
    assert read(runtime, environment).environment == expected(environment, {"API_KEY": "key"})
    assert len(answers.requests) == (3 if first.hang + first.trickle == 0 else 2)


def test_it_gives_up_before_lambda_does(runtime: Runtime) -> None:
    nowhere = "http://127.0.0.1:1"
    with Answers() as throttling, Answers() as hanging, ThreadPoolExecutor() as pool:
        throttling.script = [error("ThrottlingException", "Rate exceeded")]
        hanging.script = [Answer(hang=10)]
        refusing = throttling.environment("API_KEY", AWS_ENDPOINT_URL=nowhere)
        environments = [throttling.environment("API_KEY"), hanging.environment("API_KEY"), refusing]
        began = time.monotonic()
        complaints = [started.complaint for started in pool.map(lambda given: read(runtime, given), environments)]
        assert 5 < time.monotonic() - began < 9.5
        assert 6 <= len(throttling.requests) <= 12
        assert len(hanging.requests) == 3
    assert all(complaint.startswith(f"{ARN} cannot be read: ") for complaint in complaints)
    assert all(complaint.endswith(" (tried for 8 s)") for complaint in complaints)
    throttled, hung, refused = complaints
    assert "ThrottlingException: Rate exceeded" in throttled
    assert "took too long" in hung
    assert f"no answer from {nowhere}: " in refused
    assert "refused" in refused.lower()


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"],
)
def test_what_will_not_pass_is_said_at_once(code: str, runtime: Runtime, answers: Answers) -> None:
    answers.script = [error(code, "two\nlines " + "x" * 400)]
    complaint = read(runtime, answers.environment("API_KEY")).complaint
    assert complaint.startswith(f"{ARN} cannot be read: {code}: two lines xxx")
    assert len(answers.requests) == 1


def test_a_secret_that_is_gone_is_said(runtime: Runtime, emulator: Emulator, secret: Secret) -> None:
    emulator.client("secretsmanager", ACCOUNT, REGION).delete_secret(
        SecretId=secret.arn, ForceDeleteWithoutRecovery=True
    )
    complaint = read(runtime, secret.moved("API_KEY")).complaint
    assert complaint.startswith(f"{secret.arn} cannot be read: ResourceNotFoundException: ")


def test_a_name_without_a_value_is_said(runtime: Runtime, secret: Secret) -> None:
    complaint = read(runtime, secret.moved("API_KEY", "TOKEN", "OTHER")).complaint
    assert complaint == f"OTHER, TOKEN cannot be set: {secret.arn} has no value of this name"


@pytest.mark.parametrize("found", ["1", "null", "true", '["top"]', '{"top": 1}', '"top\\u0000"', '"top\\ud800"'])
def test_what_no_variable_can_be_is_said(found: str, runtime: Runtime, secret: Secret) -> None:
    secret.put(f'{{"API_KEY": {found}, "DB_PASSWORD": "top"}}')
    complaint = read(runtime, secret.moved("API_KEY", "DB_PASSWORD")).complaint
    said = [f"API_KEY cannot be set: {secret.arn} has no text that fits a variable"]
    if "ud800" in found:  # half of a surrogate pair: not even JSON to some
        said.append(f"{secret.arn} cannot be read: its value is not a JSON object")
    assert complaint in said


@pytest.mark.parametrize("body", [*BODIES, *({"SecretString": text} for text in SECRET_STRINGS)], ids=repr)
def test_what_is_no_object_is_said_and_not_shown(body: object, runtime: Runtime, answers: Answers) -> None:
    answers.script = [Answer(body=body)]
    complaint = read(runtime, answers.environment("API_KEY")).complaint
    assert complaint == f"{ARN} cannot be read: its value is not a JSON object"


def test_an_object_without_the_name_is_not_mistaken(runtime: Runtime, answers: Answers) -> None:
    """No language's own properties of an object count as values."""
    answers.script = [value()]
    complaint = read(runtime, answers.environment("toString", "keys")).complaint
    assert complaint.startswith("keys, toString cannot be set")


def test_a_chunked_answer_is_understood(runtime: Runtime, answers: Answers) -> None:
    body = {"SecretString": json.dumps({"API_KEY": "k" * 3000})}
    answers.script = [Answer(body=body, chunked=True)]
    environment = answers.environment("API_KEY")
    assert read(runtime, environment).environment == expected(environment, {"API_KEY": "k" * 3000})


def test_markers_without_a_secret_are_said(runtime: Runtime) -> None:
    complaint = read(runtime, {"A_KEY": "{{warden}}", "B_KEY": "{{warden}}"}).complaint
    assert complaint == "A_KEY, B_KEY cannot be set: there is no WARDEN_SECRET"


def test_what_is_no_arn_is_said(runtime: Runtime, answers: Answers) -> None:
    for given in ("warden/orders", ARN.replace("eu-west-1", "eu.evil.example/"), ARN.replace("arn:aws", "arn:x")):
        complaint = read(runtime, answers.environment("API_KEY", WARDEN_SECRET=given)).complaint
        assert complaint == f"WARDEN_SECRET is not the ARN of a secret: {given}"


# Credentials and endpoints.


def test_with_snapstart_credentials_come_from_lambdas_endpoint(runtime: Runtime, answers: Answers) -> None:
    keys = {"AccessKeyId": "ASIASNAP", "SecretAccessKey": "snap", "Token": "snap-token", "Expiration": "2099"}
    answers.script = [Answer(500), told(keys), KEY]
    environment = answers.environment(
        "API_KEY",
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{answers.url}/v1/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="for-lambda",
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        del environment[name]
    assert read(runtime, environment).environment == expected(environment, {"API_KEY": "key"})
    _, asked, sent = answers.requests
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("GET", "/v1/credentials", "for-lambda")
    assert "Credential=ASIASNAP/" in sent.headers["authorization"]
    assert sent.headers["x-amz-security-token"] == "snap-token"


def test_without_credentials_it_says_so(runtime: Runtime, answers: Answers) -> None:
    for keys in ({}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{answers.url}/v1/credentials"}):
        answers.script = [told({})]
        environment = {"API_KEY": "{{warden}}", "WARDEN_SECRET": ARN, "AWS_ENDPOINT_URL": answers.url, **keys}
        assert read(runtime, environment).complaint == f"{ARN} cannot be read: the function has no credentials"


def test_the_services_own_endpoint_goes_first(runtime: Runtime, answers: Answers) -> None:
    answers.script = [KEY]
    nowhere = "http://127.0.0.1:1"
    both = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": answers.url, "AWS_ENDPOINT_URL": nowhere}
    assert read(runtime, answers.environment("API_KEY", **both)).code == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1", "http:"])
def test_an_endpoint_that_is_none_is_said(url: str, runtime: Runtime, answers: Answers) -> None:
    complaint = read(runtime, answers.environment("API_KEY", AWS_ENDPOINT_URL=url)).complaint
    assert complaint == f"{ARN} cannot be read: its endpoint {url} is no URL with http or https"


# In the place of an interpreter: tells what the wrapper chose, and connects to nothing.
TELLING = '#!/bin/bash\nwhile [[ $1 != https://* ]]; do shift; done\necho "$1 $2" >&2\n'


def _endpoints() -> Iterator[tuple[str, str, str]]:
    """Partitions, a Region of each, and the host there, as botocore knows them."""
    data = botocore.session.Session().get_data("endpoints")
    for partition in data["partitions"]:
        region = next(iter(partition["regions"]))
        yield partition["partition"], region, f"secretsmanager.{region}.{partition['dnsSuffix']}"


@pytest.mark.parametrize("name", ["python3.12", "node", "ruby"])
def test_without_an_override_the_endpoint_is_the_regions(name: str, tmp_path: Path) -> None:
    interpreter = tmp_path / name
    interpreter.write_text(TELLING)
    interpreter.chmod(0o755)
    found = list(_endpoints())
    assert len(found) >= 8
    for partition, region, host in found:
        arn = f"arn:{partition}:secretsmanager:{region}:111111111111:secret:a-b"
        overridden = {"AWS_ENDPOINT_URL": "http://other", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}
        for more in ({}, overridden):
            assert start([str(interpreter)], {"WARDEN_SECRET": arn, **more}).log == f"https://{host} {region}\n"


# TLS.


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody knows, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_certificate_that_nobody_vouches_for_is_refused(runtime: Runtime, certificate: Path) -> None:
    lax = {
        "NODE_TLS_REJECT_UNAUTHORIZED": "0",
        "NODE_EXTRA_CA_CERTS": str(certificate),
        "PYTHONHTTPSVERIFY": "0",
        "SSL_CERT_FILE": str(certificate),
    }
    with Answers(certificate) as answers:
        began = time.monotonic()
        complaint = read(runtime, answers.environment("API_KEY", **lax)).complaint
        assert time.monotonic() - began < 2
        assert answers.requests == []
    assert complaint.startswith(f"{ARN} cannot be read: no answer from https://127.0.0.1:")
    assert "certificate" in complaint


def test_a_bundle_of_certificates_is_honoured(runtime: Runtime, certificate: Path) -> None:
    with Answers(certificate) as answers:
        answers.script = [KEY]
        environment = answers.environment("API_KEY", AWS_CA_BUNDLE=str(certificate))
        assert read(runtime, environment).environment == expected(environment, {"API_KEY": "key"})


def test_a_bundle_that_is_not_there_is_said_at_once(runtime: Runtime, certificate: Path, tmp_path: Path) -> None:
    with Answers(certificate) as answers:
        began = time.monotonic()
        environment = answers.environment("API_KEY", AWS_CA_BUNDLE=str(tmp_path / "none.pem"))
        assert read(runtime, environment).complaint.startswith(f"{ARN} cannot be read: ")
        assert time.monotonic() - began < 2
