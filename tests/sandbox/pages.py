"""Reads the page the way the tests speak of it: rows, words, totals."""

import html
import re

from django.test import Client


def read(http: Client, path: str = "/", language: str = "en", **query: str) -> str:
    response = http.get(path, query, headers={"Accept-Language": language})
    assert response.status_code == 200
    return response.content.decode()


def rows_of(page: str) -> list[str]:
    return re.findall(r'<tbody role="rowgroup" id="row-.*?</tbody>', page, re.DOTALL)


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def totals_of(page: str) -> list[str]:
    return re.findall(r"<dd>([\d.,]+)</dd>", page[: page.index("</dl>")])
