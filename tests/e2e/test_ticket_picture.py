"""The picture of a ticket in the README: taken of the running system, and held to what its description says.

`WARDEN_PICTURES=docs/images make test-system ARGS="-k picture"` takes it anew.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.local_slack.chromium import Chromium, chromium_path
from warden.local.cloud import PAYMENTS, Cloud, until
from warden.local.functions import code, create_function

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
# Without the list of channels, which a narrow window leaves out, the ticket fills the picture.
WIDTH = 660
MOST_BYTES = 150_000


def test_the_picture_shows_what_its_description_says(cloud: Cloud, tmp_path: Path) -> None:
    _as_developer(cloud, PAYMENTS, "orders")
    assert until(lambda: (t := cloud.ticket(PAYMENTS, "orders")) and t.fix and t.ts, 30)
    ticket = cloud.ticket(PAYMENTS, "orders")
    assert ticket is not None
    folder = Path(os.environ.get("WARDEN_PICTURES") or tmp_path)
    path = chromium_path()
    assert path is not None, "no Chromium here: apt-get install chromium"
    with Chromium(path) as page:
        for scheme in ("light", "dark"):
            page.look(width=WIDTH, height=900, dark=scheme == "dark")
            page.open(cloud.slack.url)
            article = f'article[data-ts="{ticket.ts}"]'
            page.wait_for(f"document.querySelector('{article}') !== null")
            # The mark of a message that was just changed fades away.
            page.evaluate("document.querySelectorAll('.changed').forEach(e => e.classList.remove('changed'))")
            shown = page.text(article)
            picture = _clipped(page, article)
            assert len(picture) < MOST_BYTES
            (folder / f"ticket-{scheme}.png").write_bytes(picture)
    description = re.search(r'<img alt="([^"]+)"[^>]*ticket-light\.png', (ROOT / "README.md").read_text())
    assert description is not None
    # What the description puts between quotation marks stands in the ticket, word for word.
    quoted = re.findall(r"“([^”]+)”", description[1])
    assert len(quoted) >= 6
    assert [words for words in quoted if words not in " ".join(shown.split())] == []


def _clipped(page: Chromium, selector: str) -> bytes:
    """Return a PNG of one element, larger than on the page so that it stays sharp."""
    page.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
    box = page.evaluate(
        f"(r => ({{x: r.x, y: r.y, width: r.width, height: r.height}}))"
        f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
    )
    answer = page.send("Page.captureScreenshot", format="png", clip={**box, "scale": 1.5})
    return base64.b64decode(answer["data"])


def _as_developer(cloud: Cloud, account: str, name: str) -> None:
    """Create a critical function in the way a developer does: in a role, under one's own name."""
    create_function(cloud, account, "makes-the-role", {})
    iam, sts = cloud.client("iam", account), cloud.client("sts", account)
    anyone = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    may = {
        "Effect": "Allow",
        "Action": ["lambda:CreateFunction", "lambda:TagResource", "iam:PassRole"],
        "Resource": "*",
    }
    role = iam.create_role(RoleName="Dev", AssumeRolePolicyDocument=_document(anyone))["Role"]["Arn"]
    iam.put_role_policy(RoleName="Dev", PolicyName="deploy", PolicyDocument=_document(may))
    keys = sts.assume_role(RoleArn=role, RoleSessionName="alice")["Credentials"]
    cloud.client_with(keys, "lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{account}:role/app",
        Handler="app.handler",
        Code={"ZipFile": code()},
        Tags={"warden:tier": "critical"},
    )


def _document(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
