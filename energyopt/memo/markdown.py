"""Exhibits as Markdown to paste, and as CSV files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from energyopt.memo.exhibits import Memo
from energyopt.memo.table import DOUBT, Cell, Table

LOW = f"{DOUBT} rests on an input of low confidence, see exhibit 32."


def markdown(memo: Memo) -> str:
    """Return the whole memo in Markdown, the one-page version first."""
    run = memo.run
    parts = [f"# {_plain(run.title)}", f"Money in {run.money}. {_plain(run.source())}"]
    parts += ["## One page", *(markdown_table(t, "###") for t in memo.first_page)]
    rest = [t for t in memo.tables if t not in memo.first_page]
    if memo.short:
        return "\n\n".join(parts) + "\n"
    parts += ["## Exhibits", *(markdown_table(t, "###") for t in rest)]
    missing = [f"- Exhibit {n}: {why}" for n, why in memo.not_covered.items()]
    parts += ["## Not covered", "\n".join(missing)]
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table, level: str = "##") -> str:
    """Return one exhibit; a pipe or an angle bracket of a case stays text."""
    heads = [_plain(column.title) for column in table.columns]
    rule = ["---:" if numeric else "---" for numeric in table.numeric]
    lines = [_line(heads), _line(rule)]
    for row in table.rows:
        texts = [_plain(text) for text in row.texts()]
        if row.kind != "plain":
            texts = [f"**{text}**" if text else "" for text in texts]
        lines.append(_line(texts))
    notes = [*table.footnotes, *([LOW] if table.doubtful else [])]
    said = "\n".join(f"- {_plain(note)}" for note in notes)
    head = f"{level} Exhibit {table.number}. {_plain(table.title)}"
    caption = f"\n\n{_plain(table.caption)}" if table.caption else ""
    return f"{head}{caption}\n\n" + "\n".join(lines) + f"\n\n{said}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    r"""Return text that Markdown takes as it is, on one line.

    Examples
    --------
    >>> _plain("<b>a|b</b> *")
    '&lt;b&gt;a\\|b&lt;/b&gt; \\*'
    >>> _plain("O&M, &lt;")
    'O&M, &amp;lt;'
    """
    one = " ".join(text.split())
    one = re.sub(r"&(?=#?\w+;)", "&amp;", one)  # O&M stays as it is typed
    one = one.replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([|*`\[\]\\])", r"\\\1", one)


def write_csv(memo: Memo, folder: Path) -> list[Path]:
    """Write one CSV file a table, numbers unrounded, units in the heads.

    Parameters
    ----------
    memo : Memo
        What is written.
    folder : Path
        Made where it is not there.

    Returns
    -------
    list of Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("exhibit_*.csv"):  # of a memo with other runs beside it
        old.unlink()
    paths = []
    for table in memo.tables:
        count, letter = table.place
        path = folder / f"exhibit_{count:02d}{letter}_{table.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow([_head(c.key, c.unit) for c in table.columns])
            for row in table.rows:
                cells = [c.value if isinstance(c, Cell) else c for c in row.cells]
                out.writerow(["" if c is None else c for c in cells])
        paths.append(path)
    return paths


def _head(key: str, unit: str) -> str:
    return f"{key} [{unit}]" if unit else key
