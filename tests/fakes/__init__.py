"""In-memory implementations of every port, tied together by `FakeWorld`; shared by all tests."""

from tests.fakes.world import FakeWiring, FakeWorld

__all__ = ["FakeWiring", "FakeWorld"]
