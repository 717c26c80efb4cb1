"""Pages of the site: those of docs/, and those that the repository keeps elsewhere.

MkDocs calls the functions named ``on_...``; ``mkdocs.yml`` names this file. A page is written for
readers of the repository, so its links lead from file to file; here they are led from page to page.
What is linked and is no page is copied as it is.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SECTIONS = {
    "Home": ["README.md"],
    "Use": [
        "docs/tutorial.ipynb",
        "docs/formats.md",
        "docs/ground.md",
        "docs/covariances.md",
        "docs/surrogate.md",
        "docs/planes-and-lines.md",
        "config/README.md",
        "profiles/README.md",
        "docs/ecosystem.md",
        "docs/glossary.md",
    ],
    "Results": [
        "docs/results.md",
        "docs/paper.md",
        "docs/systematics.md",
        "docs/nongaussian.md",
        "docs/parameter.md",
        "docs/scaling.md",
        "BENCHMARKS.md",
    ],
    "Inside": ["ARCHITECTURE.md", "findings/README.md", "CONTRIBUTING.md", "CHANGELOG.md"],
}
"""The order of the pages that are there; those of docs/ that are not named here come last."""

NAMES = {
    "README.md": "index.md",
    "config/README.md": "configuration.md",
    "profiles/README.md": "profiles.md",
    "findings/README.md": "findings.md",
}
"""Pages whose address is not that of their file."""

LINK = re.compile(
    r"(?P<code>^ *```.*?^ *```|`[^`\n]+`)"
    r"|(?P<before>\]\(|(?:src|href)=\")(?P<target>[^)\s\"]+)",
    re.DOTALL | re.MULTILINE,
)
"""A link of Markdown or HTML, or a piece of code, in which there are none."""


def nav(root: Path = ROOT) -> dict[str, list[str]]:
    """The pages that are there, by section, as paths relative to the repository."""
    named = listed(SECTIONS)
    found = sorted([*(root / "docs").glob("*.md"), *(root / "docs").glob("*.ipynb")])
    more = [path.relative_to(root).as_posix() for path in found]
    sections = {**SECTIONS, "More": [path for path in more if path not in named]}
    there = {
        title: [path for path in paths if (root / path).is_file()]
        for title, paths in sections.items()
    }
    return {title: paths for title, paths in there.items() if paths}


def listed(sections: dict[str, list[str]]) -> list[str]:
    """The pages of all sections in their order."""
    return [path for paths in sections.values() for path in paths]


def address(path: str, pages: list[str]) -> str:
    """Where a file of the repository lies in the site, before MkDocs makes HTML of it."""
    if path in pages:
        page = path.removeprefix("docs/")
        return NAMES.get(path, str(Path(page.lower()).with_suffix(".md")))
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"


def links(text: str) -> Iterator[str]:
    """The targets of the links of a Markdown text."""
    return (match["target"] for match in LINK.finditer(text) if match["target"])


def is_relative(target: str) -> bool:
    """Whether a link leads to a file of the repository."""
    return not re.match(r"[a-z]+:|[#/]", target)


def resolve(source: str, target: str) -> str:
    """The file that a relative link of a page leads to, without the anchor."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target.partition("#")[0]))


def lead(text: str, source: str, pages: list[str]) -> str:
    """The text of a page with its links leading from page to page.

    Parameters
    ----------
    text : Markdown
    source : the page's path in the repository
    pages : paths of all pages in the repository
    """
    here = posixpath.dirname(address(source, pages))

    def replace(match: re.Match) -> str:
        target = match["target"]
        if not target or not is_relative(target):
            return match[0]
        there = posixpath.relpath(address(resolve(source, target), pages), here or ".")
        _, hash_sign, anchor = target.partition("#")
        return f"{match['before']}{there}{hash_sign}{anchor}"

    return LINK.sub(replace, text)


def widen(text: str) -> str:
    """Markdown whose lists are written as MkDocs' parser wants them.

    A repository's web page takes what belongs to an item from where the item's text begins;
    here it is four spaces per level. An item after a paragraph of another one needs an empty line.
    """
    lines, begins, fence, parted = [], [], False, False
    for line in text.splitlines():
        words = line.lstrip()
        indent = len(line) - len(words)
        if words and not fence:
            while begins and indent < begins[-1]:
                begins.pop()
        inner = max(indent - (begins[-1] if begins else 0), 0)
        item = not fence and inner < 4 and re.match(r" *(?:[-*+]|\d+[.)]) +", line)
        if item and parted and lines[-1]:
            lines.append("")
        parted = (parted or not words) and bool(begins) and not item
        if item:
            begins.append(item.end())
        level = len(begins) - bool(item)
        lines.append(" " * (4 * level + inner) + words if words else "")
        fence ^= words.startswith("```")
    return "\n".join(lines) + "\n"


def read(path: str) -> tuple[str, dict[str, bytes]]:
    """A page's Markdown, and the pictures that a notebook holds by their names."""
    if not path.endswith(".ipynb"):
        return (ROOT / path).read_text(encoding="utf-8"), {}
    from nbconvert import MarkdownExporter

    folder = f"{Path(path).stem}_files"
    text, found = MarkdownExporter().from_filename(
        str(ROOT / path), resources={"output_files_dir": folder}
    )
    return text, {f"docs/{name}": content for name, content in found["outputs"].items()}


def on_config(config):
    """Give MkDocs the navigation."""
    sections = nav()
    pages = listed(sections)
    entries = {title: [address(path, pages) for path in paths] for title, paths in sections.items()}
    home = entries.pop("Home")[0]
    config.nav = [{"Home": home}, *({title: found} for title, found in entries.items())]
    return config


def on_files(files, config):
    """Put every page in its place with its links led, and what is linked beside it."""
    from mkdocs.structure.files import File

    pages = listed(nav())
    for file in list(files):
        if file.src_uri.endswith((".md", ".ipynb")):
            files.remove(file)
    present = {file.src_uri for file in files}
    for page in pages:
        text, pictures = read(page)
        content = widen(lead(text, page, pages))
        files.append(File.generated(config, address(page, pages), content=content))
        for name, picture in pictures.items():
            files.append(File.generated(config, address(name, pages), content=picture))
            present.add(address(name, pages))
        for target in filter(is_relative, links(text)):
            linked = resolve(page, target)
            place = address(linked, pages)
            if linked in pages or place in present or not (ROOT / linked).is_file():
                continue  # what is missing MkDocs reports
            files.append(File.generated(config, place, abs_src_path=str(ROOT / linked)))
            present.add(place)
    return files
