"""The package runs on Linux, macOS and Windows: what only some of them have is named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
POSIX_ONLY = {"fcntl", "grp", "pwd", "resource", "termios"}
OPENS_BYTES = {"Image", "archive", "os", "wave"}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("bachlit", "callbacks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def opens_text(call: ast.Call) -> bool:
    """Whether a call reads or writes text: read_text, write_text, or an open without a b in its mode."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in ("read_text", "write_text"):
        return True
    if call.func.attr != "open" or ast.unparse(call.func.value) in OPENS_BYTES:
        return False
    return not any("b" in str(argument.value) for argument in call.args if isinstance(argument, ast.Constant))


def test_every_text_file_is_opened_as_utf_8() -> None:
    """Windows takes another encoding where none is named."""
    calls = [(path, node) for path, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    bare = [
        f"{path}:{call.lineno}"
        for path, call in calls
        if opens_text(call) and "encoding" not in [keyword.arg for keyword in call.keywords]
    ]
    assert bare == []


def test_nothing_that_one_system_lacks_is_imported_at_once() -> None:
    for path, tree in modules():
        imported = [
            alias.name.split(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names
        ]
        imported += [str(node.module).split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)]
        assert not POSIX_ONLY.intersection(imported), path


def test_signals_that_one_system_lacks_are_asked_for_by_name_nowhere() -> None:
    """SIGKILL, SIGHUP and the like: Windows has SIGINT, SIGTERM and few others."""
    everywhere = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"}
    for path, tree in modules():
        at_import = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
        names = {
            node.attr
            for statement in at_import
            for node in ast.walk(statement)
            if isinstance(node, ast.Attribute) and node.attr.startswith("SIG")
        }
        assert names <= everywhere, path
