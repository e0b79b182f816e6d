"""The workbook in headless LibreOffice: it opens, and recalculates to the same values."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from memos import saved
from numpy.testing import assert_allclose

from energyopt.memo.exhibits import memo
from energyopt.memo.run import read_run
from energyopt.memo.workbook import write_workbook

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(
    SOFFICE is None, reason="no LibreOffice (Debian: libreoffice-calc)"
)
openpyxl = pytest.importorskip("openpyxl")

ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""
"""Recalculate on load, whatever the file has cached."""
CACHED = re.compile(rb"(<c [^>]*><f>[^<]*</f>)<v>[^<]*</v>")


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    run = read_run(saved(folder / "case"))
    return write_workbook(memo(run), folder / "memo.xlsx")


@pytest.fixture(scope="module")
def recalculated(workbook: Path) -> Path:
    """The workbook, its cached values spoiled, as LibreOffice saves it again."""
    folder = workbook.parent
    spoiled = folder / "spoiled.xlsx"
    many = 0
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(spoiled, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.startswith("xl/worksheets/sheet"):
                data, found = CACHED.subn(rb"\1<v>-7</v>", data)
                many += found
            new.writestr(item, data)
    assert many > 30
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user/registrymodifications.xcu").write_text(ALWAYS)
    command = [
        str(SOFFICE),
        f"-env:UserInstallation={profile.as_uri()}",
        *("--headless", "--norestore", "--convert-to", "xlsx"),
        *("--outdir", str(folder / "out"), str(spoiled)),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder / "out/spoiled.xlsx"


def test_recalculated_values_are_the_cached_ones(workbook, recalculated):
    written = openpyxl.load_workbook(workbook)
    cached = openpyxl.load_workbook(workbook, data_only=True)
    again = openpyxl.load_workbook(recalculated, data_only=True)
    seen = 0
    for sheet in written:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type != "f":
                    continue
                place = f"{sheet.title}!{cell.coordinate}"
                wanted = cached[sheet.title][cell.coordinate].value
                found = again[sheet.title][cell.coordinate].value
                assert_allclose(found, wanted, rtol=1e-9, err_msg=place)
                seen += 1
    assert seen > 30


def test_no_cell_is_an_error_and_every_sheet_is_there(workbook, recalculated):
    before = openpyxl.load_workbook(workbook, data_only=True)
    after = openpyxl.load_workbook(recalculated, data_only=True)
    assert after.sheetnames == before.sheetnames
    for sheet in after:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "e", f"{sheet.title}!{cell.coordinate}"


def test_texts_of_the_exhibits_come_through(workbook, recalculated):
    before = openpyxl.load_workbook(workbook, data_only=True)
    after = openpyxl.load_workbook(recalculated, data_only=True)
    for sheet in before:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and cell.value:
                    assert after[sheet.title][cell.coordinate].value == cell.value
