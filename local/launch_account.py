"""Starts `local.account.server` with the workload's truth patches installed beside the account's own.

The account server builds its application from `local.account.install.install`; adding to that is all this does.
"""

from __future__ import annotations

import sys

from local.account import install, server
from local.workload import ministack_truth


def main() -> int:
    """Install both sets of patches, then serve."""
    own = install.install

    def both() -> None:
        own()
        ministack_truth.install()

    install.install = both
    return server.main()


if __name__ == "__main__":
    sys.exit(main())
