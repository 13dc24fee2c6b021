"""The bench starts code as Lambda does, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import awslambdaric
import pytest

from tests.bench.bundles import Code, extract, zip_of
from tests.bench.runtime_api import Execution, ExecutionError

RUNTIME = Path(awslambdaric.__file__).parents[1]

HANDLER = """
import os
print("started in", os.getcwd())

def handler(event, context):
    print("handling", event)
    if event == "fail":
        raise ValueError("as asked")
    return [event, context.function_name, os.environ["COLOUR"]]
"""


def code(folder: Path, handler: str = HANDLER, name: str = "app.handler") -> Code:
    (folder / "app.py").write_text(handler)
    return Code(name, folder, variables={"COLOUR": "green", "AWS_LAMBDA_FUNCTION_NAME": "painter"})


def test_code_runs_under_awss_own_client_with_its_variables(tmp_path: Path) -> None:
    with Execution(code(tmp_path), RUNTIME) as execution:
        first, answer = execution.invoke("one")
        _, again = execution.invoke("é" * 10)
        assert execution.init_ms > 0 < first
        assert f"started in {tmp_path}" in execution.log()
    assert answer == ["one", "painter", "green"]
    assert again == ["é" * 10, "painter", "green"]
    assert execution.cpu_ms > 0
    assert not list(tmp_path.glob("**/__pycache__"))


def test_a_handler_that_raises_is_an_error_with_its_log(tmp_path: Path) -> None:
    with (
        Execution(code(tmp_path), RUNTIME) as execution,
        pytest.raises(ExecutionError, match=r"(?s)as asked.*handling fail"),
    ):
        execution.invoke("fail")


@pytest.mark.parametrize(
    ("source", "name", "because"),
    [
        ("raise RuntimeError('no colour')\n", "app.handler", "no colour"),
        ("", "missing.handler", "No module named 'missing'"),
    ],
)
def test_code_that_cannot_start_says_why_and_ends(source: str, name: str, because: str, tmp_path: Path) -> None:
    execution = Execution(code(tmp_path, source, name), RUNTIME)
    with pytest.raises(ExecutionError, match=because), execution:
        pytest.fail("it started")
    assert execution.cpu_ms > 0


def test_no_process_is_left(tmp_path: Path) -> None:
    source = "import os\n\ndef handler(event, context):\n    return os.getpid()\n"
    with Execution(code(tmp_path, source), RUNTIME) as execution:
        _, pid = execution.invoke(None)
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_folder_comes_out_of_its_zip_as_it_went_in(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "file.py").write_text("x = 1\n" * 1000)
    zipped = zip_of(tmp_path / "in")
    assert (extract(zipped, tmp_path / "out") / "deep" / "file.py").read_text() == "x = 1\n" * 1000
    assert len(zipped) < 1000


def test_compiled_code_has_bytecode_and_the_original_stays_without(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    original = code(tmp_path / "code")
    compiled = original.compiled(tmp_path / "copies")
    assert list(compiled.task.glob("__pycache__/app.*.pyc"))
    assert [path.name for path in original.task.iterdir()] == ["app.py"]
    assert compiled.variables == original.variables
