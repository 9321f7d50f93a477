"""The targets of the Makefile, what they take, and the scripts behind them, for docs/targets.md."""

import ast
import re
from pathlib import Path

_TARGET = re.compile(r"^([a-z][a-z-]*):.*?##\s*(.+)$")
_TAKEN = re.compile(r'print "  ([A-Z]+=\S+(?: c\.d=x\\")?)\s+(.+)"')
_HEAD = """# Make targets

Written by `make docs` from the Makefile and the scripts. `make help` prints targets and settings.
"""


def targets_markdown(root: Path) -> str:
    """The page, from the files of the repository in `root`."""
    lines = [_HEAD]
    for line in (root / "Makefile").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            lines += [f"\n## {line[3:]}\n", "| target | what it does |", "|---|---|"]
        elif found := _TARGET.match(line):
            lines.append(f"| `make {found[1]}` | {_cell(found[2])} |")
    lines += ["\n## On every target\n", "| variable | meaning |", "|---|---|"]
    for line in (root / "scripts" / "help.awk").read_text(encoding="utf-8").splitlines():
        if found := _TAKEN.search(line):
            given, meaning = (text.replace('\\"', '"') for text in found.groups())
            lines.append(f"| `{given}` | {_cell(meaning)} |")
    lines += ["\n## Scripts\n", "| script | what it does | for |", "|---|---|---|"]
    for path in sorted((root / "scripts").glob("*.py")):
        what, target = described(path)
        lines.append(f"| `scripts/{path.name}` | {_cell(what)} | {_cell(target)} |")
    return "\n".join(lines) + "\n"


def described(script: Path) -> tuple[str, str]:
    """The first line of a script's docstring, and what it says after Run."""
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    run = re.search(r"^Run {2,}(.+)", text, re.MULTILINE)
    return text.partition("\n")[0], f"`{run[1]}`" if run else "all of them"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
