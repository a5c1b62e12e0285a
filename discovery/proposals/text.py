"""Writes a proposal as a YAML file: why, what to do first, and the experiment."""

import textwrap
from collections.abc import Iterator

import yaml

from discovery.proposals.propose import Proposal
from squall.domain.base.printable import one_line

_WIDTH = 110
MARK = "# Proposed by `squall discover`, which replaces this file at its next scan. Copy it elsewhere before you change it."
"""The first line of every file. A file without it is somebody's own, and is neither deleted nor overwritten."""


def write_yaml(proposal: Proposal) -> str:
    """The file's text. Text from the account can't end a comment early: it is made one line, or quoted by YAML."""
    body = yaml.dump(proposal.definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "\n".join([MARK, "#", *_list_comments(proposal), "", body])


class _Dumper(yaml.SafeDumper):
    """A dumper without aliases, because Squall does not read them."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _list_comments(proposal: Proposal) -> Iterator[str]:
    yield from _wrap(f"{proposal.why} Risk: {proposal.risk}.")
    yield from _wrap(proposal.basis)
    for need in proposal.needs:
        yield from _wrap(f"It needs {need}.")
    if proposal.tag_commands:
        yield "# First opt in:"
        yield from (f"#   {one_line(command)}" for command in proposal.tag_commands)
    yield f"# Then: squall plan {proposal.name}.yaml"


def _wrap(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(one_line(text), _WIDTH)]
