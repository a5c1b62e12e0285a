"""The settings of one stack of a fleet, as its file has them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.account.fleet import HOME, Fleet, parse_fleet
from infra.strict_yaml import StrictLoader
from squall.domain.base.problems import InvalidInput, suggest_name


def add_fleet_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, and what the fleet's file says of the stack that `fleet_member` names. Raises ValueError if the file or
    the name is wrong, or if a setting is given that says something else than the file."""
    name = given.get("fleet_member")
    if name is None:
        return dict(given)
    file = given.get("fleet_file")
    if file is None:
        raise ValueError("fleet_member is a name in fleet_file: set both")
    from_file = _read_settings(_read_fleet(Path(str(file))), str(name))
    wrong = [key for key, value in from_file.items() if key in given and not _is_same(given[key], value)]
    if wrong:
        told = ", ".join(f"{key} is {given[key]}, and {file} says {_show(from_file[key])}" for key in wrong)
        raise ValueError(f"{told}: leave out what the file says")
    return {**given, **from_file}


def _read_fleet(file: Path) -> Fleet:
    try:
        return parse_fleet(yaml.load(file.read_text(), Loader=StrictLoader))  # noqa: S506 - a SafeLoader
    except OSError:
        raise ValueError(f"no such file: {file.resolve()}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: {' '.join(str(error).split())}") from None
    except InvalidInput as invalid:
        raise ValueError(f"{file}: {'; '.join(str(problem) for problem in invalid.problems)}") from None


def _read_settings(fleet: Fleet, name: str) -> dict[str, Any]:
    if name == HOME:
        return {"account": fleet.home.account, "region": fleet.home.region, "stack_name": fleet.home.stack}
    if name not in fleet.members:
        known = (HOME, *sorted(fleet.members))
        raise ValueError(f"the fleet {fleet.name} has {', '.join(known)}, and no member {name!r}{suggest_name(name, known)}")
    member = fleet.members[name]
    return {
        "account": member.account,
        "region": member.region,
        "stack_name": member.stack,
        "fleet_home_account": fleet.home.account,
        "fleet_external_id": member.external_id,
        "fleet_grants": member.grants,
    }


def _is_same(given: Any, value: Any) -> bool:
    if isinstance(value, tuple):
        listed = given.split(",") if isinstance(given, str) else given
        return sorted(str(part).strip() for part in listed) == sorted(value)
    return str(given) == str(value)


def _show(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
