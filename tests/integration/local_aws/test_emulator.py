"""The emulator's own life: it starts, is emptied, and never outlives whoever started it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import boto3
import pytest

from warden.local.emulator import Emulator, EmulatorError

from .resources import HUB, MEMBER, create_function, create_queue, until


def processes_of(group: int) -> list[int]:
    """Live processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _parent, of_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(of_group) == group and state != "Z":
                found.append(int(entry.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads Linux's /proc")
BUSY = "import time\ndef handler(event, context): print('began'); time.sleep(60)"
PARENT = """
import sys, time
from local_aws.resources import create_function
from warden.local.emulator import Emulator
aws = Emulator()
aws.start()
create_function(aws, "222222222222", "busy", {busy!r}, Timeout=90)
aws.client("lambda", "222222222222").invoke(FunctionName="busy", InvocationType="Event")
while len(aws.calls(operation="Invoke")) < 1: time.sleep(0.01)
time.sleep(0.5)
print(aws._process.pid, aws.port, flush=True)
time.sleep(60)
"""


@needs_proc
@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT], ids=lambda one: one.name)
def test_ends_with_its_parent_and_takes_the_lambda_workers_with_it(with_signal: signal.Signals, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(busy=BUSY)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    group = int(parent.stdout.readline().split()[0])
    assert len(processes_of(group)) >= 2
    parent.send_signal(with_signal)
    parent.wait(20)
    parent.stdout.close()
    until(lambda: not processes_of(group))
    until(lambda: not list(tmp_path.glob("warden-local-*/")))


@needs_proc
def test_stops_with_everything_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    aws = Emulator(log_path=tmp_path / "server.log")
    with aws:
        assert aws._process is not None
        group = aws._process.pid
        create_function(aws, MEMBER, "busy", BUSY, Timeout=90)
        aws.client("lambda", MEMBER).invoke(FunctionName="busy", InvocationType="Event")
        until(lambda: len(processes_of(group)) >= 2)
    until(lambda: not processes_of(group))
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]
    aws.stop()


@needs_proc
def test_listens_on_the_loopback_address_only(shared_emulator: Emulator) -> None:
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert f"0100007F:{shared_emulator.port:04X}" in listening
    assert f"00000000:{shared_emulator.port:04X}" not in listening


def test_says_why_it_did_not_start(shared_emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="Address already in use"):
        Emulator(port=shared_emulator.port).start()


def test_tells_another_process_what_it_is(shared_emulator: Emulator) -> None:
    with urlopen(f"{shared_emulator.endpoint}/_warden/info") as answer:  # noqa: S310 # always http on 127.0.0.1
        assert json.load(answer)["name"] == "warden-local"


def test_gives_other_tools_an_environment(emulator: Emulator) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    env = {**emulator.session_env(HUB), "PATH": os.environ["PATH"]}
    found = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == HUB


def test_a_reset_empties_every_account_and_restores_the_settings(emulator: Emulator) -> None:
    for account in (HUB, MEMBER):
        create_queue(emulator, account, "q")
        create_function(emulator, account, "orders")
    emulator.configure(floor={MEMBER: 3}, pending_seconds=60)
    emulator.fault("sqs:ListQueues", status=503)
    emulator.reset()
    assert emulator.calls() == []
    assert not emulator.client("sqs", HUB).list_queues().get("QueueUrls")
    assert emulator.client("lambda", MEMBER).list_functions()["Functions"] == []
    create_function(emulator, MEMBER, "orders")


def test_is_not_idle_while_a_function_runs(emulator: Emulator) -> None:
    create_function(emulator, MEMBER, "slow", "import time\ndef handler(event, context): time.sleep(0.6)")
    emulator.client("lambda", MEMBER).invoke(FunctionName="slow", InvocationType="Event")
    assert not emulator.idle(0.3)
    assert emulator.idle(5)


def test_names_what_a_caller_got_wrong(emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="has no queue missing"):
        emulator.dead_letters(MEMBER, "missing")
    with pytest.raises(EmulatorError, match="names no account"):
        emulator.send_event({"source": "aws.health", "detail": {}})


def test_starts_without_iam_when_asked(tmp_path: Path) -> None:
    with Emulator(enforce_iam=False, log_path=tmp_path / "log") as aws:
        aws.client("iam", MEMBER).create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        role = f"arn:aws:iam::{MEMBER}:role/r"
        credentials = aws.client("sts", HUB).assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        session = boto3.Session(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], "us-east-1"
        )
        assert (
            session.client("sqs", endpoint_url=aws.endpoint).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        )


def test_an_errors_type_and_trace_are_the_handlers_and_the_process_lives_on(emulator: Emulator) -> None:
    source = """
import os
def handler(event, context):
    print("silent" if event.get("quiet") else "loud", os.getpid())
    if not event.get("quiet"):
        raise KeyError("missing")
"""
    create_function(emulator, MEMBER, "orders", source)
    client = emulator.client("lambda", MEMBER)
    answer = client.invoke(FunctionName="orders", Payload=b"{}")
    error = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'missing'")
    assert "app.py" in error["stackTrace"][0]
    client.invoke(FunctionName="orders", Payload=b'{"quiet": true}')
    lines = [line.split() for line in emulator.function_log(MEMBER, "orders").splitlines()]
    workers = {line[0]: line[1] for line in lines if line and line[0] in ("loud", "silent")}
    assert workers["loud"] == workers["silent"]
