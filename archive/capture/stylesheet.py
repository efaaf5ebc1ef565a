"""What a style sheet refers to (CSS Syntax 3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import tinycss2
import webencodings
from tinycss2 import ast

from sijill.archive.capture.reference import References, Use

LARGEST = 2 << 20
"""Most characters of a style sheet that are searched: some seconds of work."""

# No reference can be in a text without one of these; most style attributes are settled by this alone.
_MARKS = ("url", "import", "image-set", "\\")
_CHARSET_RULE = re.compile(rb'@charset "([^"]{1,64})";')
_IMAGE_SETS = frozenset({"image-set", "-webkit-image-set"})


def decode_css(data: bytes, charset: str | None, environment: str | None) -> str:
    """The text of a style sheet (CSS Syntax 3 §3.2).

    Args:
        data: its bytes.
        charset: what Content-Type says of them.
        environment: the encoding of the document that refers to it.
    """
    rule = _CHARSET_RULE.match(data)
    named = rule[1].decode("ascii", errors="replace") if rule else None
    if named is not None and named.lower().startswith("utf-16"):
        named = "utf-8"  # it could not have been read as ASCII otherwise
    labels = (label for label in (charset, named, environment) if label)
    encoding = next((found for label in labels if (found := webencodings.lookup(label))), webencodings.UTF8)
    text, _ = webencodings.decode(data, encoding)
    return str(text)


def read_css(text: str, references: References) -> None:
    """Take everything that `text` (a style sheet, a style attribute) refers to into `references`, in its order."""
    lowered = text.lower()
    if not any(mark in lowered for mark in _MARKS):
        return
    values: Sequence[ast.Node] = tinycss2.parse_component_value_list(text[:LARGEST], skip_comments=True)
    # Blocks inside blocks are kept on a list: style sheets may nest deeper than Python lets functions call.
    open_blocks: list[Iterator[ast.Node]] = [iter(values)]
    rule: str | None = None
    while open_blocks:
        node = next(open_blocks[-1], None)
        if node is None:
            open_blocks.pop()
            continue
        if isinstance(node, ast.WhitespaceToken):
            continue
        target = _url(node)
        if rule == "import" and isinstance(node, ast.StringToken):
            target = node.value
        if target is not None and rule != "namespace":
            references.add(target, Use.STYLE if rule == "import" else Use.OTHER)
        rule = node.lower_value if isinstance(node, ast.AtKeywordToken) else None
        if target is None:
            open_blocks.append(iter(_inside(node, references)))


def _url(node: ast.Node) -> str | None:
    if isinstance(node, ast.URLToken):
        return str(node.value)
    if isinstance(node, ast.FunctionBlock) and node.lower_name in {"url", "src"}:
        return next((str(part.value) for part in node.arguments if isinstance(part, ast.StringToken)), None)
    return None


def _inside(node: ast.Node, references: References) -> Sequence[ast.Node]:
    if isinstance(node, ast.FunctionBlock):
        if node.lower_name in _IMAGE_SETS:
            for part in node.arguments:
                if isinstance(part, ast.StringToken):
                    references.add(part.value)
        return list(node.arguments)
    if isinstance(node, ast.CurlyBracketsBlock | ast.ParenthesesBlock | ast.SquareBracketsBlock):
        return list(node.content)
    return ()
