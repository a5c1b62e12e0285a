"""The `squall` command: starts, follows, aborts and shows experiments, on AWS and in the local account."""
