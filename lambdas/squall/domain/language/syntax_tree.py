"""Reading lark's syntax tree: the nodes of a rule, the tokens in a node, and where a token stands in the sentence."""

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from lark import Token, Tree

    Node = Tree[Token]


def find_node(node: "Node", rule: str) -> "Node | None":
    """The first node of that rule directly below; None if there is none."""
    return next((cast("Node", child) for child in node.children if getattr(child, "data", None) == rule), None)


def require_node(node: "Node", rule: str) -> "Node":
    """The first node of that rule directly below. The grammar must promise that there is one."""
    child = find_node(node, rule)
    if child is None:
        raise AssertionError(f"the grammar promises {rule} in {node.data}")
    return child


def tokens_of(node: "Node") -> "list[Token]":
    """The tokens directly below."""
    return [child for child in node.children if not hasattr(child, "data")]


def number_and_unit(quantity: "Node") -> "tuple[Token, Token | None]":
    """The number of a quantity, and its unit if one is written."""
    tokens = tokens_of(quantity)
    return tokens[0], tokens[1] if len(tokens) > 1 else None


def unquote_token(token: "Token") -> str:
    """The text of a token, without the quotes around it."""
    return token[1:-1] if token.type == "QUOTED" else str(token)


def start_of(token: "Token") -> int:
    """The position at which the token begins, 0-based."""
    return token.start_pos or 0


def end_of(token: "Token") -> int:
    """The position at which the token ends, 0-based, exclusive."""
    return token.end_pos or 0
