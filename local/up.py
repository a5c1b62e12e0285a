"""Starts, stops and describes the local chaos account: the account server, the sample workload, the deployed stack.

The workload starts before the deployment, so that the baseline's history grows while CloudFormation works.
`start_account` can be repeated: it returns a running account as it is, and replaces one that runs only in part. If
anything fails, or on Ctrl-C, it leaves nothing running.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from local import deploy as deployment
from local import processes, shipped
from local.deploy import ROOT, TELL_SECONDS, Place, Synthesis
from local.workload.settings import RESILIENT, WORKLOADS

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
# A key of its own: the CDK CLI remembers in the home folder which account a key belongs to.
ACCESS_KEY = "AKIASQUALLLOCALACCT0"
SECRET_KEY = "squall-local-account-only"
STACK = "Squall"
READY_SECONDS = 180.0
"""How long a process may take to answer since it last logged something: five seconds on an idle machine. A process that
ends is not waited for."""
CHANGE_SECONDS = 180.0
"""How long a changed workload may take until it has what its settings ask for: a function starts its first execution
environment."""
ANSWER_SECONDS = 20.0
"""A process that does not answer its health check within this time counts as not answering at all."""
PARTS = ("workload", "account")
"""The parts in the order in which they stop: the workload first, so that it does not report a vanished account."""
_OF_WORKLOAD = ("group", "load_balancer_arn", "target_group_arn", "dimensions", "balancer_url", "inventory", "database")

Progress = Callable[[str], None]
Way = Callable[[Place, Path, str], dict[str, str]]

# Requests to loopback bypass every proxy that the environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Identity:
    """Which account it is: its id, Region and root key, and the file with the endpoints of the other accounts that its STS
    knows, by account id."""

    account_id: str = ACCOUNT_ID
    region: str = REGION
    access_key: str = ACCESS_KEY
    peers: str | None = None
    idle_seconds: int | None = None
    """How long a function's environment outlives its last invocation, to save memory; None: as long as the account."""


class LocalAccountError(RuntimeError):
    """The local account can't do what was asked; the message says why and what helps."""


@dataclass(frozen=True)
class Account:
    """A running local account, as `account.json` holds it."""

    endpoint: str
    region: str
    account_id: str
    access_key: str
    secret_key: str
    workload_url: str
    profile: str
    stack_name: str
    pids: dict[str, int]
    ports: dict[str, int]
    instances: dict[str, Any]
    workload: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.endpoint, self.region, self.account_id, self.access_key, self.secret_key)

    def environment(self) -> dict[str, str]:
        """The variables that point any AWS tool at this account."""
        return self.place.environment()

    def client(self, service: str) -> Any:
        """A boto3 client of this account."""
        return self.place.client(service)


@dataclass(frozen=True)
class Status:
    """Which processes of an account are alive."""

    state: str
    """`up`, `down` or `half-alive`."""
    parts: dict[str, bool]
    account: Account | None
    detail: str = ""


def _ignore_progress(message: str) -> None:
    pass


def start_account(  # noqa: PLR0913 - what an account is made of
    state_dir: str | Path = ".local",
    profile: str = "ideal",
    port: int = 0,
    *,
    deploy: bool = True,
    stack_name: str = STACK,
    experiments: str = str(shipped.EXPERIMENTS),
    workload: str | None = None,
    identity: Identity = Identity(),
    settings: Mapping[str, str] | None = None,
    made_as: str | None = None,
    on_progress: Progress = _ignore_progress,
) -> Account:
    """Start the account and the workload, and deploy unless told not to; returns when all of it is ready.

    `experiments`: folder of the catalogue to deploy, relative to the repository's root. `workload`: a name of
    `local.workload.settings.WORKLOADS`; None keeps a running workload as it is and starts a resilient one. `settings`: more
    settings of the stack. `made_as`: the stack's name in CloudFormation, where that is not `stack_name`.
    """
    folder = Path(state_dir).resolve()
    if workload is not None and workload not in WORKLOADS:
        raise LocalAccountError(f"no workload {workload!r}; there are {', '.join(WORKLOADS)}")
    with _hold_lock(folder):
        now = read_status(folder)
        running = now.account if now.state == "up" and now.account and now.account.profile == profile else None
        if running is not None:
            on_progress(f"already running at {running.endpoint}")
            if workload is not None:
                change_workload(running, workload=workload)
        elif now.state != "down":
            on_progress(f"starting anew: {now.detail or 'another profile is wanted'}")
        context = {**deployment.make_context(identity.account_id, identity.region, stack_name, experiments), **(settings or {})}
        synthesis = Synthesis(context, folder / "cdk.out") if deploy else None
        try:
            account = running or _start_account(folder, profile, port, stack_name, workload or RESILIENT, identity, on_progress)
            if synthesis is not None:
                on_progress("synthesizing the stack")
                way = partial(deployment.deploy_quickly, made_as=made_as)
                account = _deploy_stack(folder, account, synthesis.wait(on_progress), way, on_progress)
        except BaseException:
            if synthesis is not None:
                synthesis.cancel()
            # An account that was running before stays.
            if running is None:
                _stop_account(folder)
            raise
    return account


def stop_account(state_dir: str | Path = ".local") -> None:
    """Stop everything of the account; raises LocalAccountError if a process survives."""
    folder = Path(state_dir).resolve()
    with _hold_lock(folder):
        _stop_account(folder)


def delete_unpacked(state_dir: str | Path = ".local") -> None:
    """Delete the functions' code that a stopped account had unpacked: over a gigabyte in many small files."""
    shutil.rmtree(Path(state_dir).resolve() / "tmp", ignore_errors=True)


def read_status(state_dir: str | Path = ".local") -> Status:
    """The state of the account, by its processes and their answers."""
    folder = Path(state_dir).resolve()
    records = {name: processes.read_record(folder, name) for name in PARTS}
    parts = {name: record is not None and record.alive for name, record in records.items()}
    account = _read_account(folder)
    if account is not None and all(parts.values()):
        deaf = [url for url in (_read_health(account), f"{account.workload_url}/healthz") if not _is_answering(url)]
        if not deaf:
            return Status("up", parts, account)
        return Status("half-alive", parts, account, f"no answer from {', '.join(deaf)}; see {folder}/logs")
    if any(parts.values()) or processes.list_leftovers(folder):
        dead = [name for name, alive in parts.items() if not alive]
        detail = f"{' and '.join(dead)} not running" if dead else "account.json is missing"
        return Status("half-alive", parts, account, f"{detail}; see {folder}/logs")
    return Status("down", parts, None)


def list_variables(state_dir: str | Path = ".local") -> dict[str, str]:
    """The variables that point any AWS tool at the running account."""
    return load_account(state_dir).environment()


def list_poison() -> dict[str, str]:
    """Variables with which no AWS tool reaches any account: an address where nothing listens, and invalid keys.

    `eval "$(squall local env)"` runs whatever is printed, and goes on if nothing is printed. The next call would then
    use the shell's own credentials.
    """
    return Place("http://127.0.0.1:9", REGION, ACCOUNT_ID, "THE-LOCAL-ACCOUNT-IS-NOT-UP", "none").environment()


def load_account(state_dir: str | Path = ".local") -> Account:
    """The running account. Raises LocalAccountError if there is none."""
    now = read_status(state_dir)
    if now.state != "up" or now.account is None:
        raise LocalAccountError(f"the local account is {now.state}{': ' + now.detail if now.detail else ''}; start it with `make local-up`")
    return now.account


def change_workload(account: Account, **settings: object) -> dict[str, Any]:
    """Change the settings of the running workload (see docs/local.md); returns all settings. Raises LocalAccountError
    if refused."""
    # The address is the workload's own, always http on this machine.
    request = urllib.request.Request(f"{account.workload_url}/settings", data=json.dumps(settings).encode())  # noqa: S310
    try:
        with _DIRECT.open(request, timeout=CHANGE_SECONDS) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            raise LocalAccountError(f"the sample workload refuses {settings}: {error.read().decode(errors='replace')}") from error


def deploy_stack(
    state_dir: str | Path = ".local", cdk_out: str | Path | None = None, *, cli: bool = False, on_progress: Progress = _ignore_progress
) -> Account:
    """Deploy into the running account, with the CDK CLI (`cli`) or the quick way. Synthesizes unless given
    `cdk_out`."""
    folder = Path(state_dir).resolve()
    account = load_account(folder)
    if cdk_out is None:
        on_progress("synthesizing the stack")
        assembly = Synthesis(deployment.make_context(account.account_id, account.region, account.stack_name), folder / "cdk.out").wait(
            on_progress
        )
    else:
        assembly = Path(cdk_out).resolve()
    return _deploy_stack(folder, account, assembly, deployment.deploy_by_cdk if cli else deployment.deploy_quickly, on_progress)


def _start_account(
    folder: Path, profile: str, port: int, stack_name: str, workload: str, identity: Identity, on_progress: Progress
) -> Account:
    ports = {"account": port or _free_port(), "workload": _free_port()}
    endpoint, workload_url = (f"http://127.0.0.1:{ports[name]}" for name in ("account", "workload"))
    place = Place(endpoint, identity.region, identity.account_id, identity.access_key, SECRET_KEY)
    _stop_account(folder)
    if not _is_free(ports["account"]):
        raise LocalAccountError(f"port {ports['account']} is in use by another program; choose another or none")
    on_progress(f"starting the account at {endpoint}")
    server = [sys.executable, "-m", "local.account.server", "--port", str(ports["account"]), "--state-dir", str(folder)]
    server += ["--workload-url", workload_url, "--profile", profile, "--account-id", identity.account_id, "--region", identity.region]
    server += ["--peers", identity.peers] if identity.peers else []
    server += ["--idle-seconds", str(identity.idle_seconds)] if identity.idle_seconds is not None else []
    # The endpoint variable reaches the Lambda workers too: their clients must find this account and no other.
    environment = {**place.environment(), "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    pids = {"account": _start_part(folder, "account", server, environment, f"{endpoint}/_ministack/health", on_progress).pid}
    on_progress("starting the workload")
    manager = [sys.executable, "-m", "local.workload", "--port", str(ports["workload"]), "--endpoint", endpoint]
    manager += ["--state-dir", str(folder), "--region", identity.region, "--workload", workload]
    pids["workload"] = _start_part(folder, "workload", manager, environment, f"{workload_url}/healthz", on_progress).pid
    overview = _get_json(f"{workload_url}/workload")
    account = Account(
        **asdict(place),
        workload_url=workload_url,
        profile=profile,
        stack_name=stack_name,
        pids=pids,
        ports=ports,
        instances={"web": [web["id"] for web in overview["instances"]], **overview["bystanders"]},
        workload={key: overview[key] for key in _OF_WORKLOAD},
    )
    _write_account(folder, account)
    return account


def _deploy_stack(folder: Path, account: Account, assembly: Path, way: Way, on_progress: Progress) -> Account:
    on_progress(f"deploying {account.stack_name}")
    account = replace(account, outputs=way(account.place, assembly, account.stack_name))
    _write_account(folder, account)
    return account


def _stop_account(folder: Path) -> None:
    for name in PARTS:
        processes.stop_process(folder, name)
    left = processes.kill_leftovers(folder)
    if left:
        raise LocalAccountError(f"these processes of the local account do not die: {left}")
    (folder / "account.json").unlink(missing_ok=True)


def _start_part(
    folder: Path, name: str, command: list[str], environment: Mapping[str, str], url: str, on_progress: Progress
) -> processes.Record:
    """Start a process and wait until its address answers as healthy, as long as its log grows.

    Raises LocalAccountError with what this start has logged, immediately if the process ends.
    """
    log = folder / "logs" / f"{name}.log"
    logged_before = _size_of(log)
    record = processes.start_process(name, command, folder, ROOT, environment)
    if not _wait_while_it_logs(lambda: _is_answering(url) or not record.alive, name, log, on_progress) or not _is_answering(url):
        last = log.read_bytes()[logged_before:].decode(errors="replace").splitlines()[-15:] if log.exists() else []
        state = f"did not answer and logged nothing for {READY_SECONDS:.0f} s" if record.alive else "ended"
        raise LocalAccountError("\n".join([f"the {name} process {state}; {log} ends with:", *(last or ["(nothing since this start)"])]))
    return record


def _wait_while_it_logs(has_settled: Callable[[], bool], name: str, log: Path, on_progress: Progress) -> bool:
    """Whether the process settled. Gives up when its log has not grown for READY_SECONDS."""
    began = time.monotonic()
    while not processes.wait_until(has_settled, TELL_SECONDS, interval=0.1):
        quiet = time.time() - (log.stat().st_mtime if log.exists() else 0)
        if time.monotonic() - began > READY_SECONDS and quiet > READY_SECONDS:
            return False
        on_progress(f"waiting for the {name} to answer, {time.monotonic() - began:.0f} s so far")
    return True


def _size_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _read_health(account: Account) -> str:
    return f"{account.endpoint}/_ministack/health"


def _is_answering(url: str) -> bool:
    try:
        _get_json(url)
    except (OSError, ValueError):
        return False
    return True


def _get_json(url: str) -> Any:
    with _DIRECT.open(url, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _read_account(folder: Path) -> Account | None:
    try:
        return Account(**json.loads((folder / "account.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write_account(folder: Path, account: Account) -> None:
    temporary = folder / "account.json.new"
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(asdict(account), indent=2))
    temporary.replace(folder / "account.json")


@contextmanager
def _hold_lock(folder: Path) -> Iterator[None]:
    """Allow one `start_account` or `stop_account` at a time for each state folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalAccountError(f"another `local up` or `local down` is at work in {folder}") from None
        yield
