"""The YAML in which people write definitions: plain data, as JSON has it."""

import yaml

from squall.domain.base.printable import one_line

KEY_CHARACTERS = 80


class StrictLoader(yaml.SafeLoader):
    """A YAML loader that refuses what is not plain: repeated keys (PyYAML would keep the last value), keys that are no
    text, and aliases, by which a small file becomes a huge or endless definition. Dates stay text."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not accepted, write it out", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or an object; expected text", key.start_mark)
            if key.value in keys:
                repeated = f"the key {one_line(key.value, KEY_CHARACTERS)!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, repeated, key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep=deep)


StrictLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
