"""What is deployed is the program that was written, line for line."""

from __future__ import annotations

import ast
import traceback
from pathlib import Path

import pytest

from stacks.bundle import REPOSITORY
from stacks.lean import lean

FILES = sorted((REPOSITORY / "functions").rglob("*.py"))

WRITTEN = '''"""Says what it is.

At length.
"""

from __future__ import annotations  # stays first

# The number of things.
NUMBER = 3  # three
TEXT = """not a docstring  # not a comment
  """
CALL = dict(  # comments
    a="# none",
    # between
    b=1,
)


class Thing:
    """A thing."""

    name: str = "é"  # its name
    """Said about a field."""

    def only_said(self) -> None:
        """Do nothing: ü."""

    def fails(self) -> None:
        """Fail.

        Raises `ValueError`.
        """  # noqa
        # here
        raise ValueError("here")
'''

DEPLOYED = '''"."




from __future__ import annotations


NUMBER = 3
TEXT = """not a docstring  # not a comment
  """
CALL = dict(
    a="# none",

    b=1,
)


class Thing:
    "."

    name: str = "é"
    "."

    def only_said(self) -> None:
        "."

    def fails(self) -> None:
        "."




        raise ValueError("here")
'''


def test_comments_and_docstrings_are_left_out_and_every_line_stays_where_it_was() -> None:
    assert lean(WRITTEN) == DEPLOYED


def test_a_traceback_names_the_lines_as_they_were_written() -> None:
    names: dict[str, type] = {}
    exec(compile(lean(WRITTEN), "written.py", "exec"), names)  # noqa: S102 # our own text, above
    with pytest.raises(ValueError, match="here") as caught:
        names["Thing"]().fails()
    line = traceback.extract_tb(caught.tb)[-1].lineno
    assert line is not None
    assert WRITTEN.splitlines()[line - 1].strip() == 'raise ValueError("here")'


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_every_file_is_the_same_program_on_the_same_lines(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert program(lean(source)) == program(source)
    assert lean(lean(source)) == lean(source)


def test_the_comparison_sees_a_statement_that_moved_or_changed() -> None:
    """Otherwise the test above could not fail."""
    found = {program(text) for text in ("a = 1\nb = 2\n", "a = 1\n\nb = 2\n", "a = 1\nb = 3\n", "a = 1\n'b'\nb = 2\n")}
    assert len(found) == 4


def program(source: str) -> str:
    """Every node with where it begins and ends, but for docstrings, whose text and end are not compared."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value = ast.Constant("", lineno=node.lineno, col_offset=node.col_offset)
            node.end_lineno = node.end_col_offset = None
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            # A docstring may be the last that is in it.
            node.end_lineno = node.end_col_offset = None
    return ast.dump(tree, include_attributes=True)
