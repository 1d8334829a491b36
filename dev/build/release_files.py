"""What the archive of a release has: built parts, and the template and the documents as they fit beside them."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_KEPT = (
    "LICENSE",
    "*.md",
    "deploy.example.toml",
    "dashboards/*",
    "docs/*",
    "infra/database/*.sql",
    "infra/deploy-policy*.json",
)
_LEFT_OUT = {"CONTRIBUTING.md", "dashboards/alerts_test.yaml"}
_TEMPLATE = "infra/template.yaml"
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def contents(functions: Path, layer: Path) -> dict[str, bytes]:
    """Return the files by their names, from the built functions and their built layer."""
    files = {f"functions/{name}": content for name, content in _tree(functions)}
    files |= {f"layer/{name}": content for name, content in _tree(layer)}
    files["template.yaml"] = template((_ROOT / _TEMPLATE).read_text()).encode()
    for path in sorted({path for pattern in _KEPT for path in _ROOT.glob(pattern)}):
        name = path.relative_to(_ROOT).as_posix()
        # What starts with a dot is an editor's or a system's, which git may ignore.
        if _is_own(path) and not path.name.startswith(".") and name not in _LEFT_OUT:
            files[name] = path.read_bytes()
    names = set(files)
    for name in [name for name in files if name.endswith(".md")]:
        files[name] = relinked(files[name].decode(), posixpath.dirname(name), names).encode()
    return files


def template(text: str) -> str:
    """Return the template with what is built beside it, and nothing to build."""
    text, functions = re.subn(r"(?m)^( +CodeUri:) \.\./functions/$", r"\1 functions/", text)
    text, layers = re.subn(r"(?m)^( +ContentUri:) \.\./layers/dependencies/$", r"\1 layer/", text)
    text, methods = re.subn(r"(?m)^ +BuildMethod: makefile\n", "", text)
    if (functions, layers, methods) != (2, 1, 3):
        raise ValueError(f"{_TEMPLATE} is not laid out as this expects: {functions}, {layers}, {methods}")
    return re.sub(r"(?m)^    Metadata:\n(?! {6})", "", text)


def relinked(text: str, folder: str, names: set[str]) -> str:
    """Return a document whose links lead to files of the archive; what leads elsewhere becomes text."""

    def link(found: re.Match[str]) -> str:
        target, hash_, anchor = found[2].partition("#")
        if not target or "://" in target:
            return found[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        if path == _TEMPLATE and "template.yaml" in names:
            moved = posixpath.relpath("template.yaml", folder or ".")
            return f"[{found[1]}]({moved}{hash_}{anchor})"
        return found[0] if path in names else found[1]

    return _LINK.sub(link, text)


def _tree(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        if _is_own(path):
            yield path.relative_to(directory).as_posix(), path.read_bytes()


def _is_own(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
