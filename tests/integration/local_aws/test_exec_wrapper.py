"""A function's process is started through the wrapper of its layers, in Python and in Node, as Lambda does it."""

import io
import json
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from warden.local import exec_wrapper
from warden.local.emulator import Emulator

from .resources import MEMBER, until

HUB = "111111111111"
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
ADDS = '#!/bin/bash\nexport ADDED="by the wrapper" DB="$(printf %s "$DB" | tr a-z A-Z)"\nexec "$@"\n'
FAILS = "#!/bin/bash\necho 'no secret today' >&2\nexit 3\n"
PYTHON = "import os\ndef handler(event, context): return {n: os.environ.get(n) for n in event}\n"
NODE = "exports.handler = async (event) => Object.fromEntries(event.map((n) => [n, process.env[n] ?? null]));\n"
CODE = {"python3.13": ("app.py", PYTHON), "nodejs22.x": ("app.js", NODE)}


def zipped(files: dict[str, tuple[str, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (text, mode) in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def layer(aws: Emulator, account: str, name: str, files: dict[str, tuple[str, int]]) -> str:
    client = aws.client("lambda", account)
    arn: str = client.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)})["LayerVersionArn"]
    return arn


def create(aws: Emulator, runtime: str, variables: dict[str, str], *layers: str) -> Any:
    iam = aws.client("iam", MEMBER)
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    client = aws.client("lambda", MEMBER)
    file, source = CODE[runtime]
    client.create_function(
        FunctionName="orders",
        Runtime=runtime,
        Role=f"arn:aws:iam::{MEMBER}:role/app",
        Handler="app.handler",
        Code={"ZipFile": zipped({file: (source, 0o644)})},
        Environment={"Variables": variables},
        Layers=list(layers),
    )
    until(lambda: client.get_function(FunctionName="orders")["Configuration"]["State"] == "Active")
    return client


def invoke(client: Any, *names: str) -> tuple[str, Any]:
    answer = client.invoke(FunctionName="orders", Payload=json.dumps(names))
    return answer.get("FunctionError", ""), json.loads(answer["Payload"].read())


@pytest.mark.parametrize("runtime", CODE)
def test_what_the_wrapper_makes_of_the_environment_is_what_the_code_sees(emulator: Emulator, runtime: str) -> None:
    arn = layer(emulator, MEMBER, "adds", {"tools/wrap": (ADDS, 0o755)})
    strange = "two\nlines, ü, 'quoted' \"twice\" $(x) `y`"
    client = create(emulator, runtime, {WRAPPER: "/opt/tools/wrap", "DB": "secret", "AS_IS": strange}, arn)
    assert invoke(client, "ADDED", "DB", "AS_IS", WRAPPER) == (
        "",
        {"ADDED": "by the wrapper", "DB": "SECRET", "AS_IS": strange, WRAPPER: "/opt/tools/wrap"},
    )


def test_a_change_of_environment_or_layers_starts_anew(emulator: Emulator) -> None:
    arn = layer(emulator, MEMBER, "adds", {"wrap": (ADDS, 0o755)})
    client = create(emulator, "python3.13", {"DB": "one"})
    assert invoke(client, "DB")[1] == {"DB": "one"}
    client.update_function_configuration(
        FunctionName="orders", Layers=[arn], Environment={"Variables": {"DB": "two", WRAPPER: "/opt/wrap"}}
    )
    until(lambda: client.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")
    assert invoke(client, "DB")[1] == {"DB": "TWO"}


def test_layers_are_laid_over_one_another_in_their_order(emulator: Emulator) -> None:
    first = layer(emulator, MEMBER, "first", {"wrap": (FAILS, 0o755)})
    second = layer(emulator, MEMBER, "second", {"wrap": (ADDS, 0o755)})
    client = create(emulator, "python3.13", {WRAPPER: "/opt/wrap", "DB": "x"}, first, second)
    assert invoke(client, "DB") == ("", {"DB": "X"})


@pytest.mark.parametrize("runtime", CODE)
def test_a_wrapper_that_fails_fails_the_start_and_its_words_are_in_the_log(emulator: Emulator, runtime: str) -> None:
    arn = layer(emulator, MEMBER, "fails", {"wrap": (FAILS, 0o755)})
    client = create(emulator, runtime, {WRAPPER: "/opt/wrap"}, arn)
    error, body = invoke(client)
    assert (error, body["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert body["errorMessage"].endswith("Runtime exited with error: exit status 3")
    until(lambda: "no secret today" in emulator.function_log(MEMBER, "orders"))


@pytest.mark.parametrize("files", [{}, {"wrap": (ADDS, 0o644)}], ids=["missing", "not executable"])
def test_a_wrapper_that_cannot_be_started_fails_the_start(
    emulator: Emulator, files: dict[str, tuple[str, int]]
) -> None:
    arn = layer(emulator, MEMBER, "other", {"README": ("x", 0o644), **files})
    error, body = invoke(create(emulator, "python3.13", {WRAPPER: "/opt/wrap"}, arn))
    assert (error, body["errorType"]) == ("Unhandled", "Runtime.ExitError")


def test_many_processes_are_started_at_once(tmp_path: Path) -> None:
    """A file that is open for writing cannot be executed, not even while another thread's new process has it open."""
    starts = "#!/bin/sh\nexit 0\n"
    package = zipped({"wrap": (starts, 0o555)})

    def start(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "layer_0.zip").write_bytes(package)
        command = [sys.executable, str(folder / "_worker.py")]
        return exec_wrapper._popen(command, env={WRAPPER: "/opt/wrap"}).wait()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(start, range(400))) == {0}


def test_a_version_keeps_its_environment_and_layers(emulator: Emulator) -> None:
    arn = layer(emulator, MEMBER, "adds", {"wrap": (ADDS, 0o755)})
    client = create(emulator, "python3.13", {"DB": "old"})
    version = client.publish_version(FunctionName="orders")["Version"]
    assert client.publish_version(FunctionName="orders")["Version"] == version, "nothing has changed since"
    client.update_function_configuration(
        FunctionName="orders", Layers=[arn], Environment={"Variables": {"DB": "new", WRAPPER: "/opt/wrap"}}
    )
    until(lambda: client.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")
    versions = {v["Version"]: v for v in client.list_versions_by_function(FunctionName="orders")["Versions"]}
    assert versions[version]["Environment"]["Variables"] == {"DB": "old"}
    assert versions["$LATEST"]["Environment"]["Variables"]["DB"] == "new"
    old = client.invoke(FunctionName="orders", Qualifier=version, Payload=json.dumps(["DB"]))
    assert json.loads(old["Payload"].read()) == {"DB": "old"}
    assert invoke(client, "DB")[1] == {"DB": "NEW"}


def test_a_layer_of_another_account_has_to_be_shared(emulator: Emulator) -> None:
    arn = layer(emulator, HUB, "shared", {"wrap": (ADDS, 0o755)})
    client = create(emulator, "python3.13", {"DB": "x", WRAPPER: "/opt/wrap"})
    with pytest.raises(ClientError, match="no resource-based policy allows the lambda:GetLayerVersion action"):
        client.update_function_configuration(FunctionName="orders", Layers=[arn])
    emulator.client("lambda", HUB).add_layer_version_permission(
        LayerName="shared", VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal=MEMBER
    )
    client.update_function_configuration(FunctionName="orders", Layers=[arn])
    until(lambda: client.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")
    assert invoke(client, "DB") == ("", {"DB": "X"})


def test_a_part_of_a_layer_can_be_downloaded(emulator: Emulator) -> None:
    arn = layer(emulator, MEMBER, "adds", {"wrap": (ADDS, 0o755)})
    client = emulator.client("lambda", MEMBER)
    url = client.get_layer_version_by_arn(Arn=arn)["Content"]["Location"]

    def get(span: str) -> tuple[int, str, bytes]:
        with urlopen(Request(url, headers={"Range": span} if span else {}), timeout=10) as answer:  # noqa: S310 - ours
            return answer.status, answer.headers.get("Content-Range", ""), answer.read()

    status, _, whole = get("")
    assert status == 200
    assert get("bytes=0-3") == (206, f"bytes 0-3/{len(whole)}", whole[:4])
    assert get("bytes=-22") == (206, f"bytes {len(whole) - 22}-{len(whole) - 1}/{len(whole)}", whole[-22:])
    assert get("bytes=5-") == (206, f"bytes 5-{len(whole) - 1}/{len(whole)}", whole[5:])


def test_what_runs_while_the_function_is_changed_runs_to_its_end(emulator: Emulator) -> None:
    client = create(emulator, "python3.13", {"DB": "old"})
    slow = "import os, time\ndef handler(event, context):\n    time.sleep(0.5)\n    return os.environ['DB']\n"
    client.update_function_code(FunctionName="orders", ZipFile=zipped({"app.py": (slow, 0o644)}))
    until(lambda: client.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.invoke, FunctionName="orders", Payload=b"{}")
        time.sleep(0.2)
        client.update_function_configuration(FunctionName="orders", Environment={"Variables": {"DB": "new"}})
        assert json.loads(running.result()["Payload"].read()) == "old"
    until(lambda: client.get_function(FunctionName="orders")["Configuration"]["LastUpdateStatus"] == "Successful")
    assert json.loads(client.invoke(FunctionName="orders", Payload=b"{}")["Payload"].read()) == "new"
