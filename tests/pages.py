"""What tests read of pages: their elements, faults of accessibility, and names that must be escaped."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

AXE = Path(__file__).parent / "vendor" / "axe-4.10.3.min.js"


NASTY = "</script><script>window.hacked = 1</script> \"A\" | 'b' & 🏥"


class Elements(HTMLParser):
    """Tags with their attributes in order, and the text outside scripts and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.sentences: list[str] = []
        self.inside, self.depth = "", 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag
        self.depth += tag in ("p", "li")

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.words.append(data)
            if self.depth:
                self.sentences.append(data)

    def handle_endtag(self, tag):
        self.inside = ""
        self.depth -= tag in ("p", "li")

    @property
    def prose(self) -> str:
        """Text of paragraphs and lists."""
        return " ".join(self.sentences)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def choose(tab, threshold: float) -> None:
    """Type a threshold and wait for the charts."""
    tab.fill("#threshold-number", repr(float(threshold)))
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def serious(tab) -> list[str]:
    """What axe-core finds serious or critical."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def tiles(tab) -> dict[str, str]:
    names = ("benefit", "interval", "probability", "evpi")
    return {n: tab.inner_text(f"#tile-{n}").replace("−", "-") for n in names}
