"""Every list and page answers, shows what it should and nothing that it must not."""

from tests.admin.console import Console


def test_crawl(console: Console, story: dict[str, str]) -> None:
    for path, html in console.crawl():
        print(path, len(html))
