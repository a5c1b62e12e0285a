"""A message to people as a value: its contents without layout. An adapter renders it.

Its texts may come from anybody. The renderer makes each one a single printable line (`printable.one_line`), so that no
text can look like a section of the message. Dataclasses only, because the halt path imports this module.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One statement: one line of the message, and its detail, if it has any, on a line below."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class Section:
    """Facts under a title. A renderer leaves out a section without facts."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Link:
    """Where people find more: a URL that needs access of their own, never a presigned one."""

    label: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Message:
    subject: str
    facts: tuple[Fact, ...]
    """What people read first."""
    attributes: Mapping[str, str]
    """The attributes by which subscriptions filter; an empty value is left out."""
    sections: tuple[Section, ...] = ()
    links: tuple[Link, ...] = ()
    thread: str = ""
    """The id of the execution that the message is about: a chat shows the messages of one execution together. Empty: it is
    about none, or about several."""
    commands: tuple[str, ...] = ()
    """The commands with which people act on the message, ready to copy. In mails, sections say them."""


def facts_of(lines: Iterable[str]) -> tuple[Fact, ...]:
    """A fact without detail for each line that is not empty."""
    return tuple(Fact(line) for line in lines if line)
