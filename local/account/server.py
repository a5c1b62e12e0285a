"""Starts the local account: ``python -m local.account.server --port P --state-dir DIR --workload-url URL``."""

# ruff: noqa: PLC0415 - the emulator reads its environment while it is imported: not before that is set

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from local.account import profile, settings
from local.account.settings import Settings

STATE_FILE = "account-server.json"


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="local.account.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--workload-url", required=True, help="where the workload agent answers, http://127.0.0.1:PORT")
    parser.add_argument("--account-id", default="000000000000")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--peers", type=Path, help="the file with the endpoints of other local accounts and Regions")
    parser.add_argument("--idle-seconds", type=int, help="how long a function's environment outlives its last invocation")
    parser.add_argument("--profile", choices=sorted(profile.NAMED), default="ideal")
    return parser.parse_args(argv)


def prepare_environment(chosen: Settings) -> None:
    """Environment variables ministack reads while it is imported."""
    temporary = chosen.state_dir / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(chosen.port),
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": chosen.account_id,
            "MINISTACK_REGION": chosen.region,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "STATE_DIR": str(chosen.state_dir / "ministack"),
            "S3_DATA_DIR": str(chosen.state_dir / "s3"),
            "TMPDIR": str(temporary),
        }
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # The emulator itself must never sign or send anything outwards.
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        os.environ.pop(name, None)


async def serve_account(chosen: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    from local.account.install import build_app

    config = Config()
    config.bind = [f"127.0.0.1:{chosen.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = os.environ["LOG_LEVEL"]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app: Any = build_app()
    await hypercorn_serve(app, config, shutdown_trigger=stop.wait)


def main(argv: list[str] | None = None) -> int:
    """Run the account until it is told to stop."""
    options = parse_arguments(argv)
    workload_url = options.workload_url.rstrip("/")
    place = (options.account_id, options.region, options.peers, options.idle_seconds)
    chosen = Settings(options.port, options.state_dir.resolve(), workload_url, *place)
    settings.set_settings(chosen)
    profile.holder.use(profile.NAMED[options.profile])
    prepare_environment(chosen)
    record = chosen.state_dir / STATE_FILE
    record.write_text(json.dumps({"pid": os.getpid(), "endpoint": chosen.endpoint, "started_at": time.time()}))
    try:
        asyncio.run(serve_account(chosen))
    finally:
        record.unlink(missing_ok=True)
        from ministack.core import lambda_runtime

        lambda_runtime.reset()
    # Exit without the emulator's daemon threads, which may hold a lock: the work is done.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
