"""What the documentation says of the local account's actions is about exactly those that it carries out."""

from local.account.fis.actions.registry import ACTIONS
from local.account.fis.effects import EFFECTS


def test_every_action_that_the_account_carries_out_says_what_it_does() -> None:
    assert set(EFFECTS) == set(ACTIONS)
