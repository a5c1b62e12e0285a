"""Finds what the values of environment variables refer to. Values may be secrets: they are compared, never kept."""

import re
from collections.abc import Iterable, Mapping

_HOST = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
_URL = re.compile(rf"[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?(?P<host>{_HOST})(?=[:/?\s'\"]|$)")
_WORD = re.compile(r"[A-Za-z0-9:/_.-]+")
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")


def find_references(values: Iterable[str], known: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the known things that the values name, and the host names of all other URLs except those of AWS.

    An ARN or an endpoint counts anywhere in a value. A plain name, such as a table's, counts only as the whole value.
    """
    ids: set[str] = set()
    hosts: set[str] = set()
    for value in values:
        words = {word for word in _list_words(value) if "." in word or ":" in word} | {value.strip()}
        ids |= {known[word] for word in words if word in known}
        named = {match["host"] for match in _URL.finditer(value)}
        hosts |= {host for host in named if host not in known and not host.endswith(_AMAZON) and not _ADDRESS.fullmatch(host)}
    return tuple(sorted(ids)), tuple(sorted(hosts))


def _list_words(value: str) -> Iterable[str]:
    """The words of a value, the same words without port and path, and the hosts of its URLs."""
    yield from (match["host"] for match in _URL.finditer(value))
    for word in _WORD.findall(value):
        yield word
        yield word.partition(":")[0].partition("/")[0]
