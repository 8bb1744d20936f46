"""Finds code that fetches objects with an audience without `visible_to`; used by tests/test_architecture.py."""

from __future__ import annotations

import ast
from dataclasses import dataclass

MANAGERS = {"objects", "_default_manager", "_base_manager"}
READS = {"all", "filter", "exclude", "get", "first", "last", "earliest", "latest", "order_by", "values", "values_list",
         "iterator", "in_bulk", "select_related", "prefetch_related", "annotate", "count", "exists"}  # fmt: skip
SHORTCUTS = {"get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404"}


@dataclass(frozen=True)
class Guarded:
    """Models that may be accessed only through `visible_to`."""

    #: Names of the model classes, and of their concrete base classes.
    models: frozenset[str]
    #: Names of relations to them, as in `product.articles`.
    accessors: frozenset[str]


def ways_around(source: str, guarded: Guarded) -> list[int]:
    """The lines that fetch guarded models without `visible_to` in the same expression.

    Arguments of `reindex` are allowed, because the index handles audiences.
    """
    return _Module(ast.parse(source), guarded).lines()


class _Module:
    def __init__(self, tree: ast.Module, guarded: Guarded) -> None:
        self.tree, self.guarded = tree, guarded
        self.parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
        self.real_names = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def lines(self) -> list[int]:
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                around = self.is_query(node)
            elif isinstance(node, ast.Call):
                around = self.is_short_cut(node)
            else:
                around = isinstance(node, ast.ClassDef) and self.is_generic_view(node)
            if around:
                found.add(node.lineno)
        return sorted(found)

    def is_query(self, node: ast.Attribute) -> bool:
        """Whether it is `Thread.objects.…`, `kind.objects.…` or `area.threads.…` without a later `visible_to`."""
        names, user = self.chain_from(node)
        of_model = node.attr in MANAGERS and (self.name(node.value) in self.guarded.models or self.is_any(node.value))
        of_relation = node.attr in self.guarded.accessors and bool(names) and names[0] in READS
        is_reindexed = isinstance(user, ast.Call) and self.name(user.func) == "reindex"
        return (of_model or of_relation) and "visible_to" not in names and not is_reindexed

    def is_short_cut(self, node: ast.Call) -> bool:
        """Whether it is `get_object_or_404(Thread)`, `get_model("community.Thread")`, `prefetch_related("threads")`."""
        called = self.name(node.func)
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if called in SHORTCUTS:
            return bool(node.args) and self.name(node.args[0]) in self.guarded.models
        if called == "get_model":
            return any(text.rpartition(".")[2] in self.guarded.models for text in texts)
        return called == "prefetch_related" and any(self.guarded.accessors & set(text.split("__")) for text in texts)

    def is_generic_view(self, node: ast.ClassDef) -> bool:
        """Whether it is a generic view, such as a `ListView`, that fetches its `model` itself."""
        of_model = any(
            isinstance(line, ast.Assign)
            and [self.name(target) for target in line.targets] == ["model"]
            and self.name(line.value) in self.guarded.models
            for line in node.body
        )
        return of_model and self.is_view(node) and "visible_to" not in ast.dump(node)

    def is_view(self, node: ast.ClassDef) -> bool:
        return any(self.name(base).endswith("View") for base in node.bases)

    def is_any(self, node: ast.AST) -> bool:
        """Whether it is a variable, which may be any model."""
        if isinstance(node, ast.Name):
            return self.name(node)[:1].islower()
        if isinstance(node, ast.Attribute):
            return node.attr == "model"
        return isinstance(node, ast.Call) and self.name(node.func) == "type"

    def name(self, node: ast.AST) -> str:
        """The last part of a name, with import aliases resolved."""
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        return self.real_names.get(name, name)

    def chain_from(self, node: ast.AST) -> tuple[list[str], ast.AST]:
        """The attributes that follow `node`, and the call that the whole expression is passed to."""
        names, at = [], node
        while isinstance(parent := self.parents[at], ast.Attribute) or (
            isinstance(parent, ast.Call) and parent.func is at
        ):
            if isinstance(parent, ast.Attribute):
                names.append(parent.attr)
            at = parent
        return names, self.parents[at]
