"""In-memory implementations of every port, tied together by `world.FakeWorld`; shared by all tests."""
