"""The `warden` command. Exit codes: 0 success, 1 problems found, 2 bad usage or no access."""

from __future__ import annotations

import sys

import click
from botocore.exceptions import BotoCoreError, ClientError

from warden.check_env import check_env
from warden.demo import demo
from warden.loops import loops
from warden.scan import scan
from warden.send import send
from warden.tickets import approve, exempt, snooze, tickets, undo

_HELP = """Look after the Lambda functions of an AWS Organization: find, fix, explain, undo.

\b
Try it on this machine, without an AWS account:
  warden demo                       the whole system, with mistakes to fix
  warden tickets                    what it found (from a second terminal)
  warden undo TICKET                take a fix back

Credentials, Region and endpoint are boto3's own: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL.
"""


@click.group(help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lambda-warden", prog_name="warden")
def warden() -> None:
    """Hold the commands together."""


for _command in (demo, scan, loops, check_env, send, tickets, approve, undo, snooze, exempt):
    warden.add_command(_command)


def main() -> None:
    """Run the command line; every error is one line."""
    try:
        status = warden.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"warden: {error.format_message()}", err=True)
        sys.exit(2 if isinstance(error, click.UsageError) else error.exit_code)
    except click.Abort:
        click.echo("warden: stopped", err=True)
        sys.exit(130)
    except (ClientError, BotoCoreError) as error:
        click.echo(f"warden: AWS: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
