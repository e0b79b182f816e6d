"""Saved runs -> the pages an investment committee reads; never a new solve.

A run is read (``run``), its exhibits become plain tables (``table`` and the modules that
make them), and these are written as a page, Markdown, CSV or a workbook.
"""
