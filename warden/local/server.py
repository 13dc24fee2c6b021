"""The emulator's own process: ``python -m warden.local.server``.

Listens on 127.0.0.1 only, tells its parent the port over a pipe, and ends with its parent, its Lambda workers included.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from typing import Any

logger = logging.getLogger("warden.local")

# How long open connections get to finish when the server is told to stop.
_GRACE_SECONDS = 0.2


def main() -> None:
    """Serve until told to stop or until the parent is gone."""
    options = _options()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(1024)
    scratch = options.scratch or tempfile.mkdtemp(prefix="warden-local-")
    _environment(listener.getsockname()[1], scratch, options)
    _limit_open_files()
    if options.parent_fd is not None:
        threading.Thread(target=_end_with_parent, args=(options.parent_fd, scratch), daemon=True).start()
    asyncio.run(_serve(listener, options, scratch))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An embedded AWS on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--workers", type=int, default=8, help="asynchronous invocations at a time")
    parser.add_argument("--concurrency", type=int, default=1000, help="limit of each account")
    parser.add_argument("--no-iam", dest="enforce_iam", action="store_false", help="allow every call")
    parser.add_argument("--scratch", default="", help="a folder for everything it writes; removed at the end")
    parser.add_argument("--ready-fd", type=int, help="where to write the port once it serves")
    parser.add_argument("--parent-fd", type=int, help="a pipe that closes when the parent is gone")
    return parser.parse_args()


def _environment(port: int, scratch: str, options: argparse.Namespace) -> None:
    """The engine reads its configuration from the environment on import, and its Lambda workers inherit it."""
    tempfile.tempdir = scratch
    os.environ |= {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": "true" if options.enforce_iam else "false",
        # Limits are per account and Region, and this layer's: the engine's one is for all together.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": scratch,
        "S3_DATA_DIR": f"{scratch}/s3",
        "STATE_DIR": f"{scratch}/state",
    }


def _limit_open_files() -> None:
    """A burst of connections and workers needs more than the usual 1,024 descriptors."""
    import resource  # noqa: PLC0415 # not on every platform

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _end_with_parent(pipe: int, scratch: str) -> None:
    """The pipe's other end is open only in the parent: reading returns when the parent ends, however it ends."""
    while os.read(pipe, 1):
        pass
    shutil.rmtree(scratch, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


async def _serve(listener: socket.socket, options: argparse.Namespace, scratch: str) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415 # after the environment is set
    from hypercorn.config import Config  # noqa: PLC0415 # likewise

    from warden.local.assembly import assemble  # noqa: PLC0415 # likewise

    gateway = assemble(workers=options.workers, concurrency=options.concurrency, enforce_iam=options.enforce_iam)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = _GRACE_SECONDS
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await gateway(scope, receive, send)
            return

        async def announcing(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete" and options.ready_fd is not None:
                os.write(options.ready_fd, json.dumps({"port": listener.getsockname()[1]}).encode())
                os.close(options.ready_fd)

        await gateway(scope, receive, announcing)

    try:
        await serve(application, config, shutdown_trigger=stop.wait)
    finally:
        _clean(scratch)


def _clean(scratch: str) -> None:
    from ministack.core import lambda_runtime  # noqa: PLC0415 # after the environment is set

    lambda_runtime.reset()
    shutil.rmtree(scratch, ignore_errors=True)
    logging.shutdown()
    sys.stdout.flush()
    # Pollers and workers of the engine are daemon threads that may be inside a call; nothing is left to wait for.
    os._exit(0)


if __name__ == "__main__":
    main()
