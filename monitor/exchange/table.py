"""Spreadsheets as rows of texts, from and to CSV and XLSX. What comes in is hostile; what goes out, Excel opens."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec
import openpyxl
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from inventory.files import Unreadable, read_bytes

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 100
MAX_CELL = 1000
"""Characters."""
MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes that the parts of an XLSX file may be in all."""
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
)
"""What openpyxl raises: whatever the parsers under it meet in a hostile file."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a text (case A39)."""


class NoTable(Exception):
    """The file is no spreadsheet that can be read; the text says why."""


class Table(msgspec.Struct, frozen=True):
    """One sheet: the headings, and each later row with its number, counted from 1 as spreadsheets do."""

    name: str
    """File, and sheet if it has several."""
    head_row: int
    heads: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]

    def place(self, row: int, column: int | None = None) -> str:
        """Return how people find a row, or a cell of it."""
        cell = f", column {get_column_letter(column + 1)}" if column is not None else ""
        return f"{self.name}, row {row}{cell}"


def read(path: Path, sheet: str = "") -> Table:
    """Return the table in a CSV or XLSX file; of an XLSX file the sheet named, else the first. Raises `NoTable`."""
    try:
        raw = read_bytes(path, path.parent, MAX_BYTES)
    except Unreadable as error:
        raise NoTable(f"{path}: {error}") from None
    name = path.name
    if raw.startswith(b"PK"):
        name, rows = _xlsx(path.name, raw, sheet)
    else:
        rows = _csv(path.name, raw)
    return _table(name, rows)


def _table(name: str, rows: Iterator[Sequence[str]]) -> Table:
    """Take the first row with at least two texts for the headings: titles stand above them alone."""
    kept: list[tuple[int, Sequence[str]]] = []
    head: tuple[int, Sequence[str]] | None = None
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise NoTable(f"{name}: more than {MAX_ROWS} rows")
        cells = [_unguarded(cell.strip()[:MAX_CELL]) for cell in row[:MAX_COLUMNS]]
        if head is None and sum(map(bool, cells)) >= 2:
            head = number, cells
        elif head is not None and any(cells):
            kept.append((number, cells))
    if head is None:
        raise NoTable(f"{name}: there is no row of headings")
    return Table(name, *head, kept)


def _csv(name: str, raw: bytes) -> Iterator[Sequence[str]]:
    text = _decoded(name, raw)
    sample = text[:20_000]
    delimiter = max(",;\t", key=lambda sign: sample.count(sign))
    csv.field_size_limit(1_000_000)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise NoTable(f"{name}: {error}") from None


def _decoded(name: str, raw: bytes) -> str:
    """Decode as Excel saves: UTF-8 with or without a mark, UTF-16 with one."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise NoTable(f"{name}: is not UTF-8; save it as 'CSV UTF-8', or as XLSX") from None
    if "\0" in text:
        raise NoTable(f"{name}: is no text")
    return text


def _xlsx(name: str, raw: bytes, sheet: str) -> tuple[str, Iterator[Sequence[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
        if len(parts) > 10_000 or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise NoTable(f"{name}: unpacks to more than {MAX_UNPACKED // 2**20} MiB")
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    except NoTable:
        raise
    except _BROKEN as error:
        raise NoTable(f"{name}: is no XLSX file that can be read ({type(error).__name__})") from None
    if sheet and sheet not in book.sheetnames:
        raise NoTable(f"{name}: has no sheet {sheet!r}; it has: {', '.join(book.sheetnames)[:300]}")
    chosen = book[sheet] if sheet else book.worksheets[0] if book.worksheets else None
    if chosen is None:
        raise NoTable(f"{name}: has no sheet")
    title = f"{name}, sheet {chosen.title!r}" if len(book.sheetnames) > 1 else name
    return title, _cells(name, chosen)


def _cells(name: str, sheet: object) -> Iterator[Sequence[str]]:
    try:
        for row in sheet.iter_rows(max_col=MAX_COLUMNS, max_row=MAX_ROWS + 1, values_only=True):  # type: ignore[attr-defined]
            yield [_text(cell) for cell in row]
    except _BROKEN as error:  # sheets are parsed while they are read
        raise NoTable(f"{name}: is no XLSX file that can be read ({type(error).__name__})") from None


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).replace("\r", " ").replace("\n", " ")


def write_csv(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV file as Excel opens it: UTF-8 with a mark; no text can become a formula."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(heads)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return codecs.BOM_UTF8 + stream.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unguarded(text: str) -> str:
    """Take off the mark that `_harmless` puts before a text."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def write_xlsx(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return an XLSX file with one sheet: headings that stay in sight, every cell a text."""
    book = openpyxl.Workbook(write_only=False)
    sheet = book.create_sheet(title, 0)
    book.remove(book.worksheets[1])
    sheet.freeze_panes = "A2"
    for number, row in enumerate([heads, *rows], 1):
        for index, text in enumerate(row, 1):
            cell = sheet.cell(number, index)
            cell.value, cell.data_type = text or None, "s"
            cell.font = Font(bold=number == 1)
    for index in range(1, len(heads) + 1):
        widest = max(
            (len(str(cell.value or "")) for cell in sheet[get_column_letter(index)][:500]), default=8
        )
        sheet.column_dimensions[get_column_letter(index)].width = min(max(widest + 2, 10), 50)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
